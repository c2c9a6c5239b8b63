//! How far a repository's notes have come: the ends of history up to which every commit was looked at, in the file
//! `codi2/noted` of the common git folder, beside the repository's id. It lies with the notes, not in a store, so that
//! whoever writes them next, with whatever store, goes on from there.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::Oid;
use crate::place::Place;

/// Longest file that is read, in bytes: some 25,000 branches.
const BYTES: u64 = 1 << 20;

/// Where it is kept.
#[derive(Debug)]
pub struct Noted(PathBuf);

impl Noted {
    /// That of a place's repository; a plain folder has none.
    pub fn of(place: &Place) -> Option<Self> {
        Some(Self(place.common_dir.as_ref()?.join("codi2/noted")))
    }

    /// The ends of what was looked at, sorted; none where nothing ever was. What is damaged counts as nothing.
    pub fn read(&self) -> Option<Vec<Oid>> {
        if fs::metadata(&self.0).ok()?.len() > BYTES {
            return None;
        }
        fs::read_to_string(&self.0).ok()?.lines().map(Oid::parse).collect()
    }

    /// Everything up to these ends was looked at.
    ///
    /// # Errors
    /// The file cannot be written; what was there is still there.
    pub fn write(&self, ends: &[Oid]) -> std::io::Result<()> {
        let draft = self.0.with_extension(std::process::id().to_string());
        let text: String = ends.iter().map(|end| format!("{end}\n")).collect();
        let mut file = fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        drop(file);
        fs::rename(&draft, &self.0).inspect_err(|_| drop(fs::remove_file(&draft)))
    }
}
