//! Where a document lies: from its URI to a file of a worktree, or why it is not recorded.
//!
//! Reads the file system and git, so it runs on a thread that may block, with a time limit. Answers are remembered per
//! folder for a minute. Absent on purpose: what to do about it (the session machine decides).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use codi2_protocol::{Actor, ActorKind, FileId, KnownBy};
use codi2_workspace::Unwatched;
use tower_lsp::gen_lsp_types::Uri;

use super::session::{Apart, Place, Site};

/// Time the file system has to tell a place.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a folder's place is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long it is remembered that a folder has none: a repository may be made at any time.
const NOWHERE: Duration = Duration::from_secs(3);
/// Folders remembered, at most.
const FOLDERS: usize = 256;

/// Finds places and remembers them.
#[derive(Debug, Clone)]
pub struct Locator {
    known: Arc<Mutex<Known>>,
    private: Arc<[String]>,
    agent: Arc<LazyLock<Option<Actor>, Finds>>,
}

/// Finds the agent that started a window.
type Finds = Box<dyn FnOnce() -> Option<Actor> + Send>;

type Known = HashMap<PathBuf, (Instant, Option<codi2_workspace::Place>)>;

impl Locator {
    /// A locator for which files that match these globs are private. In a window that an agent started, who works is
    /// that agent and no person; `agent` finds it.
    pub fn new(private: Vec<String>, agent: Finds) -> Self {
        Self { known: Arc::default(), private: private.into(), agent: Arc::new(LazyLock::new(agent)) }
    }

    /// Finds out who started the window, in the background: whoever did may be gone when its first file is opened.
    pub fn look_above(&self) {
        let agent = Arc::clone(&self.agent);
        tokio::task::spawn_blocking(move || LazyLock::force(&agent).is_some());
    }

    /// Where a document lies. Never takes longer than two seconds: a file system that does is [`Apart::Unreachable`].
    pub async fn document(&self, uri: &str) -> Place {
        let Some(path) = file_path(uri) else { return Place::Apart(Apart::NoFile) };
        let this = self.clone();
        let found = tokio::task::spawn_blocking(move || this.locate(&path));
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(Ok(place)) => place,
            _ => Place::Apart(Apart::Unreachable),
        }
    }

    /// The worktree of a folder, if it lies in one.
    pub async fn folder(&self, uri: &str) -> Option<Site> {
        let path = file_path(uri)?;
        let this = self.clone();
        let found = tokio::task::spawn_blocking(move || this.place_of(&path).map(|place| this.site(&place)));
        found.await.ok().flatten()
    }

    fn locate(&self, path: &Path) -> Place {
        if path.components().any(|name| name.as_os_str() == ".git") {
            return Place::Apart(Apart::GitFolder);
        }
        // A file whose path holds a token is as private as the token.
        if codi2_redaction::holds_token(&path.to_string_lossy()) {
            return Place::Apart(Apart::Private);
        }
        let folder = path.parent().unwrap_or(path);
        let Some(place) = self.place_of(folder) else { return Place::Apart(Apart::NoWorktree) };
        let Some(relative) = codi2_workspace::relative(&place, path) else { return Place::Apart(Apart::NoWorktree) };
        match codi2_workspace::unrecorded(&place, &relative, &self.private) {
            None if codi2_redaction::holds_token(&relative) => return Place::Apart(Apart::Private),
            None => {}
            Some(Unwatched::Private) => return Place::Apart(Apart::Private),
            Some(Unwatched::Ignored) => return Place::Apart(Apart::Ignored),
            Some(Unwatched::Outside) => return Place::Apart(Apart::NoWorktree),
            Some(Unwatched::Unreadable) => return Place::Apart(Apart::Unreachable),
        }
        let file = FileId { worktree: place.worktree.clone(), path: relative };
        Place::Recorded { file, site: Box::new(self.site(&place)) }
    }

    /// The worktree of a folder. Plain folders without git are none here: an editor opens files anywhere.
    fn place_of(&self, folder: &Path) -> Option<codi2_workspace::Place> {
        let fresh = |(at, place): &&(Instant, Option<codi2_workspace::Place>)| {
            at.elapsed() < if place.is_some() { REMEMBERED } else { NOWHERE }
        };
        let remembered = self.lock().get(folder).filter(fresh).cloned();
        if let Some((_, place)) = remembered {
            return place;
        }
        let place = match codi2_workspace::identify(folder) {
            Ok(place) => Some(place).filter(|place| place.git_dir.is_some()),
            Err(error) => {
                tracing::debug!(%error, "a folder has no place");
                None
            }
        };
        let mut known = self.lock();
        if known.len() >= FOLDERS {
            known.clear();
        }
        known.insert(folder.to_owned(), (Instant::now(), place.clone()));
        place
    }

    fn site(&self, place: &codi2_workspace::Place) -> Site {
        let person = || Actor::named(ActorKind::Person, place.person.clone());
        let by = if place.is_git_identity { KnownBy::GitIdentity } else { KnownBy::Account };
        Site {
            worktree: place.worktree.clone(),
            root: place.root.to_string_lossy().into_owned(),
            branch: place.branch.clone(),
            head: place.head.clone(),
            actor: match &**self.agent {
                Some(agent) => agent.clone().on_behalf_of(person(), by),
                None => person(),
            },
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        // A map of answers is whole whenever its lock is free.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path of a `file` URI; any other scheme has none.
fn file_path(uri: &str) -> Option<PathBuf> {
    uri.parse::<Uri>().ok().filter(|uri| uri.scheme() == "file")?.to_file_path().ok()
}
