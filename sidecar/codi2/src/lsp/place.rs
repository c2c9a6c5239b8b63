//! Where a document lies: from its URI to a file of a worktree, or why it is not recorded.
//!
//! Reads the file system and git, so it runs on a thread that may block, with a time limit. Answers are remembered per
//! folder for a minute, or until git's settings change. Who started the window is awaited before: what is opened meanwhile waits, and is recorded. Absent
//! on purpose: what to do about it (the session machine decides).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use codi2_protocol::{Actor, ActorKind, FileId, KnownBy};
use codi2_workspace::{Unwatched, Who};
use tokio::sync::OnceCell;
use tower_lsp::gen_lsp_types::Uri;

use super::session::{Apart, Place, Site};

/// Time the file system has to tell a place.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time there is to find out who started the window. Whoever looks has an end of their own, far sooner.
const STARTER: Duration = Duration::from_secs(10);
/// How long a folder's place is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long it is remembered that a folder has none: a repository may be made at any time.
const NOWHERE: Duration = Duration::from_secs(3);
/// Folders remembered, at most.
const FOLDERS: usize = 256;

/// Finds places and remembers them.
#[derive(Clone)]
pub struct Locator {
    known: Arc<Mutex<Known>>,
    private: Arc<[String]>,
    finds: Arc<Mutex<Option<Finds>>>,
    agent: Arc<OnceCell<Option<Actor>>>,
}

/// Finds the agent that started a window.
type Finds = Box<dyn FnOnce() -> Option<Actor> + Send>;

type Known = HashMap<PathBuf, (Instant, Option<Found>)>;

/// A place, and who works there.
#[derive(Clone)]
struct Found {
    place: codi2_workspace::Place,
    who: Who,
}

impl Locator {
    /// A locator for which files that match these globs are private. In a window that an agent started, who works is
    /// that agent and no person; `agent` finds it.
    pub fn new(private: Vec<String>, agent: Finds) -> Self {
        let finds = Arc::new(Mutex::new(Some(agent)));
        Self { known: Arc::default(), private: private.into(), finds, agent: Arc::default() }
    }

    /// Finds out who started the window, in the background: whoever did may be gone when its first file is opened.
    pub fn look_above(&self) {
        let this = self.clone();
        tokio::spawn(async move { this.agent().await.is_some() });
    }

    /// The agent that started the window, looked for once.
    async fn agent(&self) -> Option<Actor> {
        let look = async || {
            let finds = self.finds.lock().unwrap_or_else(PoisonError::into_inner).take()?;
            let found = tokio::task::spawn_blocking(finds).await;
            found.unwrap_or_else(|error| {
                tracing::warn!(%error, "who started this window cannot be found; it is taken for a person's");
                None
            })
        };
        self.agent.get_or_init(look).await.clone()
    }

