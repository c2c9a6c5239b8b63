//! A repository as git sees it without the person's settings of how things are shown.
//!
//! Git reads every setting before any option: one that names no file (`blame.ignoreRevsFile`), or whose value makes no
//! sense, ends a command that would never use it, and nothing on the command line keeps it from being read. So git is
//! led to a folder that has everything of the repository's by links, but a configuration of its own: what says how
//! files are read, and nothing else. For one question after a failure; absent on purpose: any write, and a long life
//! (what appears in the repository later is not linked).

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use codi2_protocol::EventId;

use super::program::Program;

/// Settings that say which bytes a file has and who a name is; all others are of how things are shown, or of writing.
const KEPT: [&str; 3] = ["core.", "filter.", "mailmap."];

/// What git must know of a repository's format, from its own configuration alone.
const FORMAT: [&str; 3] = ["core.repositoryformatversion", "core.bare", "extensions."];

/// The folders of a repository, seen from one worktree.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    /// The worktree's root, or the bare repository.
    pub(super) root: PathBuf,
    pub(super) git_dir: PathBuf,
    pub(super) common_dir: PathBuf,
}

/// The folder of links, which goes with it.
pub(super) struct Plain {
    folder: PathBuf,
    environment: Vec<(String, OsString)>,
}

impl Plain {
    /// `None` where the person has no settings that could matter.
    ///
    /// # Errors
    /// Git does not tell the settings, or the folder cannot be made.
    pub(super) fn of(program: &Program, folders: &Folders) -> io::Result<Option<Self>> {
        let listed = program.output(&["config", "--list", "-z"]).map_err(io::Error::other)?;
        let listed = String::from_utf8_lossy(&listed);
        let all = || listed.split('\0').filter_map(setting);
        if !all().any(|(key, _)| key.starts_with("blame.") || key.starts_with("diff.") || key.starts_with("log.")) {
            return Ok(None);
        }
        let is_format = |key: &str| FORMAT.iter().any(|kept| key.starts_with(kept));
        let is_kept = |key: &str| !is_format(key) && KEPT.iter().any(|kept| key.starts_with(kept));
        let mut plain = Self { folder: private_folder()?, environment: Vec::new() };
        // The worktree's own configuration would be read beside this one.
        let format = all().filter(|(key, _)| is_format(key) && *key != "extensions.worktreeconfig");
        std::fs::write(plain.folder.join("config"), format.map(|(key, value)| line(key, value)).collect::<String>())?;
        for entry in std::fs::read_dir(&folders.common_dir)? {
            let entry = entry?;
            if entry.file_name() != "config" {
                link(&entry.path(), &plain.folder.join(entry.file_name()))?;
            }
        }
        let mut set = |name: &str, value: OsString| plain.environment.push((name.to_owned(), value));
        set("GIT_DIR", folders.git_dir.clone().into());
        set("GIT_COMMON_DIR", plain.folder.clone().into());
        if folders.root != folders.git_dir {
            set("GIT_WORK_TREE", folders.root.clone().into());
        }
        set("GIT_CONFIG_NOSYSTEM", "1".into());
        set("GIT_CONFIG_GLOBAL", null().into());
        let mut count = 0;
        for (key, value) in all().filter(|(key, _)| is_kept(key)) {
            set(&format!("GIT_CONFIG_KEY_{count}"), key.into());
            set(&format!("GIT_CONFIG_VALUE_{count}"), value.into());
            count += 1;
        }
        set("GIT_CONFIG_COUNT", count.to_string().into());
        Ok(Some(plain))
    }

    /// Leads a command here.
    pub(super) fn lead(&self, command: &mut Command) {
        command.env_remove("GIT_CONFIG_PARAMETERS");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // Links are removed, not what they lead to.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// `key\nvalue` as `git config -z` lists it; a key alone is true.
fn setting(listed: &str) -> Option<(&str, &str)> {
    (!listed.is_empty()).then(|| listed.split_once('\n').unwrap_or((listed, "true")))
}

/// A setting without a subsection as its file has it.
fn line(key: &str, value: &str) -> String {
    let (section, name) = key.split_once('.').unwrap_or((key, ""));
    format!("[{section}]\n\t{name} = \"{}\"\n", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn private_folder() -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("codi2-git-{}", EventId::new()));
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder)?;
    Ok(folder)
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(unix)]
fn null() -> &'static str {
    "/dev/null"
}

/// Untested.
#[cfg(windows)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        std::os::windows::fs::symlink_dir(from, to)
    } else {
        std::os::windows::fs::symlink_file(from, to)
    }
}

#[cfg(windows)]
fn null() -> &'static str {
    "NUL"
}
