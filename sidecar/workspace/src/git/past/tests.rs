//! Blame and patches of real repositories: renames, merges, odd names, ends of history, files that are no text.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A repository in a folder that goes with it.
struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    fn at(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        for (role, name) in [("AUTHOR", "Ada"), ("COMMITTER", "Ada")] {
            command.env(format!("GIT_{role}_NAME"), name).env(format!("GIT_{role}_EMAIL"), "ada@x");
            command.env(format!("GIT_{role}_DATE"), "2026-11-22T23:30:00-0500");
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.arg("-C").arg(self.at()).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.at().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn past(&self) -> Past {
        Past::open(self.at()).unwrap()
    }
}

/// `commit path:line` of each line, commits by the letters given.
fn origins(blamed: &Blamed, names: &[(&str, &str)]) -> Vec<String> {
    let named = |hex: Option<&str>| match hex {
        None => "-".to_owned(),
        Some(hex) => names.iter().find(|(_, commit)| *commit == hex).map_or(hex, |(name, _)| *name).to_owned(),
    };
    let line = |line: &BlamedLine| format!("{} {}:{}", named(blamed.commit(line)), blamed.path(line), line.original);
    blamed.lines.iter().map(line).collect()
}

fn all(past: &Past, range: &[&str], keep: Keep) -> Vec<CommitPatch> {
    let mut commits = Vec::new();
    let each = &mut |commit| {
        commits.push(commit);
        Ok::<_, PastError>(())
    };
    past.commits(range, &[], keep, each).unwrap();
    commits
}

#[test]
fn a_line_is_followed_through_rename_and_merge() {
    let repository = Repository::new();
    repository.write("a.rs", "one\ntwo\nthree\nfour\nfive\nsix\n");
    let a = repository.commit("a");
    repository.git(&["mv", "a.rs", "b.rs"]);
    repository.write("b.rs", "zero\none\ntwo\nthree\nfour\nfive\nsix\n");
    let b = repository.commit("b");
    repository.git(&["checkout", "--quiet", "-b", "side"]);
    repository.write("b.rs", "zero\none\ntwo\nthree\nfour\nfive\nside\n");
    let c = repository.commit("c");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.write("b.rs", "zero\none\ntwo\nthree\nfour\nfive\nmain\n");
    let d = repository.commit("d");
    assert!(Command::new("git").arg("-C").arg(repository.at()).args(["merge", "-q", "side"]).output().is_ok());
    repository.write("b.rs", "zero\none\ntwo\nthree\nfour\nfive\nside\nmain\nboth\n");
    let e = repository.commit("e");
    let names = [("a", &*a), ("b", &*b), ("c", &*c), ("d", &*d), ("e", &*e)];
    let past = repository.past();
    let blamed = past.blame("HEAD", "b.rs", &[]).unwrap();
    let expected =
        ["b b.rs:1", "a a.rs:1", "a a.rs:2", "a a.rs:3", "a a.rs:4", "a a.rs:5", "c b.rs:7", "d b.rs:7", "e b.rs:9"];
    assert_eq!(origins(&blamed, &names), expected);
    // Two paths of one commit, and a part.
    let some = past.blame(&e, "b.rs", &[(1, 2), (9, 9)]).unwrap();
    assert_eq!(origins(&some, &names), ["b b.rs:1", "a a.rs:1", "e b.rs:9"]);
    // What is not committed is of no commit.
    let now = past.blame_standing("b.rs", b"new\nzero\none\n", &[]).unwrap();
    assert_eq!(origins(&now, &names), ["- b.rs:1", "b b.rs:1", "a a.rs:1"]);

    let commits = all(&past, &["HEAD"], Keep::Numbers);
    let brought = |name: &str| {
        let commit = commits.iter().find(|commit| commit.subject == name).unwrap();
        let file = |file: &FileChange| (file.from.clone(), file.path.clone(), file.added.clone(), file.deleted.clone());
        commit.files.iter().map(file).collect::<Vec<_>>()
    };
    let file = |from: &str, path: &str, added: &[(u32, u32)], deleted: &[(u32, u32)]| {
        vec![(from.to_owned(), path.to_owned(), added.to_vec(), deleted.to_vec())]
    };
    assert_eq!(brought("a"), file("a.rs", "a.rs", &[(1, 6)], &[]));
    assert_eq!(brought("b"), file("a.rs", "b.rs", &[(1, 1)], &[]));
    assert_eq!(brought("c"), file("b.rs", "b.rs", &[(7, 7)], &[(7, 7)]));
    assert_eq!(brought("e"), file("b.rs", "b.rs", &[(9, 9)], &[]), "a merge brings what no parent has");
    let merge = &commits[0];
    assert_eq!((merge.parents.clone(), merge.day.as_str()), (vec![d, c], "2026-11-22"));
    assert_eq!((merge.author.as_str(), merge.at_s), ("Ada <ada@x>", 1_795_408_200));
    assert_eq!(past.touched(&["HEAD"]).unwrap(), ["a.rs", "b.rs"]);
    assert_eq!(past.files("HEAD").unwrap(), ["b.rs"]);
    assert_eq!(all(&past, &["HEAD..HEAD"], Keep::Numbers), []);
}

#[test]
fn a_persons_configuration_changes_no_line() {
    let repository = Repository::new();
    // Lines that are alike, or git would not follow the later one to the earlier.
    repository.write("a.rs", "fn a(x) {\n}\n");
    let a = repository.commit("a");
    repository.write("a.rs", "fn a(x, y) {\n}\n");
    let b = repository.commit("b");
    repository.write(".git/ignored", format!("{b}\n"));
    for (key, value) in [
        ("blame.ignoreRevsFile", ".git/ignored"),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.external", "false"),
        ("color.ui", "always"),
        ("log.showRoot", "false"),
        ("core.quotePath", "false"),
        ("diff.relative", "true"),
        ("diff.context", "9"),
        ("diff.orderFile", "nowhere"),
        ("diff.renameLimit", "1"),
    ] {
        repository.git(&["config", key, value]);
    }
    let past = repository.past();
    let blamed = past.blame("HEAD", "a.rs", &[]).unwrap();
    assert_eq!(origins(&blamed, &[("a", &a), ("b", &b)]), ["b a.rs:1", "a a.rs:2"]);
    let commits = all(&past, &["HEAD"], Keep::Numbers);
    let files: Vec<_> = commits.iter().flat_map(|commit| &commit.files).map(|file| (&file.path, &file.added)).collect();
    assert_eq!(files, [(&"a.rs".to_owned(), &vec![(1, 1)]), (&"a.rs".to_owned(), &vec![(1, 2)])]);
    assert_eq!(past.diff(&a, Some(&b), &[], Keep::Text(0)).unwrap()[0].lines.len(), 2);
}

/// Git itself refuses to blame, to log and to compare with these: it reads them before it is told not to.
#[test]
fn settings_that_git_stumbles_over_hide_nothing() {
    let repository = Repository::new();
    repository.write("a.rs", "one\n");
    let a = repository.commit("a");
    repository.write("a.rs", "one\ntwo\n");
    let b = repository.commit("b");
    repository.git(&["worktree", "add", "-q", "linked"]);
    repository.git(&["clone", "-q", "--bare", ".", "bare"]);
    let bad = [
        ("blame.ignoreRevsFile", "nowhere"),
        ("blame.date", "bad"),
        ("log.date", "bad"),
        ("diff.algorithm", "bad"),
        ("diff.orderFile", "nowhere"),
    ];
    let names = [("a", &*a), ("b", &*b)];
    for place in [".", "linked", "bare"] {
        let at = repository.at().join(place);
        for (key, value) in bad.into_iter().chain([("core.autocrlf", "true")]) {
            repository.git(&["-C", place, "config", key, value]);
        }
        let refused = Command::new("git").arg("-C").arg(&at).args(["blame", "HEAD", "--", "a.rs"]).output().unwrap();
        assert!(!refused.status.success(), "git blames in {place}");
        let past = Past::open(&at).unwrap();
        let blamed = past.blame("HEAD", "a.rs", &[]).unwrap();
        assert_eq!(origins(&blamed, &names), ["a a.rs:1", "b a.rs:2"], "{place}");
        assert_eq!(all(&past, &["HEAD"], Keep::Numbers).len(), 2, "{place}");
        assert_eq!(past.diff(&a, Some(&b), &[], Keep::Numbers).unwrap()[0].added, [(2, 2)], "{place}");
        assert_eq!(past.touched(&["HEAD"]).unwrap(), ["a.rs"], "{place}");
        // What is no fault of the settings is told as ever.
        assert!(matches!(past.blame("HEAD", "b.rs", &[]), Err(PastError::NoFile { .. })), "{place}");
        assert!(matches!(past.diff("nowhere", None, &[], Keep::Numbers), Err(PastError::NoRevision { .. })), "{place}");
    }
    // How the worktree's bytes become git's is still the person's to say.
    let past = repository.past();
    let now = past.blame_standing("a.rs", b"one\r\ntwo\r\nthree\r\n", &[]).unwrap();
    assert_eq!(origins(&now, &names), ["a a.rs:1", "b a.rs:2", "- a.rs:3"]);
    assert_eq!(past.signed("HEAD").unwrap()[..2], ["Ada", "ada@x"]);
    repository.git(&["config", "core.autocrlf", "perhaps"]);
    for said in [past.commit("HEAD").err(), past.blame("HEAD", "a.rs", &[]).err()] {
        assert!(matches!(&said, Some(PastError::Git(said)) if said.contains("core.autocrlf")), "{said:?}");
    }
}

#[test]
fn names_of_commits_are_as_long_as_the_repository_has_them() {
    for (format, digits) in [("sha1", 40), ("sha256", 64)] {
        let repository = Repository(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch=main", &format!("--object-format={format}")]);
        repository.write("a.rs", "one\n");
        let commit = repository.commit("a");
        let blamed = repository.past().blame_standing("a.rs", b"new\n", &[]).unwrap();
        assert_eq!((blamed.commit(&blamed.lines[0]), blamed.digits, commit.len()), (None, digits, digits));
    }
}

/// Words of whoever asks name revisions; none is an option.
#[test]
fn no_revision_is_an_option() {
    let repository = Repository::new();
    repository.write("a.rs", "one\n");
    repository.commit("a");
    let past = repository.past();
    let file = repository.at().join("written");
    let output = format!("--output={}", file.display());
    for word in ["--max-count=0", "--reverse", "-n0", "--root", "--not", "", output.as_str()] {
        let each = &mut |_| Ok::<_, PastError>(());
        let range = past.commits(&[word], &[], Keep::Numbers, each);
        let others = [
            range.err(),
            past.touched(&[word]).err(),
            past.blame(word, "a.rs", &[]).err(),
            past.files(word).err(),
            past.diff(word, None, &[], Keep::Numbers).err(),
        ];
        for error in others {
            assert!(matches!(error, Some(PastError::NoRevision { .. })), "{word}: {error:?}");
        }
        assert!(!past.is_file(word, "a.rs") && !file.exists(), "{word}");
    }
}

#[test]
fn a_file_of_a_commit_is_no_range() {
    let repository = Repository::new();
    repository.write("d/f", "text\n");
    repository.commit("one");
    repository.git(&["tag", "-a", "-m", "v1", "v1"]);
    let past = repository.past();
    let count = |range: &str| {
        let mut count = 0;
        past.commits::<PastError>(&[range], &[], Keep::Numbers, &mut |_| {
            count += 1;
            Ok(())
        })
        .map(|()| count)
    };
    for (range, commits) in [("HEAD", 1), ("v1", 1), ("HEAD..HEAD", 0), ("HEAD^!", 1), ("HEAD..", 0)] {
        assert_eq!(count(range).unwrap(), commits, "{range}");
    }
    for range in ["HEAD:d/f", "HEAD:d", "HEAD^{tree}", "v1:d/f"] {
        assert!(matches!(count(range), Err(PastError::NoCommit(said)) if said == range), "{range}");
    }
}

/// Attributes that a change brings along hide none of its lines.
#[test]
fn attributes_hide_no_lines() {
    let repository = Repository::new();
    repository.write(".gitattributes", "*.rs -diff\n*.c binary\n");
    repository.write("a.rs", "one\n");
    repository.write("b.c", "one\ntwo\n");
    repository.commit("a");
    let commits = all(&repository.past(), &["HEAD"], Keep::Numbers);
    let lines: Vec<_> = commits[0].files.iter().map(|file| (&*file.path, file.added_lines(), file.binary)).collect();
    assert_eq!(lines, [(".gitattributes", 2, false), ("a.rs", 1, false), ("b.c", 2, false)]);
}

#[cfg(unix)]
#[test]
fn odd_names_are_protocol_paths() {
    use std::os::unix::ffi::OsStrExt;
    let repository = Repository::new();
    let odd: [&[u8]; 5] = [b"caf\xe9.rs", b"a b", b"q\"\\\t", b"new\nline", "ä%".as_bytes()];
    for name in odd {
        std::fs::write(repository.at().join(std::ffi::OsStr::from_bytes(name)), "x\n").unwrap();
    }
    repository.commit("odd");
    let past = repository.past();
    let mut paths = past.files("HEAD").unwrap();
    paths.sort();
    assert_eq!(paths, ["a b", "caf%E9.rs", "new\nline", "q\"\\\t", "ä%25"]);
    for path in &paths {
        let blamed = past.blame("HEAD", path, &[]).unwrap();
        assert_eq!(blamed.path(&blamed.lines[0]), path);
    }
    let mut changed: Vec<String> =
        all(&past, &["HEAD"], Keep::Numbers)[0].files.iter().map(|file| file.path.clone()).collect();
    changed.sort();
    assert_eq!(changed, paths);
    // Without lines, and with another mode only, names stand in the first line alone.
    for name in odd {
        let path = repository.at().join(std::ffi::OsStr::from_bytes(name));
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let mut modes: Vec<String> =
        past.diff("HEAD", None, &[], Keep::Numbers).unwrap().into_iter().map(|file| file.path).collect();
    modes.sort();
    assert_eq!(modes, paths);
}

#[test]
fn texts_that_look_like_patches_and_files_that_are_none() {
    let repository = Repository::new();
    repository.write("patch", "keep\n-- a/no\n@@ -1 +1 @@\n\\ No\nend");
    repository.write("empty", "");
    repository.write("binary", b"a\0b\n");
    repository.write("crlf", "one\r\ntwo\r\n");
    repository.write("gone", "1\n2\n");
    repository.commit("a");
    repository.write("patch", "keep\n++ b/no\n\0commit\n\nend\n");
    repository.write("binary", b"a\0c\n");
    repository.write("crlf", "one\r\n2\r\n");
    std::fs::remove_file(repository.at().join("gone")).unwrap();
    repository.git(&["mv", "empty", "void"]);
    repository.commit("b");
    repository.write("patch", "keep\n++ b/no\ncommit\n\nend\n");
    repository.commit("c");
    let past = repository.past();
    let commits = all(&past, &["HEAD"], Keep::Text(0));
    let of = |name: &str| {
        let file = |file: &FileChange| {
            format!("{:?} {} +{} -{} {}", file.status, file.path, file.added_lines(), file.deleted_lines(), file.binary)
        };
        commits.iter().find(|c| c.subject == name).unwrap().files.iter().map(file).collect::<Vec<_>>()
    };
    let expected = [
        "Added binary +0 -0 true",
        "Added crlf +2 -0 false",
        "Added empty +0 -0 false",
        "Added gone +2 -0 false",
        "Added patch +5 -0 false",
    ];
    assert_eq!(of("a"), expected);
    let expected = [
        "Modified binary +0 -0 true",
        "Modified crlf +1 -1 false",
        "Deleted gone +0 -2 false",
        "Modified patch +0 -0 true",
        "Renamed void +0 -0 false",
    ];
    assert_eq!(of("b"), expected, "a NUL makes a binary of it");
    let crlf = commits[1].files.iter().find(|file| file.path == "crlf").unwrap();
    let lines = crlf.lines.iter().map(|line| (line.side, line.line, &line.text[..])).collect::<Vec<_>>();
    assert_eq!(lines, [(Side::Deleted, 2, &b"two\r"[..]), (Side::Added, 2, b"2\r")]);
    assert_eq!(past.blame("HEAD", "void", &[]).unwrap(), Blamed::default());
    assert_eq!(past.blame("HEAD", "crlf", &[]).unwrap().lines[0].text, b"one\r");
    let whole = past.diff("HEAD~2", Some("HEAD"), &["patch".into()], Keep::Text(3)).unwrap();
    let text: Vec<String> = whole[0]
        .lines
        .iter()
        .map(|line| format!("{:?}{} {}", line.side, line.line, String::from_utf8_lossy(&line.text)))
        .collect();
    let expected = [
        "Both1 keep",
        "Deleted2 -- a/no",
        "Deleted3 @@ -1 +1 @@",
        "Deleted4 \\ No",
        "Deleted5 end",
        "Added2 ++ b/no",
        "Added3 commit",
        "Added4 ",
        "Added5 end",
    ];
    assert_eq!(text, expected);
}

#[test]
fn bare_shallow_unborn_and_none() {
    let repository = Repository::new();
    let past = repository.past();
    assert!(matches!(past.commit("HEAD"), Err(PastError::NoRevision { shallow: false, .. })));
    assert!(matches!(past.blame("HEAD", "a", &[]), Err(PastError::NoRevision { .. })));
    assert!(matches!(past.diff("HEAD", None, &[], Keep::Numbers), Err(PastError::NoRevision { .. })));
    repository.write("sub/a", "one\n");
    let a = repository.commit("a");
    repository.write("sub/a", "one\ntwo\n");
    let b = repository.commit("b");
    repository.write("sub/a", "one\ntwo\nthree\n");
    let c = repository.commit("c");
    let names = [("a", &*a), ("b", &*b), ("c", &*c)];
    let other = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repository.at().display());
    let (bare, shallow) = (other.path().join("bare.git"), other.path().join("shallow"));
    repository.git(&["clone", "--quiet", "--bare", &url, bare.to_str().unwrap()]);
    repository.git(&["clone", "--quiet", "--depth=2", &url, shallow.to_str().unwrap()]);

    let bare = Past::open(&bare).unwrap();
    assert!(bare.is_bare() && !bare.is_shallow());
    let blamed = bare.blame("main~1", "sub/a", &[]).unwrap();
    assert_eq!(origins(&blamed, &names), ["a sub/a:1", "b sub/a:2"]);
    assert_eq!(all(&bare, &["main"], Keep::Numbers).len(), 3);
    let on = super::super::Oid::parse(&a).unwrap();
    let noted = |past: &Past| past.notes("refs/notes/codi2").unwrap().read(&[on]).unwrap().remove(&on);
    assert_eq!(noted(&bare), None);
    repository.git(&["notes", "--ref=codi2", "add", "-m", "known", &a]);
    repository.git(&["push", "--quiet", bare.root().to_str().unwrap(), "refs/notes/*"]);
    assert_eq!(noted(&bare).as_deref(), Some(&b"known\n"[..]));

    let shallow = Past::open(&shallow.join("sub")).unwrap();
    assert!(shallow.is_shallow() && !shallow.is_bare());
    assert_eq!(shallow.shallow_ends().unwrap(), std::slice::from_ref(&b));
    let blamed = shallow.blame("HEAD", "sub/a", &[]).unwrap();
    assert_eq!(origins(&blamed, &names), ["b sub/a:1", "b sub/a:2", "c sub/a:3"]);
    assert!(blamed.commits.iter().any(|commit| commit.boundary));
    let error = shallow.commit(&a).unwrap_err();
    assert!(error.to_string().contains("--unshallow"), "{error}");
    assert!(matches!(shallow.blame("HEAD", "a", &[]), Err(PastError::NoFile { .. })));
    // Pathspecs are seen from the folder that was opened.
    let each = &mut |_| Err::<(), PastError>(PastError::Git("enough".into()));
    let stopped = shallow.commits(&["HEAD"], &["a".into()], Keep::Numbers, each);
    assert_eq!(stopped.unwrap_err().to_string(), "enough");
    assert_eq!(shallow.merge_base("HEAD", "HEAD~1").unwrap(), b);

    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(Past::open(nowhere.path()), Err(PastError::NoRepository(_))));
}
