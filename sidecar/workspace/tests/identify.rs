//! Which place a path belongs to, with real git.
#![allow(clippy::unwrap_used, missing_docs)] // a test may panic; its helpers are tests too

#[path = "../../../tests/git-corpus/corpus.rs"]
mod corpus;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use codi2_workspace::{IdentifyError, Place, absolute, identify, relative};

/// A folder with a repository `repo` in it, made by some shell text.
fn base(script: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    let repo = base.join("repo");
    fs::create_dir(&repo).unwrap();
    corpus::shell("identify", &repo, &base, script);
    (folder, base)
}

fn place(path: impl AsRef<Path>) -> Place {
    identify(path.as_ref()).unwrap()
}

#[test]
fn main_and_linked_worktrees_share_a_repository() {
    let (_keep, base) = base(
        "git init -q -b main .; git config user.name Ada; git config user.email ada@example.org; standard
         git worktree add -q ../linked topic; git worktree add -q --detach ../free",
    );
    let main = place(base.join("repo/sub"));
    assert_eq!(main.root, base.join("repo"));
    assert_eq!(main.worktree.name, "");
    assert_eq!(main.git_dir.as_deref(), Some(base.join("repo/.git").as_path()));
    assert_eq!(main.common_dir, main.git_dir);
    assert_eq!(main.branch.as_deref(), Some("main"));
    assert_eq!(main.head.as_ref().map(String::len), Some(40));
    assert_eq!(main.person, "Ada <ada@example.org>");
    let linked = place(base.join("linked/sub/c.txt"));
    assert_eq!(linked.root, base.join("linked"));
    assert_eq!(linked.worktree.repository, main.worktree.repository);
    assert_eq!(linked.worktree.name, "linked");
    assert_eq!(linked.common_dir, main.common_dir);
    assert_ne!(linked.git_dir, main.git_dir);
    assert_eq!(linked.branch.as_deref(), Some("topic"));
    let free = place(base.join("free"));
    assert_eq!((free.worktree.name.as_str(), free.branch, free.head), ("free", None, main.head));
}

#[test]
fn the_repository_id_is_kept_and_moves_along() {
    let (_keep, base) = base("git init -q -b main .; standard");
    let first = place(base.join("repo"));
    let file = base.join("repo/.git/codi2/repository");
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), first.worktree.repository.to_string());
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "no drafts are left");
    fs::rename(base.join("repo"), base.join("moved")).unwrap();
    assert_eq!(place(base.join("moved")).worktree, first.worktree);
    fs::write(base.join("moved/.git/codi2/repository"), "nonsense").unwrap();
    let error = identify(&base.join("moved")).unwrap_err();
    assert!(matches!(error, IdentifyError::DamagedId(_)), "{error}");
}

#[test]
fn many_first_sights_at_once_agree() {
    let (_keep, base) = base("git init -q -b main .");
    let repo = base.join("repo");
    let barrier = std::sync::Barrier::new(16);
    let ids: BTreeSet<_> = std::thread::scope(|scope| {
        let run = || {
            barrier.wait();
            place(&repo).worktree.repository
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1);
}

#[test]
fn unborn_and_detached_heads() {
    let (_keep, base) = base("git init -q -b first .");
    let unborn = place(base.join("repo"));
    assert_eq!((unborn.branch.as_deref(), unborn.head), (Some("first"), None));
    corpus::shell("identify", &base.join("repo"), &base, "lines a.txt 2 a; commit one; git checkout -q --detach");
    let detached = place(base.join("repo"));
    assert_eq!(detached.branch, None);
    assert!(detached.head.is_some());
}

#[test]
fn a_plain_folder_has_a_stable_id() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("a.txt"), "a").unwrap();
    let one = place(root.join("a.txt"));
    assert_eq!((one.root.as_path(), &one.git_dir, &one.branch), (root.as_path(), &None, &None));
    assert_eq!(one, place(&root));
    assert_ne!(one.worktree, place(root.join("sub")).worktree);
    assert!(!one.person.is_empty());
    assert_eq!(fs::read_dir(&root).unwrap().count(), 2, "nothing was written");
    // A path that does not exist yet belongs to the folder above it.
    assert_eq!(place(root.join("new/deep.txt")), one);
}

#[test]
fn a_git_folder_that_cannot_be_written_gives_a_derived_id() {
    let (_keep, base) = base("git init -q -b main .; standard");
    // A file where the folder should be: fails for every user, root too.
    fs::write(base.join("repo/.git/codi2"), "").unwrap();
    let one = place(base.join("repo"));
    assert_eq!(one, place(base.join("repo")));
    assert_eq!(one.worktree.repository.uuid().get_version_num(), 8);
}

