//! What git has committed, as reports ask for it: which commit each line of a file came with, and which lines commits
//! brought. Always through the `git` program, whose blame and diff are the ones that everybody else sees.
//!
//! Works where there are no files (bare repositories) and where history ends early (shallow clones), which it can tell.
//! A person's configuration that changes what a line is or whose it is (ignored revisions, external diffs, renamed
//! prefixes, another algorithm) is left out: the lines must be those that notes speak of. Absent on purpose: who wrote a
//! line (notes say), any write.

mod asked;
pub(super) mod blame;
mod error;
pub(super) mod patch;
mod quote;
mod range;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use blame::{Blamed, BlamedCommit, BlamedLine};
pub use error::PastError;
pub use patch::{CommitPatch, FileChange, Keep, PatchLine, Side, Status};

use super::plain::Folders;
use super::program::Program;
use super::promised::promisor;
use super::{Commits, Notes, Oid, View, ViewError};
use crate::path::{git_bytes, to_relative};
use crate::place::{Root, resolve, root};
use asked::may_be_set;

/// The committed past of one repository, seen from one folder.
pub struct Past {
    /// Where git runs for files: the worktree's root, or the bare repository.
    root: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    bare: bool,
    top: Program,
    here: Program,
}

/// What follows is a revision, whatever it looks like.
const NO_OPTIONS: &str = "--end-of-options";

impl Past {
    /// The repository that holds a folder.
    ///
    /// # Errors
    /// No repository, or one that leads nowhere.
    pub fn open(folder: &Path) -> Result<Self, PastError> {
        let (root, git_dir, common_dir, bare) = match root(folder)? {
            Root::Worktree { root, git_dir, common_dir } => (root, git_dir, common_dir, false),
            Root::Bare(root) => (root.clone(), root.clone(), root, true),
            Root::None(folder) => return Err(PastError::NoRepository(folder)),
        };
        let folders = Folders { root: root.clone(), git_dir: git_dir.clone(), common_dir: common_dir.clone() };
        let here = Program::new(if folder.is_dir() { folder } else { &root }, &folders);
        Ok(Self { bare, top: Program::new(&root, &folders), here, root, git_dir, common_dir })
    }

    /// The same, where git may fetch what a partial clone lacks, as `git blame` does: for commands that a person runs.
    #[must_use]
    pub fn fetching(self) -> Self {
        Self { top: self.top.fetching(), here: self.here.fetching(), ..self }
    }

    /// Whether this clone may lack texts of what is committed (`git clone --filter`).
    pub fn is_partial(&self) -> bool {
        promisor(&self.top).is_some()
    }

    /// The worktree's root, or the bare repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The protocol path of a file, which need not exist; links of its folder are resolved. In a bare repository paths
    /// begin at its root. `None` for what is not below the root.
    pub fn below(&self, path: &Path) -> Option<String> {
        if self.bare {
            return to_relative(path);
        }
        let full = std::path::absolute(path).ok()?;
        let folder = resolve(full.parent()?)?;
        to_relative(folder.join(full.file_name()?).strip_prefix(&self.root).ok()?)
    }

    /// Whether there is no worktree.
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// Whether history ends early in this clone.
    pub fn is_shallow(&self) -> bool {
        self.top.line(&["rev-parse", "--is-shallow-repository"]).as_deref() == Some("true")
    }

