//! The git view of one worktree: HEAD, index, blobs, stashes, reflog, marks. Read only, without optional locks.
//!
//! Two ways to read. libgit2 for what it can: no process, no locks. The `git` program for what it cannot: SHA-256
//! objects, reftable, split and sparse indexes, and every filter (line ends, encodings, LFS). A view belongs to one
//! thread. The one thing that writes is `notes`. Absent on purpose: anything else that does.

mod asked;
mod by_folder;
mod commits;
mod committer;
mod earlier;
mod explain;
mod history;
mod index;
mod libgit;
mod noted;
mod notes;
mod operation;
mod others;
pub mod past;
mod plain;
mod program;
mod state;
mod window;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use asked::{About, Asked};
pub use commits::{Before, Came, Change, Commit, Commits, Kin, Listed};
pub(crate) use explain::{Explainer, Found, Writing};
pub(crate) use history::History;
pub(crate) use index::Index;
pub use noted::Noted;
pub use notes::{Join, Joined, Note, Notes, Unread};
pub(crate) use operation::Moved;
pub use others::Foreign;
pub use state::is_amid_commits;
pub(crate) use state::{State, Whose};
pub(crate) use window::{Lock, Window};

use crate::path::git_bytes;
use crate::place::Place;
use libgit::Libgit;
use plain::Folders;
use program::{Cat, Program};

/// How every comparison is made, whatever the person's configuration says: the lines of blame and of diffs are the same.
const COMPARED: [&str; 7] = [
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--inter-hunk-context=0",
    "--find-renames",
    "--diff-algorithm=myers",
    "--indent-heuristic",
];

/// A git object's name: SHA-1 or SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    bytes: [u8; 32],
    len: u8,
}

impl Oid {
    pub(crate) fn from_bytes(raw: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        bytes.get_mut(..raw.len())?.copy_from_slice(raw);
        (raw.len() == 20 || raw.len() == 32).then_some(Self { bytes, len: u8::try_from(raw.len()).ok()? })
    }

    /// Reads a whole name in hexadecimal.
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 40 && digits.len() != 64 {
            return None;
        }
        let raw: Option<Vec<u8>> =
            digits.chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
        Self::from_bytes(&raw?)
    }

    fn raw(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The all-zero name that reflogs write for "nothing".
    pub(crate) fn is_zero(&self) -> bool {
        self.raw().iter().all(|byte| *byte == 0)
    }

    /// The SHA-1 name of a blob.
    pub fn of_blob(bytes: &[u8]) -> Option<Self> {
        let oid = git2::Oid::hash_object(git2::ObjectType::Blob, bytes).ok()?;
        Self::from_bytes(oid.as_bytes())
    }

    /// Whether this names a blob of exactly these bytes. SHA-256 names are never recognised: the crate has no SHA-256.
    pub(crate) fn is_blob_of(&self, bytes: &[u8]) -> bool {
        self.len == 20 && Self::of_blob(bytes) == Some(*self)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// From this length on, asking git for a blob's size is cheaper than naming the bytes (about 4 ms for each MB).
const MEASURED_BYTES: usize = 64 << 10;

/// What HEAD points to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// `None` when unborn.
    pub(crate) commit: Option<Oid>,
    /// Without `refs/heads/`; `None` when detached.
    pub(crate) branch: Option<String>,
}

/// A repository that cannot be read. Ends the request for `identify`; a running watch goes on without git and says so.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Only the git program could read it, and it is not there.
    #[error("it needs the git program ({reason}), which is not on the PATH")]
    NeedsProgram {
        /// What libgit2 said.
        reason: String,
    },
    /// The git program refused too.
    #[error("{0}")]
    Refused(String),
    /// A single read failed.
    #[error("{0}")]
    Read(String),
}

