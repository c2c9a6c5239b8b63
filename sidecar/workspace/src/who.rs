//! Who works at a place, learnt again when git's settings change.
//!
//! Looking whether they did costs a few looks at files. Files that others include are not looked at, so what stands in
//! those is learnt within a minute.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use crate::git::View;
use crate::place::{Place, account, person};

/// How long an answer counts whatever the files look like.
const OLD: Duration = Duration::from_secs(60);

/// Who works at a place, and what git's files of settings were when that was read.
#[derive(Debug, Clone)]
pub struct Who {
    /// `name <email>` as git knows it, else the operating-system account.
    pub person: String,
    /// Whether that is git's identity.
    pub is_git_identity: bool,
    files: Vec<Option<Seen>>,
    at: Instant,
}

/// What a file was: one that was written since differs.
type Seen = (Option<SystemTime>, u64, u64);

impl Who {
    /// Who works there now; where git cannot be read, who did when the place was told.
    pub fn at(place: &Place) -> Self {
        let (files, at) = (seen(place), Instant::now());
        let named = match View::of(place) {
            Ok(view) => person(view.config("user.name"), view.config("user.email")),
            Err(_) => place.is_git_identity.then(|| place.person.clone()),
        };
        let (person, is_git_identity) = named.map_or_else(|| (account(), false), |named| (named, true));
        Self { person, is_git_identity, files, at }
    }

    /// Whether nothing says that it may be somebody else by now.
    pub fn stands(&self, place: &Place) -> bool {
        self.at.elapsed() < OLD && self.files == seen(place)
    }
}

/// What the files are now in which git's settings stand.
fn seen(place: &Place) -> Vec<Option<Seen>> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME");
    let user = variable("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let files = [
        variable("GIT_CONFIG_SYSTEM").or_else(|| Some(PathBuf::from("/etc/gitconfig"))),
        variable("GIT_CONFIG_GLOBAL"),
        user.map(|user| user.join("git/config")),
        home.map(|home| home.join(".gitconfig")),
        place.common_dir.as_ref().map(|common| common.join("config")),
        place.git_dir.as_ref().map(|own| own.join("config.worktree")),
    ];
    files.into_iter().map(|file| file.and_then(|file| look(&file))).collect()
}

fn look(file: &std::path::Path) -> Option<Seen> {
    let found = std::fs::metadata(file).ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let number = 0;
    Some((found.modified().ok(), found.len(), number))
}