    /// The commits at which history ends early in this clone, in hexadecimal.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn shallow_ends(&self) -> Result<Vec<String>, PastError> {
        let words = ["rev-parse", "--git-path", "shallow"].map(OsString::from);
        let file = String::from_utf8_lossy(&self.run(&self.top, &words, None)?).trim_end().to_owned();
        match std::fs::read_to_string(self.root.join(&file)) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(PastError::Git(format!("{file} cannot be read: {error}"))),
        }
    }

    /// The commit that a revision names, in hexadecimal.
    ///
    /// # Errors
    /// No such commit here, or no git.
    pub fn commit(&self, revision: &str) -> Result<String, PastError> {
        self.peeled(revision, "commit")
    }

    /// The tree that a revision names: its own, or its commit's.
    ///
    /// # Errors
    /// No such tree here, or no git.
    pub fn tree(&self, revision: &str) -> Result<String, PastError> {
        self.peeled(revision, "tree")
    }

    fn peeled(&self, revision: &str, kind: &str) -> Result<String, PastError> {
        let name = format!("{revision}^{{{kind}}}");
        let words = ["rev-parse", "--verify", "--quiet", NO_OPTIONS, &name].map(OsString::from);
        let found = match self.run(&self.top, &words, None) {
            Ok(found) => String::from_utf8_lossy(&found).trim_end().to_owned(),
            // Of a revision that it does not know git says nothing here; of its settings it does.
            Err(PastError::Git(said)) if !said.contains("config") => return Err(self.no_revision(revision)),
            Err(other) => return Err(other),
        };
        // Before git 2.30 the option itself came back.
        if found.starts_with('-') { Err(self.no_revision(revision)) } else { Ok(found) }
    }

    /// What a commit says of who made it: its author's name and address, its committer's, and its message.
    ///
    /// # Errors
    /// No such commit here, or whatever git says.
    pub fn signed(&self, revision: &str) -> Result<[String; 5], PastError> {
        let commit = self.commit(revision)?;
        let format = "--format=%an%x00%ae%x00%cn%x00%ce%x00%B";
        let words = ["log", "-1", "--no-show-signature", "--encoding=UTF-8", format, &commit, "--"].map(OsString::from);
        let said = self.top.settled(may_be_set, |program| self.run(program, &words, None))?;
        let text = String::from_utf8_lossy(&said).into_owned();
        let mut parts = text.splitn(5, '\0').map(str::to_owned);
        Ok(std::array::from_fn(|_| parts.next().unwrap_or_default()))
    }

    /// The same, where a whole name is taken at its word.
    fn named(&self, revision: &str) -> Result<String, PastError> {
        if Oid::parse(revision).is_some() { Ok(revision.to_owned()) } else { self.commit(revision) }
    }

    fn no_revision(&self, revision: &str) -> PastError {
        PastError::NoRevision { revision: revision.to_owned(), shallow: self.is_shallow() }
    }

    /// The notes under a full reference, which need not exist.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn notes(&self, reference: &str) -> Result<Notes, ViewError> {
        Ok(Notes::of(self.view()?, reference))
    }

    /// The commits and their contents.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn reader(&self) -> Result<Commits, ViewError> {
        Ok(Commits::of(self.view()?, &self.root))
    }

    fn view(&self) -> Result<View, ViewError> {
        let mut view = View::open(&self.root, &self.git_dir, &self.common_dir)?;
        view.program.fetches = self.top.fetches;
        Ok(view)
    }

    /// How many hexadecimal digits a commit's name has here.
    pub fn digits(&self) -> usize {
        let format = self.top.line(&["rev-parse", "--show-object-format"]);
        if format.as_deref() == Some("sha256") { 64 } else { 40 }
    }

    /// Whether a ref, such as `refs/notes/codi2`, is there.
    pub fn has_ref(&self, name: &str) -> bool {
        self.top.line(&["rev-parse", "--verify", "--quiet", name]).is_some()
    }

    /// Whether a remote of this name is configured.
    pub fn has_remote(&self, name: &str) -> bool {
        let listed = self.run(&self.top, &["remote".into()], None).unwrap_or_default();
        String::from_utf8_lossy(&listed).lines().any(|known| known == name)
    }

    /// Whether a protocol path is a file of a revision.
    pub fn is_file(&self, revision: &str, path: &str) -> bool {
        let (Ok(name), Ok(commit)) = (file_name(path), self.named(revision)) else { return false };
        let mut object = OsString::from(format!("{commit}:"));
        object.push(name);
        let words: Vec<OsString> = vec!["cat-file".into(), "-t".into(), object];
        self.run(&self.top, &words, None).is_ok_and(|kind| kind.starts_with(b"blob"))
    }

    /// Every file of a revision, as protocol paths.
    ///
    /// # Errors
    /// No such revision.
    pub fn files(&self, revision: &str) -> Result<Vec<String>, PastError> {
        let words = ["ls-tree", "-r", "-z", "--full-tree", &self.named(revision)?].map(OsString::from);
        let listing = self.run(&self.top, &words, None).map_err(|_| self.no_revision(revision))?;
        let blob = |entry: &&[u8]| entry.get(7..).is_some_and(|rest| rest.starts_with(b"blob"));
        let entries = listing.split(|byte| *byte == 0).filter(blob);
        let names = entries.filter_map(|entry| entry.splitn(2, |byte| *byte == b'\t').nth(1));
        Ok(names.map(crate::path::from_git_bytes).collect())
    }

    /// The commit whose diff to `to` shows what its side did since they parted: `A...B`.
    ///
    /// # Errors
    /// No such revisions, or no common commit.
    pub fn merge_base(&self, one: &str, two: &str) -> Result<String, PastError> {
        let (one, two) = (self.commit(one)?, self.commit(two)?);
        let found = self.top.line(&["merge-base", &one, &two]);
        found.ok_or_else(|| PastError::Git(format!("{one} and {two} have no commit in common")))
    }
}

/// A protocol path as git takes it, from the root.
fn file_name(path: &str) -> Result<OsString, PastError> {
    let bytes = git_bytes(path).ok_or_else(|| PastError::Git(format!("{path:?} is no path below a root")))?;
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        Ok(OsString::from_vec(bytes))
    }
    #[cfg(not(unix))]
    {
        Ok(String::from_utf8_lossy(&bytes).into_owned().into())
    }
}
