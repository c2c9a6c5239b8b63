//! Reading through libgit2. Absent on purpose: its filters and its index cache (see [`super::View`]).

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::by_folder::Folder;
use super::others::Step;
use super::{Commit, Head, Oid, ViewError};

pub(super) struct Libgit {
    repository: git2::Repository,
}

impl Libgit {
    /// Opens the repository of exactly this worktree; the error is libgit2's reason.
    pub(super) fn open(root: &Path) -> Result<Self, String> {
        let flags = git2::RepositoryOpenFlags::NO_SEARCH;
        let none: [&std::ffi::OsStr; 0] = [];
        let repository = git2::Repository::open_ext(root, flags, none).map_err(|error| error.message().to_owned())?;
        Ok(Self { repository })
    }

    pub(super) fn config(&self, key: &str) -> Option<String> {
        // A snapshot reads the files again.
        self.repository.config().ok()?.snapshot().ok()?.get_string(key).ok()
    }

    pub(super) fn head(&self) -> Result<Head, ViewError> {
        let fail = |error: git2::Error| ViewError::Read(format!("cannot read HEAD: {}", error.message()));
        let reference = self.repository.find_reference("HEAD").map_err(fail)?;
        let branch = reference
            .symbolic_target()
            .ok()
            .flatten()
            .map(|name| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned());
        let commit = match self.repository.head() {
            Ok(head) => head.target().and_then(|oid| Oid::from_bytes(oid.as_bytes())),
            Err(error) if error.code() == git2::ErrorCode::UnbornBranch => None,
            Err(error) if error.code() == git2::ErrorCode::NotFound => None,
            Err(error) => return Err(fail(error)),
        };
        Ok(Head { commit, branch })
    }