    /// Where a document lies. A file system that takes longer than two seconds is [`Apart::Unreachable`]; who started the
    /// window is awaited first, for ten at most.
    pub async fn document(&self, uri: &str) -> Place {
        let Some(path) = file_path(uri) else { return Place::Apart(Apart::NoFile) };
        let this = self.clone();
        // A task of its own: whoever stops waiting does not stop the search.
        let agent = tokio::spawn(async move { this.agent().await });
        let Ok(Ok(agent)) = tokio::time::timeout(STARTER, agent).await else {
            return Place::Apart(Apart::Unreachable);
        };
        let this = self.clone();
        let found = tokio::task::spawn_blocking(move || this.locate(&path, agent));
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(Ok(place)) => place,
            _ => Place::Apart(Apart::Unreachable),
        }
    }

    /// The worktree of a folder, if it lies in one.
    pub async fn folder(&self, uri: &str) -> Option<Site> {
        self.root(file_path(uri)?).await
    }

    /// The worktree of a folder, by its path.
    pub async fn root(&self, path: PathBuf) -> Option<Site> {
        let agent = self.agent().await;
        let this = self.clone();
        let found = tokio::task::spawn_blocking(move || this.place_of(&path).map(|found| site(&found, agent)));
        found.await.ok().flatten()
    }

    fn locate(&self, path: &Path, agent: Option<Actor>) -> Place {
        if path.components().any(|name| name.as_os_str() == ".git") {
            return Place::Apart(Apart::GitFolder);
        }
        // A file whose path holds a token is as private as the token.
        if codi2_redaction::holds_token(&path.to_string_lossy()) {
            return Place::Apart(Apart::Private);
        }
        let folder = path.parent().unwrap_or(path);
        let Some(found) = self.place_of(folder) else { return Place::Apart(Apart::NoWorktree) };
        let place = &found.place;
        let Some(relative) = codi2_workspace::relative(place, path) else { return Place::Apart(Apart::NoWorktree) };
        match codi2_workspace::unrecorded(place, &relative, &self.private) {
            None if codi2_redaction::holds_token(&relative) => return Place::Apart(Apart::Private),
            None => {}
            Some(Unwatched::Private) => return Place::Apart(Apart::Private),
            Some(Unwatched::Ignored) => return Place::Apart(Apart::Ignored),
            Some(Unwatched::Outside) => return Place::Apart(Apart::NoWorktree),
            Some(Unwatched::Unreadable) => return Place::Apart(Apart::Unreachable),
        }
        let file = FileId { worktree: place.worktree.clone(), path: relative };
        Place::Recorded { file, site: Box::new(site(&found, agent)) }
    }

    /// The worktree of a folder. Plain folders without git are none here: an editor opens files anywhere.
    fn place_of(&self, folder: &Path) -> Option<Found> {
        let remembered = self.lock().get(folder).cloned();
        match remembered {
            Some((at, None)) if at.elapsed() < NOWHERE => return None,
            Some((at, Some(found))) if at.elapsed() < REMEMBERED && found.who.stands(&found.place) => {
                return Some(found);
            }
            _ => {}
        }
        let place = match codi2_workspace::identify(folder) {
            Ok(place) => Some(place).filter(|place| place.git_dir.is_some()),
            Err(error) => {
                tracing::debug!(%error, "a folder has no place");
                None
            }
        };
        let found = place.map(|place| Found { who: Who::at(&place), place });
        let mut known = self.lock();
        if known.len() >= FOLDERS {
            known.clear();
        }
        known.insert(folder.to_owned(), (Instant::now(), found.clone()));
        found
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        // A map of answers is whole whenever its lock is free.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worktree, and who works there: the agent that started the window, or whose worktree it is.
fn site(Found { place, who }: &Found, agent: Option<Actor>) -> Site {
    let person = Actor::named(ActorKind::Person, who.person.clone());
    let by = if who.is_git_identity { KnownBy::GitIdentity } else { KnownBy::Account };
    Site {
        worktree: place.worktree.clone(),
        root: place.root.to_string_lossy().into_owned(),
        branch: place.branch.clone(),
        head: place.head.clone(),
        actor: match agent {
            Some(agent) => agent.on_behalf_of(person, by),
            None => person,
        },
    }
}

/// The path of a `file` URI; any other scheme has none.
fn file_path(uri: &str) -> Option<PathBuf> {
    uri.parse::<Uri>().ok().filter(|uri| uri.scheme() == "file")?.to_file_path().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// A repository, and the URI of a file in it.
    fn file() -> (tempfile::TempDir, String) {
        let folder = crate::lsp::tests::repository();
        let root = folder.path().canonicalize().unwrap();
        let uri = Uri::from_file_path(root.join("a.rs")).unwrap().to_string();
        (folder, uri)
    }

    /// What a look that was begun says of who works there.
    fn worker(place: Place) -> Actor {
        match place {
            Place::Recorded { site, .. } => site.actor,
            Place::Apart(why) => panic!("not recorded: {why:?}"),
        }
    }

    #[tokio::test]
    async fn what_is_opened_before_it_is_known_who_started_the_window_is_recorded() {
        tokio::time::pause();
        let (_folder, uri) = file();
        let (find, found) = channel();
        let agent = Actor::named(ActorKind::Agent, "bot");
        let locator = Locator::new(Vec::new(), Box::new(move || found.recv().ok()));
        locator.look_above();
        let opened = tokio::spawn({
            let (locator, uri) = (locator.clone(), uri.clone());
            async move { locator.document(&uri).await }
        });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(2 * PATIENCE).await;
        tokio::task::yield_now().await;
        find.send(agent.clone()).unwrap();
        assert_eq!(worker(opened.await.unwrap()).name, agent.name);
        assert_eq!(worker(locator.document(&uri).await).name, agent.name, "known from now on");
    }

    #[tokio::test]
    async fn whose_the_worktree_is_is_learnt_when_git_says_another() {
        let (folder, uri) = file();
        let locator = Locator::new(Vec::new(), Box::new(|| None));
        let first = worker(locator.document(&uri).await);
        let mut git = std::process::Command::new("git");
        git.arg("-C").arg(folder.path()).args(["config", "user.name", "Bob Builder"]);
        assert!(git.status().unwrap().success());
        let second = worker(locator.document(&uri).await);
        assert!(first.name != second.name && second.name.starts_with("Bob Builder"), "{first} {second}");
        let root = folder.path().canonicalize().unwrap();
        assert_eq!(locator.root(root).await.map(|site| site.actor), Some(second));
    }

    #[tokio::test]
    async fn where_the_look_breaks_files_are_recorded_all_the_same() {
        let (_folder, uri) = file();
        let locator = Locator::new(Vec::new(), Box::new(|| panic!("broken on request")));
        for _ in 0..2 {
            assert_eq!(worker(locator.document(&uri).await).kind, ActorKind::Person);
        }
    }
}
