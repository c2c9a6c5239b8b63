//! Where a repository comes from: its origin and its first commit, by which clones on several machines know each other.
//!
//! Absent on purpose: forks and renamed origins, which are other repositories, and histories that are not all there.

use crate::git::View;
use crate::place::Place;

/// What clones of one repository share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The URL of `origin` without scheme, user, port and ending: `host/path`.
    pub origin: String,
    /// The commit at the end of the line of first parents from HEAD, in hexadecimal.
    pub first: String,
}

/// The lineage of a place; `None` without an origin, without a commit, in a shallow clone, or without a git program. Git
/// walks the whole line of first parents: not for a thread that somebody waits for.
pub fn lineage(place: &Place) -> Option<Lineage> {
    let (git_dir, common_dir) = (place.git_dir.as_ref()?, place.common_dir.as_ref()?);
    if common_dir.join("shallow").exists() {
        return None;
    }
    let view = View::open(&place.root, git_dir, common_dir).ok()?;
    let origin = normalised(&view.config("remote.origin.url")?)?;
    Some(Lineage { origin, first: view.first_commit()? })
}

/// `host/path` of a remote's URL, or the path of a local one.
fn normalised(url: &str) -> Option<String> {
    let url = url.trim();
    let (host, path) = match url.split_once("://") {
        Some(("file", path)) => ("", path),
        Some((_, rest)) => rest.split_once('/')?,
        // As ssh has it: a colon before any slash.
        None => match url.split_once(':') {
            Some((host, path)) if !host.contains('/') && host.len() > 1 => (host, path),
            _ => ("", url),
        },
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let path = path.split(['?', '#']).next()?.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    (!path.is_empty()).then(|| format!("{}/{path}", host.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    #[test]
    fn one_origin_has_many_spellings() {
        for (url, expected) in [
            ("https://github.com/Owner/name.git", "github.com/Owner/name"),
            ("https://user:word@GitHub.com:443/Owner/name/", "github.com/Owner/name"),
            ("git@github.com:Owner/name.git", "github.com/Owner/name"),
            ("ssh://git@github.com:22/Owner/name", "github.com/Owner/name"),
            ("github.com:/Owner/name", "github.com/Owner/name"),
            ("git://github.com/Owner/name?ref=x#y", "github.com/Owner/name"),
            ("/srv/git/name.git", "/srv/git/name"),
            ("file:///srv/git/name.git/", "/srv/git/name"),
            (r"C:\\git\\name", r"/C:\\git\\name"),
        ] {
            assert_eq!(normalised(url).as_deref(), Some(expected), "{url}");
        }
        for url in ["", "https://", "https://github.com", "https://github.com/", "https://github.com/.git"] {
            assert_eq!(normalised(url), None, "{url}");
        }
    }

    fn git(at: &Path, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.current_dir(at).args(["-c", "user.name=A", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]);
        assert!(command.args(arguments).output().unwrap().status.success(), "git {arguments:?}");
    }

    #[test]
    fn clones_share_a_lineage_and_shallow_ones_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        git(&root, &["init", "-q", "first"]);
        let place = |name: &str| crate::identify(&root.join(name)).unwrap();
        assert_eq!(lineage(&place("first")), None, "neither commit nor origin");
        for number in ["1", "2"] {
            git(&root.join("first"), &["commit", "-q", "--allow-empty", "-m", number]);
        }
        assert_eq!(lineage(&place("first")), None, "no origin");
        for clone in ["a", "b"] {
            git(&root, &["clone", "-q", "first", clone]);
        }
        git(&root.join("b"), &["commit", "-q", "--allow-empty", "-m", "3"]);
        git(&root.join("b"), &["worktree", "add", "-q", "../linked"]);
        let known = lineage(&place("a")).unwrap();
        assert!(known.origin.ends_with("/first") && known.first.len() == 40, "{known:?}");
        assert_eq!(lineage(&place("b")), Some(known.clone()));
        assert_eq!(lineage(&place("linked")), Some(known));
        let url = format!("file://{}", root.join("first").display());
        git(&root, &["clone", "-q", "--depth", "1", &url, "shallow"]);
        assert_eq!(lineage(&place("shallow")), None);
    }
}
