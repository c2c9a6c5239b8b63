//! Which place a path belongs to: repository, worktree, person. Absent on purpose: the environment's `GIT_DIR` and
//! its kin, which speak of some process, not of the path.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use codi2_protocol::{RepositoryId, WorktreeId};

use crate::git::{View, ViewError};
use crate::path::{from_relative, to_relative};

/// A worktree, or a plain folder without git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its root: absolute, links resolved.
    pub root: PathBuf,
    /// Its identity.
    pub worktree: WorktreeId,
    /// Git's folder of this worktree (HEAD, index); `None` for a plain folder.
    pub git_dir: Option<PathBuf>,
    /// Git's folder shared by all worktrees (objects, refs); `None` for a plain folder.
    pub common_dir: Option<PathBuf>,
    /// Branch checked out, without `refs/heads/`; absent when detached.
    pub branch: Option<String>,
    /// Commit checked out, in hexadecimal; absent when unborn.
    pub head: Option<String>,
    /// Who works here: `name <email>` as git knows it, else the operating-system account.
    pub person: String,
    /// Whether that is git's identity.
    pub is_git_identity: bool,
}

/// A path whose place cannot be told. Ends the request.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// Neither it nor a folder above it can be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why; in the words above already, and so no source of them.
        why: io::Error,
    },
    /// A bare repository or the inside of a git folder: no files to watch.
    #[error("{0} is a bare repository or git's own folder: there are no files to watch; name a worktree instead")]
    NoWorktree(PathBuf),
    /// A `.git` that leads nowhere.
    #[error("{path} does not lead to a git folder: {detail}; repair it with `git worktree repair` or remove it")]
    Broken {
        /// The `.git` file or folder.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A repository that neither libgit2 nor the git program on this machine can read.
    #[error("cannot read the repository at {root}: {why}")]
    Refused {
        /// Its worktree.
        root: PathBuf,
        /// Why, by name.
        why: ViewError,
    },
    /// The repository's id file holds something else.
    #[error("{0} does not hold a repository id; remove the file to have a new one made")]
    DamagedId(PathBuf),
}

/// Tells the place of a path (a file or folder, which need not exist yet).
///
/// The repository's id is minted once in the common git folder, file `codi2/repository`. Where that cannot be written,
/// and for a plain folder without git, the id derives from BLAKE3 of the canonical path instead: the same on every
/// call, but lost when the folder moves. Spawns `git` only for what libgit2 cannot read.
pub fn identify(path: &Path) -> Result<Place, IdentifyError> {
    let start = existing_folder(path)?;
    let Some(found) = discover(&start)? else {
        let id = derived(&start);
        let worktree = WorktreeId { repository: id, name: String::new() };
        return Ok(Place {
            root: start,
            worktree,
            git_dir: None,
            common_dir: None,
            branch: None,
            head: None,
            person: account(),
            is_git_identity: false,
        });
    };
    let view = View::open(&found.root, &found.git_dir, &found.common_dir)
        .map_err(|why| IdentifyError::Refused { root: found.root.clone(), why })?;
    let head = view.head().map_err(|why| IdentifyError::Refused { root: found.root.clone(), why })?;
    let repository = repository_id(&found.common_dir)?;
    let named = person(view.config("user.name"), view.config("user.email"));
    let (person, is_git_identity) = named.map_or_else(|| (account(), false), |named| (named, true));
    Ok(Place {
        worktree: WorktreeId { repository, name: found.name },
        branch: head.branch,
        head: head.commit.map(|commit| commit.to_string()),
        person,
        is_git_identity,
        root: found.root,
        git_dir: Some(found.git_dir),
        common_dir: Some(found.common_dir),
    })
}

/// The protocol's path of a file in this place. Links are resolved first, so that one file has one path; `None` for a
/// path outside, inside git's folder, or inside a nested repository. The file need not exist.
pub fn relative(place: &Place, path: &Path) -> Option<String> {
    let path = if path.is_absolute() { path.to_owned() } else { place.root.join(path) };
    let real = resolve(&path)?;
    let below = real.strip_prefix(&place.root).ok()?;
    let text = to_relative(below)?;
    let nested = below.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    for folder in nested {
        if fs::symlink_metadata(place.root.join(folder).join(".git")).is_ok() {
            return None;
        }
    }
    Some(text)
}

/// The absolute path that a protocol path means here; `None` if it is not a path below a root.
pub fn absolute(place: &Place, path: &str) -> Option<PathBuf> {
    from_relative(path).map(|below| place.root.join(below))
}

/// The path with its links resolved as far as it exists.
pub(crate) fn resolve(path: &Path) -> Option<PathBuf> {
    if let Ok(real) = fs::canonicalize(path) {
        return Some(real);
    }
    // A dangling link would be followed by whoever writes it: not ours.
    if fs::symlink_metadata(path).is_ok() {
        return None;
    }
    Some(resolve(path.parent()?)?.join(path.file_name()?))
}

fn existing_folder(path: &Path) -> Result<PathBuf, IdentifyError> {
    let fail = |why| IdentifyError::Unreadable { path: path.to_owned(), why };
    let mut at = std::path::absolute(path).map_err(fail)?;
    loop {
        match fs::canonicalize(&at) {
            Ok(real) if real.is_dir() => return Ok(real),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(error)),
        }
        if !at.pop() {
            return Err(fail(io::ErrorKind::NotFound.into()));
        }
    }
}

/// What holds a folder.
pub(crate) enum Root {
    /// A worktree, with git's folder of it and the one that all worktrees share.
    Worktree { root: PathBuf, git_dir: PathBuf, common_dir: PathBuf },
    /// A bare repository, or git's own folder.
    Bare(PathBuf),
    /// No repository; the folder itself.
    None(PathBuf),
}