    fn commit(&self, oid: Oid) -> Option<git2::Commit<'_>> {
        self.repository.find_commit(git2::Oid::from_bytes(oid.raw()).ok()?).ok()
    }

    pub(super) fn entry(&self, commit: Oid, path: &[u8]) -> Option<Oid> {
        let at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let (folder, name) = path.split_at(at);
        let tree = self.folder(self.commit(commit)?.tree().ok()?, folder)?;
        let entry = tree.get_name_bytes(name)?;
        if is_file(&entry) { Oid::from_bytes(entry.id().as_bytes()) } else { None }
    }

    /// Of each file of a folder (which ends in `/`; empty: the root) the blobs that these commits have, in their order, at
    /// most so many.
    pub(super) fn blobs(&self, commits: &[Oid], folder: &[u8], most: usize) -> Folder<Vec<Oid>> {
        let (mut files, mut seen): (Folder<Vec<Oid>>, _) = (HashMap::new(), HashSet::new());
        for commit in commits {
            let tree = self.commit(*commit).and_then(|commit| self.folder(commit.tree().ok()?, folder));
            // Most commits leave most folders as they are.
            let Some(tree) = tree.filter(|tree| seen.insert(tree.id())) else { continue };
            for entry in tree.iter().filter(is_file) {
                let blobs = files.entry(entry.name_bytes().to_vec()).or_default();
                let blob = Oid::from_bytes(entry.id().as_bytes());
                blobs.extend(blob.filter(|blob| blobs.len() < most && !blobs.contains(blob)));
            }
        }
        files
    }

    /// Of each file of a folder, as above, what these commits made of it: those that have it just as a parent did nothing.
    pub(super) fn steps(&self, commits: &[Commit], folder: &[u8]) -> Folder<Vec<Step>> {
        let tree_of = |id: Oid| self.commit(id).and_then(|commit| self.folder(commit.tree().ok()?, folder));
        let mut files: Folder<Vec<Step>> = HashMap::new();
        for commit in commits {
            let Some(tree) = tree_of(commit.id) else { continue };
            let before: Vec<_> = commit.parents.iter().filter_map(|parent| tree_of(*parent)).collect();
            if before.iter().any(|before| before.id() == tree.id()) {
                continue;
            }
            for entry in tree.iter().filter(is_file) {
                let there = before.iter().filter_map(|before| before.get_name_bytes(entry.name_bytes()));
                let there: Vec<git2::Oid> = there.map(|entry| entry.id()).collect();
                let blob = Oid::from_bytes(entry.id().as_bytes()).filter(|_| !there.contains(&entry.id()));
                let there = there.iter().filter_map(|oid| Oid::from_bytes(oid.as_bytes())).collect();
                let step = blob.map(|blob| (blob, there));
                files.entry(entry.name_bytes().to_vec()).or_default().extend(step);
            }
        }
        files
    }

    fn folder<'a>(&'a self, root: git2::Tree<'a>, folder: &[u8]) -> Option<git2::Tree<'a>> {
        let mut names = folder.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        names.try_fold(root, |tree, name| tree.get_name_bytes(name)?.to_object(&self.repository).ok()?.into_tree().ok())
    }

    pub(super) fn has(&self, oid: Oid) -> bool {
        self.blob_size(oid).is_some()
    }

    /// Bytes of a blob, without reading all of it.
    pub(super) fn blob_size(&self, oid: Oid) -> Option<usize> {
        let oid = git2::Oid::from_bytes(oid.raw()).ok()?;
        let (size, kind) = self.repository.odb().ok()?.read_header(oid).ok()?;
        (kind == git2::ObjectType::Blob).then_some(size)
    }

    pub(super) fn blob(&self, oid: Oid) -> Option<Vec<u8>> {
        Some(self.repository.find_blob(git2::Oid::from_bytes(oid.raw()).ok()?).ok()?.content().to_vec())
    }

    pub(super) fn parents(&self, commit: Oid) -> Vec<Oid> {
        let Some(commit) = self.commit(commit) else { return Vec::new() };
        commit.parent_ids().filter_map(|oid| Oid::from_bytes(oid.as_bytes())).collect()
    }

    /// What a reference points to.
    pub(super) fn reference(&self, name: &str) -> Option<Oid> {
        Oid::from_bytes(self.repository.refname_to_id(name).ok()?.as_bytes())
    }

    /// The blobs of the notes on these commits in a commit of notes, whose tree may be fanned out in any way; none where an
    /// object is not found, as it may be while git packs.
    pub(super) fn notes(&self, tip: Oid, on: &[Oid]) -> Option<Vec<(Oid, Oid)>> {
        let root = self.commit(tip)?.tree().ok()?;
        let found = |commit: &Oid| -> Result<Option<(Oid, Oid)>, git2::Error> {
            let name = commit.to_string();
            let (mut tree, mut rest) = (root.clone(), name.as_str());
            loop {
                if let Some(note) = tree.get_name(rest).filter(|entry| entry.kind() == Some(git2::ObjectType::Blob)) {
                    return Ok(Oid::from_bytes(note.id().as_bytes()).map(|blob| (*commit, blob)));
                }
                let Some((name, below)) = rest.split_at_checked(2) else { return Ok(None) };
                let folder = match tree.get_name(name).filter(|entry| entry.kind() == Some(git2::ObjectType::Tree)) {
                    Some(folder) => folder.to_object(&self.repository)?.peel_to_tree()?,
                    None => return Ok(None),
                };
                (tree, rest) = (folder, below);
            }
        };
        on.iter().filter_map(|commit| found(commit).transpose()).collect::<Result<_, _>>().ok()
    }

    /// Whether git sees the history that libgit2 sees, which knows neither replaced commits nor grafts.
    pub(super) fn has_plain_history(&self) -> bool {
        let common = self.repository.commondir();
        let has_grafts = ["shallow", "info/grafts"].iter().any(|file| common.join(file).exists());
        let replaced = self.repository.references_glob("refs/replace/*");
        !has_grafts && replaced.is_ok_and(|mut replaced| replaced.next().is_none())
    }

    /// What the branches point to.
    pub(super) fn branches(&self) -> Option<Vec<Oid>> {
        let branches = self.repository.references_glob("refs/heads/*").ok()?;
        let branches = branches.collect::<Result<Vec<_>, _>>().ok()?;
        // A symbolic one may lead nowhere.
        let target = |branch: &git2::Reference<'_>| Oid::from_bytes(branch.resolve().ok()?.target()?.as_bytes());
        Some(branches.iter().filter_map(target).collect())
    }

    /// What is checked out in any worktree, but for branches; nothing where a HEAD is neither a commit nor a branch.
    pub(super) fn heads(&self) -> Option<Vec<Oid>> {
        let common = self.repository.commondir();
        let linked = match fs::read_dir(common.join("worktrees")) {
            Ok(folders) => folders.map(|folder| Ok(folder?.path())).collect::<io::Result<Vec<_>>>().ok()?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(_) => return None,
        };
        let mut heads = Vec::new();
        for folder in linked.iter().map(|folder| &**folder).chain([common]) {
            // A worktree may be going just now.
            let Ok(head) = fs::read_to_string(folder.join("HEAD")) else { continue };
            match head.trim_end().strip_prefix("ref:") {
                Some(name) if name.trim_start().starts_with("refs/heads/") => {}
                Some(_) => return None,
                None => heads.push(Oid::parse(head.trim_end())?),
            }
        }
        Some(heads)
    }

    /// A commit with its parents, if it is here.
    pub(super) fn named(&self, id: Oid) -> Option<Commit> {
        let parents =
            self.commit(id)?.parent_ids().map(|oid| Oid::from_bytes(oid.as_bytes())).collect::<Option<_>>()?;
        Some(Commit { id, parents })
    }

    /// The newest `most` commits that are reachable from these and not from those (nor from remotes' branches), parents
    /// first; what is not here is left out. Nothing where history cannot be read.
    pub(super) fn walk(&self, from: &[Oid], to: &[Oid], but_remotes: bool, most: usize) -> Option<Vec<Commit>> {
        let (odb, mut walk) = (self.repository.odb().ok()?, self.repository.revwalk().ok()?);
        walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::TIME).ok()?;
        let here = |ids: &[Oid]| -> Option<Vec<git2::Oid>> {
            let ids = ids.iter().map(|id| git2::Oid::from_bytes(id.raw()).ok()).collect::<Option<Vec<_>>>()?;
            Some(ids.into_iter().filter(|id| odb.exists(*id)).collect())
        };
        here(from)?.into_iter().try_for_each(|id| walk.push(id)).ok()?;
        here(to)?.into_iter().try_for_each(|id| walk.hide(id)).ok()?;
        if but_remotes {
            walk.hide_glob("refs/remotes/*").ok()?;
        }
        let ids = walk.take(most).collect::<Result<Vec<_>, _>>().ok()?;
        ids.iter().rev().map(|id| self.named(Oid::from_bytes(id.as_bytes())?)).collect()
    }

    /// The committer's e-mail address.
    pub(super) fn committer(&self, commit: Oid) -> Option<Vec<u8>> {
        Some(self.commit(commit)?.committer().email_bytes().to_vec())
    }

    /// The author's e-mail address.
    pub(super) fn author(&self, commit: Oid) -> Option<Vec<u8>> {
        Some(self.commit(commit)?.author().email_bytes().to_vec())
    }

    /// Name and e-mail address of who would commit here; nothing where git may read more than libgit2 does.
    pub(super) fn committer_here(&self) -> Option<(String, String)> {
        let config = self.repository.config().ok()?.snapshot().ok()?;
        let mut more = config.entries(Some(r"^includeif\.hasconfig:")).ok()?;
        if more.next().is_some() {
            return None;
        }
        // Which file is the system's, and whether it is read, git decides by itself.
        let systems = [git2::ConfigLevel::System, git2::ConfigLevel::ProgramData];
        let own = |key: &str| {
            let is_own = !systems.contains(&config.get_entry(key).ok()?.level());
            Some((is_own, config.get_string(key).ok()?))
        };
        let first = |keys: [&str; 2]| {
            let (is_own, value) = keys.into_iter().find_map(own)?;
            is_own.then_some(value)
        };
        Some((first(["committer.name", "user.name"])?, first(["committer.email", "user.email"])?))
    }

    pub(super) fn merge_base(&self, one: Oid, two: Oid) -> Option<Oid> {
        let one = git2::Oid::from_bytes(one.raw()).ok()?;
        let two = git2::Oid::from_bytes(two.raw()).ok()?;
        Oid::from_bytes(self.repository.merge_base(one, two).ok()?.as_bytes())
    }
}

/// Whether an entry of a tree is a file, and no link.
fn is_file(entry: &git2::TreeEntry<'_>) -> bool {
    entry.kind() == Some(git2::ObjectType::Blob) && entry.filemode() != 0o120_000
}