#[cfg(test)]
thread_local! {
    /// Views that were opened, and processes started to filter.
    pub(crate) static OPENED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    pub(crate) static STARTED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// One thread's view of a worktree's git.
pub(crate) struct View {
    library: Option<Libgit>,
    program: Program,
    /// A running `git cat-file`, kept while one batch is judged.
    cat: Option<Cat>,
    filtering: Option<Cat>,
    /// Whether any filter may apply: else the form in the worktree is the blob itself.
    filters: bool,
    configured_filters: bool,
    pub(crate) git_dir: PathBuf,
    pub(crate) common_dir: PathBuf,
    entries: HashMap<(Oid, String), Option<Oid>>,
    /// Where branches end, while one batch is judged.
    ends: Option<Vec<Oid>>,
}

impl View {
    /// The view of a place; a plain folder has none.
    pub(crate) fn of(place: &Place) -> Result<Self, ViewError> {
        let (Some(git_dir), Some(common_dir)) = (&place.git_dir, &place.common_dir) else {
            return Err(ViewError::Refused(format!("{} is not in a git repository", place.root.display())));
        };
        Self::open(&place.root, git_dir, common_dir)
    }

    pub(crate) fn open(root: &Path, git_dir: &Path, common_dir: &Path) -> Result<Self, ViewError> {
        #[cfg(test)]
        OPENED.set(OPENED.get() + 1);
        let folders = Folders { root: root.to_owned(), git_dir: git_dir.to_owned(), common_dir: common_dir.to_owned() };
        let program = Program::new(root, &folders);
        let library = match Libgit::open(root) {
            Ok(library) => Some(library),
            Err(reason) => {
                program.probe(&reason)?;
                None
            }
        };
        let mut view = Self {
            library,
            program,
            cat: None,
            filtering: None,
            filters: true,
            configured_filters: true,
            git_dir: git_dir.to_owned(),
            common_dir: common_dir.to_owned(),
            entries: HashMap::new(),
            ends: None,
        };
        view.reload_config();
        Ok(view)
    }

    /// Reads again whether the configuration asks for filters.
    pub(crate) fn reload_config(&mut self) {
        let on =
            |key| self.config(key).is_some_and(|value| !matches!(value.as_str(), "false" | "no" | "off" | "0" | ""));
        let user_file = self.config("core.attributesfile").map(PathBuf::from).or_else(default_attributes);
        self.configured_filters = on("core.autocrlf")
            || self.config("core.eol").is_some()
            || self.common_dir.join("info/attributes").exists()
            || user_file.is_some_and(|file| file.exists());
        self.filters = self.configured_filters;
    }

    /// Says whether the index (or the worktree) has attribute files.
    pub(crate) fn set_filters(&mut self, attributes: bool) {
        self.filters = self.configured_filters || attributes;
    }

    pub(crate) fn config(&self, key: &str) -> Option<String> {
        match &self.library {
            Some(library) => library.config(key),
            None => self.program.line(&["config", "--get", key]),
        }
    }

    /// libgit2, where it sees the history that git sees.
    fn same_history(&self) -> Option<&Libgit> {
        self.library.as_ref().filter(|library| library.has_plain_history())
    }

    /// The commit at the end of HEAD's line of first parents. Always asks the program, which walks far without loading.
    pub(crate) fn first_commit(&self) -> Option<String> {
        self.program.line(&["rev-list", "--first-parent", "--max-parents=0", "HEAD"])
    }

    pub(crate) fn head(&self) -> Result<Head, ViewError> {
        match &self.library {
            Some(library) => library.head(),
            None => Ok(Head {
                commit: self
                    .program
                    .line(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
                    .and_then(|hex| Oid::parse(&hex)),
                branch: self
                    .program
                    .line(&["symbolic-ref", "--quiet", "HEAD"])
                    .map(|name| name.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(name)),
            }),
        }
    }

    /// The index as it is now. libgit2 refuses split and sparse indexes: then the program reads it.
    pub(crate) fn index(&self) -> Result<Index, ViewError> {
        if self.library.is_some()
            && let Ok(index) = Index::load(&self.git_dir.join("index"))
        {
            return Ok(index);
        }
        let listing = self.program.output(&["ls-files", "-s", "-t", "-z"])?;
        Ok(Index::parse(&listing))
    }

    /// The blob at a path of a commit.
    pub(crate) fn entry(&mut self, commit: Oid, path: &str) -> Option<Oid> {
        let key = (commit, path.to_owned());
        if let Some(known) = self.entries.get(&key) {
            return *known;
        }
        let found = match &self.library {
            Some(library) => library.entry(commit, &git_bytes(path)?),
            None => {
                let name = [format!("{commit}:").as_bytes(), &git_bytes(path)?].concat();
                self.cat()?.info(&name).filter(|info| info.blob).map(|info| info.oid)
            }
        };
        // Names are immutable facts; the map is bounded by forgetting all of it.
        if self.entries.len() > 20_000 {
            self.entries.clear();
        }
        self.entries.insert(key, found);
        found
    }

    fn cat(&mut self) -> Option<&mut Cat> {
        if self.cat.is_none() {
            self.cat = self.program.cat(false);
        }
        self.cat.as_mut()
    }

    /// A blob's bytes as git stores them.
    pub(crate) fn blob(&mut self, oid: Oid) -> Option<Vec<u8>> {
        match &self.library {
            Some(library) => library.blob(oid),
            None => self.cat()?.contents(oid),
        }
    }

    /// A blob's bytes as git would write them to the worktree at a path.
    pub(crate) fn worktree_form(&mut self, path: &str, oid: Oid) -> Option<Vec<u8>> {
        let name = git_bytes(path)?;
        // The protocol of `cat-file --batch-command` is made of lines.
        if !self.filters || name.contains(&b'\n') {
            return self.blob(oid);
        }
        if self.filtering.is_none() {
            #[cfg(test)]
            STARTED.set(STARTED.get() + 1);
            self.filtering = self.program.cat(true);
        }
        match self.filtering.as_mut().and_then(|cat| cat.filtered(oid, &name)) {
            Some(bytes) => Some(bytes),
            None => self.blob(oid),
        }
    }

    /// Whether bytes of the worktree are what git would write there for a blob.
    pub(crate) fn same(&mut self, path: &str, oid: Oid, bytes: &[u8]) -> bool {
        if bytes.len() > MEASURED_BYTES && self.differs_in_size(oid, bytes.len() as u64) {
            return false;
        }
        if oid.is_blob_of(bytes) {
            return true;
        }
        (self.filters || self.library.is_none()) && self.worktree_form(path, oid).is_some_and(|form| form == bytes)
    }

    /// Bytes of a blob as git stores it.
    pub(crate) fn blob_size(&mut self, oid: Oid) -> Option<u64> {
        let size = match &self.library {
            Some(library) => library.blob_size(oid),
            None => self.cat()?.info(oid.to_string().as_bytes()).filter(|info| info.blob).map(|info| info.size),
        };
        size.map(|size| size as u64)
    }

    /// Whether a file of so many bytes cannot be what git would write for a blob, by their sizes alone: saves naming it.
    pub(crate) fn differs_in_size(&mut self, oid: Oid, bytes: u64) -> bool {
        !self.filters && self.blob_size(oid).is_some_and(|size| size != bytes)
    }

    /// The name that git would give a file of the worktree, read by git itself. For files too large to hold.
    pub(crate) fn hash_file(&self, path: &str) -> Option<Oid> {
        let path = crate::path::from_relative(path)?;
        let path = path.to_str()?;
        self.program.line(&["hash-object", "--", path]).and_then(|hex| Oid::parse(&hex))
    }

    /// The name git gives bytes at a path; by git itself where a filter or SHA-256 is in the way.
    pub(crate) fn name_of(&self, path: &str, bytes: &[u8]) -> Option<Oid> {
        if self.library.is_some() && !self.filters { Oid::of_blob(bytes) } else { self.hash_file(path) }
    }

    /// Whether git has a blob.
    pub(crate) fn has(&mut self, oid: Oid) -> bool {
        match &self.library {
            Some(library) => library.has(oid),
            None => self.cat().and_then(|cat| cat.info(oid.to_string().as_bytes())).is_some_and(|info| info.blob),
        }
    }

    /// First parent and the others.
    pub(crate) fn parents(&mut self, commit: Oid) -> Vec<Oid> {
        match &self.library {
            Some(library) => library.parents(commit),
            None => {
                let spec = format!("{commit}^@");
                let text = self.program.output(&["rev-parse", &spec]).unwrap_or_default();
                String::from_utf8_lossy(&text).lines().filter_map(Oid::parse).collect()
            }
        }
    }

    pub(crate) fn merge_base(&mut self, one: Oid, two: Oid) -> Option<Oid> {
        match &self.library {
            Some(library) => library.merge_base(one, two),
            None => {
                self.program.line(&["merge-base", &one.to_string(), &two.to_string()]).and_then(|hex| Oid::parse(&hex))
            }
        }
    }

    /// What a reference points to, by its full name.
    pub(crate) fn reference(&self, name: &str) -> Option<Oid> {
        match &self.library {
            Some(library) => library.reference(name),
            None => self.program.line(&["rev-parse", "--verify", "--quiet", name]).and_then(|hex| Oid::parse(&hex)),
        }
    }

    /// The newest entries of a reflog that all worktrees share, oldest first.
    pub(crate) fn reflog(&self, reference: &str) -> Vec<Moved> {
        if self.library.is_some() {
            return operation::read_from(&self.common_dir.join("logs").join(reference), 0).0;
        }
        let walk = self.program.settled_output(&["log", "-g", "-n", "8", "-z", "--format=%H %gs", reference, "--"]);
        operation::parse_log_walk(&walk.unwrap_or_default())
    }

    /// New lines of HEAD's reflog since a position (`None`: only the position is wanted), and the position now.
    pub(crate) fn head_log_since(&self, from: Option<u64>) -> (Vec<Moved>, u64) {
        if self.library.is_some() || self.git_dir.join("logs/HEAD").exists() {
            let file = self.git_dir.join("logs/HEAD");
            return match from {
                Some(from) => operation::read_from(&file, from),
                None => (Vec::new(), std::fs::metadata(file).map(|meta| meta.len()).unwrap_or_default()),
            };
        }
        let count = self.program.line(&["rev-list", "-g", "--count", "HEAD", "--"]).and_then(|line| line.parse().ok());
        let count: u64 = count.unwrap_or_default();
        let new = from.map_or(0, |from| count.saturating_sub(from)).min(64);
        if new == 0 {
            return (Vec::new(), count);
        }
        // One more, so that the oldest new one knows what was before it.
        let limit = format!("{}", new + 1);
        let walk = self.program.settled_output(&["log", "-g", "-n", &limit, "-z", "--format=%H %gs", "HEAD", "--"]);
        let mut entries = operation::parse_log_walk(&walk.unwrap_or_default());
        let surplus = entries.len().saturating_sub(usize::try_from(new).unwrap_or_default());
        entries.drain(..surplus);
        (entries, count)
    }

    /// Where branches and remotes' branches end, and what was fetched last: the newest of them.
    fn ends(&mut self) -> &[Oid] {
        if self.ends.is_none() {
            self.ends = Some(others::ends(self));
        }
        self.ends.as_deref().unwrap_or_default()
    }

    /// Ends the helper processes; called when a batch is judged. They cache attributes, so none outlives its batch.
    pub(crate) fn rest(&mut self) {
        self.ends = None;
        self.cat = None;
        self.filtering = None;
    }
}

/// Where git looks for the user's attributes if nothing else is configured.
fn default_attributes() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(base.join("git/attributes"))
}