/// What holds a folder (which need not exist yet). Mints nothing.
pub(crate) fn root(folder: &Path) -> Result<Root, IdentifyError> {
    let start = existing_folder(folder)?;
    match discover(&start) {
        Ok(Some(Found { root, git_dir, common_dir, .. })) => Ok(Root::Worktree { root, git_dir, common_dir }),
        Ok(None) => Ok(Root::None(start)),
        Err(IdentifyError::NoWorktree(bare)) => Ok(Root::Bare(bare)),
        Err(other) => Err(other),
    }
}

struct Found {
    root: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    name: String,
}

/// Walks up to the first folder with a `.git`, as git does.
fn discover(start: &Path) -> Result<Option<Found>, IdentifyError> {
    for root in start.ancestors() {
        if is_git_folder(root) || root.file_name().is_some_and(|name| name == ".git") {
            return Err(IdentifyError::NoWorktree(root.to_owned()));
        }
        let mark = root.join(".git");
        let Ok(meta) = fs::metadata(&mark) else { continue };
        let git_dir = if meta.is_dir() {
            if !mark.join("HEAD").exists() && fs::symlink_metadata(mark.join("HEAD")).is_err() {
                // An empty folder called .git is no repository, git walks on.
                continue;
            }
            canonical(&mark, &mark)?
        } else {
            let text = fs::read_to_string(&mark)
                .map_err(|error| IdentifyError::Broken { path: mark.clone(), detail: error.to_string() })?;
            let Some(target) = text.trim_end_matches(['\n', '\r']).strip_prefix("gitdir: ") else {
                return Err(IdentifyError::Broken { path: mark, detail: "it does not begin with `gitdir: `".into() });
            };
            canonical(&root.join(target), &mark)?
        };
        let (common_dir, name) = match fs::read_to_string(git_dir.join("commondir")) {
            Ok(text) => {
                let name = git_dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                (canonical(&git_dir.join(text.trim_end_matches(['\n', '\r'])), &mark)?, name)
            }
            Err(_) => (git_dir.clone(), String::new()),
        };
        return Ok(Some(Found { root: root.to_owned(), git_dir, common_dir, name }));
    }
    Ok(None)
}

fn canonical(path: &Path, mark: &Path) -> Result<PathBuf, IdentifyError> {
    fs::canonicalize(path).map_err(|error| IdentifyError::Broken {
        path: mark.to_owned(),
        detail: format!("{}: {error}", path.display()),
    })
}

/// A folder that is itself a repository (bare, or git's own folder).
fn is_git_folder(folder: &Path) -> bool {
    folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

/// Reads the repository's id, or mints it. Many processes may try at once: a link to a finished file either makes the
/// name or fails because another one made it.
fn repository_id(common: &Path) -> Result<RepositoryId, IdentifyError> {
    let folder = common.join("codi2");
    let file = folder.join("repository");
    if let Some(id) = read_id(&file)? {
        return Ok(id);
    }
    let minted = RepositoryId::new();
    let draft = folder.join(format!("repository.{minted}"));
    let made = fs::create_dir_all(&folder)
        .and_then(|()| fs::OpenOptions::new().write(true).create_new(true).open(&draft))
        .and_then(|mut file| {
            file.write_all(format!("{minted}\n").as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| match fs::hard_link(&draft, &file) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // A file system without links: a rename replaces, so two first sights at once may disagree for a moment;
            // reading back below makes them agree.
            Err(_) if !file.exists() => fs::rename(&draft, &file),
            other => other,
        });
    // Best effort: the draft is a few bytes under a name of its own.
    fs::remove_file(&draft).ok();
    match (made, read_id(&file)?) {
        (_, Some(id)) => Ok(id),
        (made, None) => {
            tracing::info!(folder = %folder.display(), error = ?made.err(), "repository id derived from its path");
            Ok(derived(common))
        }
    }
}

fn read_id(file: &Path) -> Result<Option<RepositoryId>, IdentifyError> {
    match fs::read_to_string(file) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| IdentifyError::DamagedId(file.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(IdentifyError::DamagedId(file.to_owned())),
        Err(_) => Ok(None),
    }
}

/// A UUID (version 8) from BLAKE3 of a canonical path.
fn derived(path: &Path) -> RepositoryId {
    let hash = codi2_text::digest_of(path.as_os_str().as_encoded_bytes());
    let mut bytes: [u8; 16] = std::array::from_fn(|at| hash[at]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.parse().expect("32 hexadecimal digits are a UUID")
}

/// Git's identity, where it has one.
pub(crate) fn person(name: Option<String>, email: Option<String>) -> Option<String> {
    let clean = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match (clean(name), clean(email)) {
        (Some(name), Some(email)) => Some(format!("{name} <{email}>")),
        (Some(name), None) => Some(name),
        (None, Some(email)) => Some(format!("<{email}>")),
        (None, None) => None,
    }
}

/// The operating-system account: the name of our uid, not what the environment claims.
#[cfg(unix)]
pub(crate) fn account() -> String {
    use std::os::unix::fs::MetadataExt;
    let uid = fs::metadata("/proc/self").map(|meta| meta.uid().to_string()).ok();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == uid.as_deref()).then(|| name.to_owned())
    });
    named
        .or_else(environment_account)
        .or_else(|| uid.map(|uid| format!("uid {uid}")))
        .unwrap_or_else(|| "unknown".into())
}

/// Untested.
#[cfg(not(unix))]
pub(crate) fn account() -> String {
    environment_account().unwrap_or_else(|| "unknown".into())
}

fn environment_account() -> Option<String> {
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|key| std::env::var(key).ok()).filter(|name| !name.is_empty())
}