#[test]
fn submodules_and_nested_repositories_are_places_of_their_own() {
    let (_keep, base) = base(
        "git init -q -b main .; standard; git init -q -b main ../lib; (cd ../lib; lines l.txt 3 l; commit one)
         git submodule --quiet add ../lib lib; commit lib; git init -q -b main sub/nested; lines sub/nested/n.txt 3 n",
    );
    let outer = place(base.join("repo"));
    let module = place(base.join("repo/lib/l.txt"));
    let nested = place(base.join("repo/sub/nested/n.txt"));
    assert_eq!(module.root, base.join("repo/lib"));
    assert_eq!(module.git_dir.as_deref(), Some(base.join("repo/.git/modules/lib").as_path()));
    assert_eq!(nested.root, base.join("repo/sub/nested"));
    let ids = BTreeSet::from([&outer, &module, &nested].map(|place| place.worktree.repository));
    assert_eq!(ids.len(), 3);
    assert_eq!(relative(&outer, &base.join("repo/lib/l.txt")), None);
    assert_eq!(relative(&outer, &base.join("repo/sub/nested/n.txt")), None);
    assert_eq!(relative(&module, &base.join("repo/lib/l.txt")).as_deref(), Some("l.txt"));
}

#[test]
fn refusals_say_what_is_wrong() {
    let (_keep, base) =
        base("git init -q -b main .; standard; git clone -q --bare . ../bare.git; git worktree add -q ../linked topic");
    for path in ["bare.git", "bare.git/refs", "repo/.git", "repo/.git/refs/heads"] {
        let error = identify(&base.join(path)).unwrap_err();
        assert!(matches!(error, IdentifyError::NoWorktree(_)), "{path}: {error}");
    }
    fs::remove_dir_all(base.join("repo/.git/worktrees")).unwrap();
    let error = identify(&base.join("linked")).unwrap_err();
    assert!(matches!(error, IdentifyError::Broken { .. }), "{error}");
    assert!(error.to_string().contains("git worktree repair"), "{error}");
}

#[test]
fn sha256_and_reftable_repositories_work() {
    for (name, options) in [("sha256", "--object-format=sha256"), ("reftable", "--ref-format=reftable")] {
        let probe = tempfile::tempdir().unwrap();
        let made =
            corpus::sealed("git", probe.path(), probe.path()).args(["init", "-q", options, "."]).output().unwrap();
        if !made.status.success() {
            println!("SKIP {name}: this git cannot make such repositories");
            continue;
        }
        let (_keep, base) = base(&format!(
            "git init -q -b main {options} .; git config user.name Ada; git config user.email a@b; standard; git worktree add -q ../linked topic"
        ));
        let main = place(base.join("repo"));
        let head = main.head.as_ref().map(String::len);
        assert_eq!(head, Some(if name == "sha256" { 64 } else { 40 }), "{name}");
        assert_eq!((main.branch.as_deref(), main.person.as_str()), (Some("main"), "Ada <a@b>"), "{name}");
        let linked = place(base.join("linked"));
        assert_eq!((linked.branch.as_deref(), linked.worktree.name.as_str()), (Some("topic"), "linked"), "{name}");
        assert_eq!(linked.worktree.repository, main.worktree.repository);
    }
}

#[test]
fn a_repository_format_nobody_reads_is_refused_by_name() {
    let (_keep, base) = base(
        "git init -q -b main .; standard; git config core.repositoryformatversion 1; git config extensions.frobnicate true",
    );
    let error = identify(&base.join("repo")).unwrap_err();
    assert!(matches!(error, IdentifyError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("frobnicate"), "{error}");
}

#[test]
fn paths_below_the_root_and_back() {
    let (_keep, base) = base(
        "git init -q -b main .; standard; mkdir 'a b'; lines 'a b/100%.txt' 2 x; ln -s sub link; ln -s a.txt alias; ln -s /etc out; ln -s ../elsewhere dangling",
    );
    let place = place(base.join("repo"));
    let root = &place.root;
    for (path, expected) in [
        ("a.txt", Some("a.txt")),
        ("a b/100%.txt", Some("a b/100%25.txt")),
        ("not/yet/there.txt", Some("not/yet/there.txt")),
        // One file, one path: links inside are resolved.
        ("link/c.txt", Some("sub/c.txt")),
        ("link/new.txt", Some("sub/new.txt")),
        ("alias", Some("a.txt")),
        ("out/passwd", None),
        ("dangling", None),
        (".git/config", None),
        ("", None),
        ("../repo2/x", None),
    ] {
        assert_eq!(relative(&place, &root.join(path)).as_deref(), expected, "{path}");
        assert_eq!(relative(&place, Path::new(path)).as_deref(), expected, "{path}, from the root");
        if let Some(expected) = expected {
            let back = absolute(&place, expected).unwrap();
            assert_eq!(relative(&place, &back).as_deref(), Some(expected));
        }
    }
}
