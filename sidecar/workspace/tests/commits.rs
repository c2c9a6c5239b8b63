//! Commits and notes against real git: every line that `git blame` leads to a commit is among the lines it brought, and
//! no note is lost where several write.
#![allow(clippy::unwrap_used, missing_docs)] // a test may panic; its helpers are tests too

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use codi2_workspace::{Change, Commit, Commits, Note, Noted, Notes, Oid, Place, Unread, identify};

struct Repository {
    _folder: tempfile::TempDir,
    place: Place,
}

impl Repository {
    fn new(init: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &[&["init", "-q", "-b", "main"], init].concat());
        let place = identify(folder.path()).unwrap();
        Self { _folder: folder, place }
    }

    fn git(&self, arguments: &[&str]) -> String {
        run(&self.place.root, arguments)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.place.root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn commit(&self) -> Oid {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
        self.head()
    }

    fn head(&self) -> Oid {
        Oid::parse(&self.git(&["rev-parse", "HEAD"])).unwrap()
    }

    /// Everything that all commits brought, by commit.
    fn brought(&self) -> BTreeMap<Oid, Vec<Change>> {
        let mut commits = Commits::open(&self.place).unwrap();
        let (new, cut) = commits.new_since(&commits.tips().unwrap(), &[], 2_000).unwrap();
        assert!(!cut);
        let changes = commits.changes(&new).unwrap();
        new.iter().map(|commit| commit.id).zip(changes).collect()
    }

    /// Every line of every file that is checked out, as `git blame` leads to it: (commit, path there, line there).
    fn blamed(&self) -> Vec<(Oid, String, u32)> {
        let mut all = Vec::new();
        for path in self.git(&["ls-files"]).lines() {
            let (mut line, mut at) = (None, None);
            for text in self.git(&["blame", "--line-porcelain", "HEAD", "--", path]).lines() {
                if let Some(name) = text.strip_prefix("filename ") {
                    let (commit, number) = line.unwrap();
                    at = Some((commit, name.to_owned(), number));
                } else if text.starts_with('\t') {
                    all.push(at.take().unwrap());
                } else if let Some((name, rest)) = text.split_once(' ')
                    && let Some(commit) = Oid::parse(name)
                {
                    line = Some((commit, rest.split(' ').next().unwrap().parse().unwrap()));
                }
            }
        }
        all
    }
}

fn run(at: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(at).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.args(["-c", "user.name=A", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn lines(changes: &[Change], path: &str) -> String {
    let change = changes.iter().find(|change| change.path == path);
    let ranges = change.into_iter().flat_map(|change| &change.lines);
    ranges.map(|lines| format!("{}-{}", lines.start(), lines.end())).collect::<Vec<_>>().join(" ")
}

/// A small generator of numbers: the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Edits, moves, copies, splits and merges of few files with few distinct lines, so that comparisons are ambiguous.
fn history(seed: u64) -> Repository {
    let repository = Repository::new(&[]);
    let mut dice = Dice(seed);
    let mut side = false;
    for step in 0..24 {
        let mut files: Vec<String> = repository.git(&["ls-files"]).lines().map(str::to_owned).collect();
        for _ in 0..=dice.roll(3) {
            let name = format!("{}/f{}", ["a", "b"][dice.roll(2)], dice.roll(4));
            if files.is_empty() || (dice.roll(6) == 0 && !files.contains(&name)) {
                let text: String = (0..=dice.roll(40)).map(|_| line(&mut dice)).collect();
                repository.write(&name, text);
                files.push(name);
                continue;
            }
            let from = files.swap_remove(dice.roll(files.len()));
            let path = repository.place.root.join(&from);
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let mut text: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
            for _ in 0..=dice.roll(4) {
                let at = dice.roll(text.len() + 1);
                match dice.roll(4) {
                    0 if at < text.len() => drop(text.remove(at)),
                    1 if at < text.len() => text[at] = line(&mut dice),
                    2 => text.extend(text.clone().into_iter().take(at)),
                    _ => text.insert(at, line(&mut dice)),
                }
            }
            match dice.roll(5) {
                // Moved, and maybe in two pieces that both look like what was there.
                0 => {
                    fs::remove_file(&path).unwrap();
                    repository.write(&name, text.concat());
                    if dice.roll(2) == 0 {
                        repository.write(&format!("{name}-too"), text.concat() + "too\n");
                    }
                }
                1 if text.len() > 30 => fs::remove_file(&path).unwrap(),
                _ => fs::write(&path, text.concat()).unwrap(),
            }
        }
        repository.commit();
        if step % 5 == 2 {
            repository.git(if side {
                &["checkout", "-q", "main"]
            } else {
                &["checkout", "-q", "-B", "side", "HEAD~1"]
            });
            side = !side;
        } else if !side && step % 5 == 4 {
            let favour = ["-Xours", "-Xtheirs"][dice.roll(2)];
            let mut command = Command::new("git");
            command.current_dir(&repository.place.root).args(["-c", "user.name=A", "-c", "user.email=a@b"]);
            let merged = command.args(["merge", "-q", "-m", "m", favour, "side"]).output().unwrap();
            if !merged.status.success() {
                // Moved here, deleted there: whatever lies there is the resolution.
                repository.commit();
            }
        }
    }
    if side {
        repository.git(&["checkout", "-q", "main"]);
    }
    repository
}

fn line(dice: &mut Dice) -> String {
    ["\n", "}\n", "    }\n", "one\n", "two\n", "    three();\n", "\tfour {\n"][dice.roll(7)].to_owned()
}

fn every_blamed_line_is_of_its_commit(seed: u64) -> usize {
    let repository = history(seed);
    let brought = repository.brought();
    let blamed = repository.blamed();
    for (commit, path, line) in &blamed {
        let change = brought[commit].iter().find(|change| change.path == *path);
        let found = change.is_some_and(|change| change.lines.iter().any(|lines| lines.contains(line)));
        assert!(found, "seed {seed}: blame leads {path}:{line} to {commit}, which brought {:?}", brought[commit]);
    }
    blamed.len()
}

#[test]
fn every_line_that_blame_leads_to_a_commit_is_among_those_it_brought() {
    let lines: usize = (1..=6).map(every_blamed_line_is_of_its_commit).sum();
    assert!(lines > 500, "{lines} lines were looked at");
}

/// `CODI2_HISTORIES=from..to` runs these seeds.
#[test]
#[ignore = "many histories, by hand"]
fn many_histories() {
    let range = std::env::var("CODI2_HISTORIES").unwrap_or_else(|_| "100..200".into());
    let (from, to) = range.split_once("..").unwrap();
    for seed in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        every_blamed_line_is_of_its_commit(seed);
    }
}

#[test]
fn what_a_commit_brought() {
    let repository = Repository::new(&[]);
    repository.write(".gitattributes", "*.lock -diff\n");
    repository.write("a b\tc\n%", "1\n2\n3\n");
    repository.write("x.lock", "1\n2\n");
    repository.write("bin", "1\0\n");
    let first = repository.commit();
    repository.write("a b\tc\n%", "1\ntwo\n3\n4");
    repository.write("x.lock", "1\n2\n3\n");
    repository.write("bin", "1\0\n2\n");
    std::os::unix::fs::symlink("bin", repository.place.root.join("link")).unwrap();
    let second = repository.commit();
    repository.git(&["mv", "x.lock", "y.lock"]);
    repository.write("y.lock", "0\n1\n2\n3\n");
    let third = repository.commit();
    let brought = repository.brought();
    assert_eq!(lines(&brought[&first], "a b\tc\n%25"), "1-3");
    assert_eq!(lines(&brought[&first], "x.lock"), "1-2", "not compared for people, but blamed all the same");
    let paths: Vec<_> = brought[&second].iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["a b\tc\n%25", "x.lock"], "neither links nor what is no text");
    assert_eq!(lines(&brought[&second], "a b\tc\n%25"), "2-2 4-4");
    assert_eq!(lines(&brought[&second], "x.lock"), "3-3");
    let change = &brought[&third][0];
    assert_eq!((change.path.as_str(), change.before[0].path.as_str()), ("y.lock", "x.lock"));
    assert_eq!(lines(&brought[&third], "y.lock"), "1-1");
}

#[test]
fn new_commits_are_those_made_here() {
    let elsewhere = Repository::new(&[]);
    elsewhere.write("a", "1\n");
    let old = elsewhere.commit();
    let repository = Repository::new(&[]);
    repository.git(&["remote", "add", "origin", elsewhere.place.root.to_str().unwrap()]);
    repository.git(&["fetch", "-q", "origin"]);
    repository.git(&["reset", "-q", "--hard", "origin/main"]);
    let (one, two) = (repository.commit(), repository.commit());
    repository.git(&["worktree", "add", "-q", "--detach", "linked"]);
    let linked = Oid::parse(&run(&repository.place.root.join("linked"), &["rev-parse", "HEAD"])).unwrap();
    assert_eq!(linked, two);
    run(&repository.place.root.join("linked"), &["commit", "-q", "--allow-empty", "-m", "there"]);
    let commits = Commits::open(&repository.place).unwrap();
    let tips = commits.tips().unwrap();
    assert_eq!(tips.len(), 2, "the branch and the detached HEAD of the linked worktree");
    let ids = |done: &[Oid], most| {
        let (new, cut) = commits.new_since(&tips, done, most).unwrap();
        (new.into_iter().map(|commit| commit.id).collect::<Vec<_>>(), cut)
    };
    assert!(!ids(&[], 9).0.contains(&old));
    assert_eq!(ids(&[], 9).0[..2], [one, two]);
    assert_eq!((ids(&[two], 9).0.len(), ids(&tips, 9).0.len()), (1, 0));
    let gone = Oid::parse(&"1".repeat(40)).unwrap();
    assert_eq!(ids(&[gone, one], 9).0.len(), 2, "what is gone is nothing to go by");
    assert_eq!((ids(&[], 2).0.len(), ids(&[], 2).1), (2, true));
    assert_eq!(ids(&[], 2).0[0], two, "the newest ones count");
}

#[test]
fn commits_that_were_pushed_at_once_are_new_if_they_were_made_here() {
    let elsewhere = tempfile::tempdir().unwrap();
    run(elsewhere.path(), &["init", "-q", "--bare"]);
    let repository = Repository::new(&[]);
    repository.git(&["config", "user.email", "a@b"]);
    let first = repository.commit();
    repository.git(&["remote", "add", "origin", elsewhere.path().to_str().unwrap()]);
    repository.git(&["-c", "user.email=c@d", "commit", "-q", "--allow-empty", "-m", "by another"]);
    let second = repository.commit();
    repository.git(&["push", "-q", "origin", "main"]);
    let third = repository.commit();
    let commits = Commits::open(&repository.place).unwrap();
    let (new, cut) = commits.new_since(&commits.tips().unwrap(), &[first], 9).unwrap();
    assert_eq!((new.iter().map(|commit| commit.id).collect::<Vec<_>>(), cut), (vec![second, third], false));
    let (new, _) = commits.new_since(&commits.tips().unwrap(), &[first], 1).unwrap();
    assert_eq!(new.iter().map(|commit| commit.id).collect::<Vec<_>>(), [third]);
}

/// libgit2 tells which commits are new, and the program where some are replaced: both lead to the same.
#[test]
fn history_is_the_same_whoever_reads_it() {
    for seed in 1..=3 {
        let repository = history(seed);
        repository.git(&["config", "user.email", "a@b"]);
        repository.git(&["branch", "a/b", "main~2"]);
        repository.git(&["worktree", "add", "-q", "--detach", "linked", "main~1"]);
        run(&repository.place.root.join("linked"), &["commit", "-q", "--allow-empty", "-m", "there"]);
        repository.git(&["update-ref", "refs/remotes/origin/far", "main~3"]);
        repository.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone"]);
        let all = repository.git(&["rev-list", "--all"]);
        let all: Vec<Oid> = all.lines().filter_map(Oid::parse).chain(Oid::parse(&"1".repeat(40))).collect();
        let ask = || {
            let commits = Commits::open(&repository.place).unwrap();
            let mut dice = Dice(seed);
            let mut told = vec![(commits.tips().unwrap(), Vec::new())];
            for _ in 0..12 {
                let mut some = |most| (0..=dice.roll(most)).map(|_| all[dice.roll(all.len())]).collect::<Vec<_>>();
                let (tips, done) = (some(3), some(2));
                let walks = [commits.new_since(&tips, &done, 99), commits.dropped_since(&tips, &done, 99)];
                for walk in walks.map(|walk| walk.unwrap().0).into_iter().chain([commits.these(&all).unwrap()]) {
                    told.push((walk.iter().map(|commit| commit.id).collect(), walk));
                }
            }
            told.iter_mut().for_each(|(ids, walk)| {
                let at = |id: &Oid| ids.iter().position(|it| it == id);
                let is_first = |commit: &Commit| commit.parents.iter().all(|it| at(it) < at(&commit.id));
                assert!(ids.len() == all.len() - 1 || walk.iter().all(is_first), "parents first");
                // Those of one second have no order.
                walk.sort_by_key(|commit| commit.id);
                ids.sort_unstable();
            });
            told
        };
        let read = ask();
        assert!(read[0].0.len() > 3 && read.iter().any(|(ids, _)| ids.len() > 9 && ids.len() < all.len() - 1));
        // It replaces nothing that is there.
        repository.git(&["update-ref", &format!("refs/replace/{}", "2".repeat(40)), "main"]);
        assert_eq!(read, ask(), "seed {seed}");
    }
}

#[test]
fn here_is_where_git_would_sign_so() {
    let include = ("includeIf.hasconfig:remote.*.url:https://example.invalid/**.path", "other");
    for (config, address) in [
        (&[("user.email", "c@d")][..], "c@d"),
        (&[("user.email", "c@d"), ("committer.email", "e@f")], "e@f"),
        (&[("user.email", "c@d"), ("includeIf.gitdir:**/.path", "other")], "g@h"),
        // libgit2 does not know it.
        (&[("user.email", "c@d"), ("remote.it.url", "https://example.invalid/it"), include], "g@h"),
        (&[("user.email", " c@d,")], "c@d"),
    ] {
        let repository = Repository::new(&[]);
        repository.write(".git/other", "[user]\n\temail = g@h\n");
        for (key, value) in [&[("user.name", "A")], config].concat() {
            repository.git(&["config", key, value]);
        }
        let commit = |address: &str| {
            let mut command = Command::new("git");
            command.current_dir(&repository.place.root).env("GIT_COMMITTER_EMAIL", address);
            assert!(command.args(["commit", "-q", "--allow-empty", "-m", address]).status().unwrap().success());
            Commit { id: repository.head(), parents: Vec::new() }
        };
        let all = ["c@d", "e@f", "g@h", "a@b"].map(|address| (address, commit(address)));
        let here = all.iter().filter(|(by, _)| *by == address).map(|(_, commit)| commit.id).collect();
        let told = all.clone().map(|(_, commit)| commit);
        assert_eq!(Commits::open(&repository.place).unwrap().made_here(&told).unwrap(), here, "{config:?}");
    }
}

#[test]
fn a_commit_that_is_gone_takes_no_others_lines() {
    let repository = Repository::new(&[]);
    repository.write("a", "1\n");
    let first = repository.commit();
    repository.write("a", "1\n2\n");
    let second = repository.commit();
    let mut commits = Commits::open(&repository.place).unwrap();
    let mut all = commits.these(&[first, second]).unwrap();
    all.insert(1, Commit { id: Oid::parse(&"1".repeat(40)).unwrap(), parents: vec![first] });
    let refused = commits.changes(&all).expect_err("one of them is gone");
    assert!(refused.to_string().contains("1111"), "{refused}");
    all.remove(1);
    assert_eq!(lines(&commits.changes(&all).unwrap()[1], "a"), "2-2");
}

/// The graph of commits that git keeps outlives what is pruned.
#[test]
fn a_commit_that_is_gone_is_none_of_these() {
    let repository = Repository::new(&[]);
    repository.git(&["config", "user.name", "A"]);
    repository.git(&["config", "user.email", "a@b"]);
    let commits: Vec<Oid> = (0..3).map(|_| repository.commit()).collect();
    repository.git(&["commit-graph", "write", "--reachable"]);
    repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    repository.git(&["reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all"]);
    repository.git(&["update-ref", "-d", "ORIG_HEAD"]);
    repository.git(&["prune", "--expire=now"]);
    let all = Commits::open(&repository.place).unwrap();
    let these: Vec<Oid> = all.these(&commits).unwrap().iter().map(|commit| commit.id).collect();
    assert_eq!(these, commits[..2]);
    let told: Vec<Commit> = commits.iter().map(|id| Commit { id: *id, parents: Vec::new() }).collect();
    assert_eq!(all.made_here(&told).unwrap(), commits[..2].iter().copied().collect());
}

#[test]
fn of_very_many_moved_files_only_some_are_blamed() {
    let repository = Repository::new(&[]);
    let text = |number: usize| (0..20).map(|line| format!("file {number} line {line}\n")).collect::<String>();
    (0..70).for_each(|number| repository.write(&format!("old/{number:02}"), text(number)));
    repository.commit();
    repository.git(&["mv", "old", "new"]);
    (0..70).for_each(|number| repository.write(&format!("new/{number:02}"), text(number) + "more\n"));
    let moved = repository.commit();
    let brought = &repository.brought()[&moved];
    assert_eq!(brought.len(), 70);
    for change in brought {
        assert_eq!(lines(brought, &change.path), "21-21", "{}", change.path);
    }
}

#[test]
fn how_far_notes_have_come_is_kept_in_the_repository() {
    let repository = Repository::new(&[]);
    let ends = [repository.commit(), repository.commit()];
    let noted = Noted::of(&repository.place).unwrap();
    assert_eq!(noted.read(), None);
    for ends in [&ends[..], &ends[..1], &[]] {
        noted.write(ends).unwrap();
        assert_eq!(noted.read().as_deref(), Some(ends));
    }
    repository.write(".git/codi2/noted", "neither\n");
    assert_eq!(noted.read(), None, "what is damaged counts as nothing");
    let plain = tempfile::tempdir().unwrap();
    assert!(Noted::of(&identify(plain.path()).unwrap()).is_none());
}

/// Formats of repositories: plain, with other names of objects, with other references.
const FORMATS: [&[&str]; 3] = [&[], &["--object-format=sha256"], &["--ref-format=reftable"]];

#[test]
fn notes_are_written_and_read_in_every_format() {
    for format in FORMATS {
        let repository = Repository::new(format);
        let commits: Vec<Oid> = (0..5).map(|_| repository.commit()).collect();
        let mut notes = Notes::open(&repository.place, "refs/notes/codi2").unwrap();
        assert!(notes.read(&commits).unwrap().is_empty() && notes.noted().unwrap().is_empty());
        let say = |text: &'static str| move |_, _: Option<&[u8]>| Note::Write(text.into());
        // Anybody's hook, and somebody's lock on the index.
        let hook = repository.place.git_dir.clone().unwrap().join("hooks/reference-transaction");
        repository.write(".git/hooks/reference-transaction", "#!/bin/sh\ntouch hooked\nexit 1\n");
        fs::set_permissions(hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        repository.write(".git/index.lock", "");
        assert_eq!(notes.write(&commits[..3], &mut say("one\n")).unwrap(), 3);
        assert_eq!(notes.write(&commits[..3], &mut say("one\n")).unwrap(), 0, "nothing new, nothing written");
        let mut second = |commit, there: Option<&[u8]>| match there {
            Some(_) if commit == commits[2] => Note::Remove,
            Some(_) => Note::Keep,
            None => Note::Write(b"two\n\n".into()),
        };
        assert_eq!(notes.write(&commits, &mut second).unwrap(), 3, "{format:?}");
        fs::remove_file(repository.place.root.join(".git/index.lock")).unwrap();
        fs::remove_file(repository.place.root.join(".git/hooks/reference-transaction")).unwrap();
        assert!(!repository.place.root.join("hooked").exists());
        let mut notes = Notes::open(&repository.place, "refs/notes/codi2").unwrap();
        assert_eq!(notes.noted().unwrap().len(), 4);
        let read = notes.read(&commits).unwrap();
        let shown: Vec<_> =
            commits.iter().map(|commit| read.get(commit).map(|it| String::from_utf8_lossy(it))).collect();
        let expected = [Some("one\n"), Some("one\n"), None, Some("two\n\n"), Some("two\n\n")];
        assert_eq!(shown.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{format:?}");
        let name = commits[0].to_string();
        assert_eq!(repository.git(&["notes", "--ref", "codi2", "show", &name]), "one", "{format:?}");
    }
}

#[test]
fn fanned_out_notes_are_read_and_kept() {
    let repository = Repository::new(&[]);
    let commits: Vec<Oid> = (0..3).map(|_| repository.commit()).collect();
    // One tree with a flat name, one with a fan of one step and one of two, as different programs leave them.
    let blob = |text: &str| {
        repository.write("note", text);
        repository.git(&["hash-object", "-w", "note"])
    };
    let mut index = String::new();
    for (commit, steps) in commits.iter().zip(0..) {
        let mut name = commit.to_string();
        (0..steps).for_each(|step| name.insert(step * 3 + 2, '/'));
        index += &format!("100644 blob {}\t{name}\n", blob(&format!("{steps}\n")));
    }
    repository.write("index", index);
    let shell =
        "GIT_INDEX_FILE=.git/notes git update-index --index-info <index && GIT_INDEX_FILE=.git/notes git write-tree";
    let tree = Command::new("sh").args(["-c", shell]).current_dir(&repository.place.root).output().unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap().trim().to_owned();
    let commit = repository.git(&["commit-tree", "-m", "notes", &tree]);
    repository.git(&["update-ref", "refs/notes/codi2", &commit]);
    repository.git(&["pack-refs", "--all"]);
    let mut notes = Notes::open(&repository.place, "refs/notes/codi2").unwrap();
    let read = notes.read(&commits).unwrap();
    let shown: Vec<_> = commits.iter().map(|commit| read[commit].as_slice()).collect();
    assert_eq!(shown, [b"0\n", b"1\n", b"2\n"]);
    let other = repository.commit();
    notes.write(&[other, commits[1]], &mut |_, _| Note::Write(b"new\n".into())).unwrap();
    let all = [&commits[..], &[other]].concat();
    let read = notes.read(&all).unwrap();
    let shown: Vec<_> = all.iter().map(|commit| read[commit].as_slice()).collect();
    assert_eq!(shown, [&b"0\n"[..], b"new\n", b"2\n", b"new\n"]);
}

/// A partial clone has notes without their text: nobody may take them for none.
#[test]
fn a_note_that_is_not_here_is_told_and_stays() {
    for format in FORMATS {
        let repository = Repository::new(format);
        let commits: Vec<Oid> = (0..2).map(|_| repository.commit()).collect();
        let mut notes = Notes::open(&repository.place, "refs/notes/codi2").unwrap();
        notes.write(&commits[..1], &mut |_, _| Note::Write(b"theirs\n".into())).unwrap();
        let blob = repository.git(&["rev-parse", &format!("refs/notes/codi2:{}", commits[0])]);
        // Loose, so that one object can be taken away.
        let folder = repository.place.root.join(".git/objects");
        for entry in fs::read_dir(folder.join("pack")).unwrap() {
            let pack = entry.unwrap().path();
            if pack.extension().is_some_and(|it| it == "pack") {
                let aside = repository.place.root.join("aside.pack");
                fs::rename(&pack, &aside).unwrap();
                fs::remove_file(pack.with_extension("idx")).unwrap();
                let mut unpack = Command::new("git");
                unpack.args(["unpack-objects", "-q"]).current_dir(&repository.place.root);
                assert!(unpack.stdin(fs::File::open(aside).unwrap()).status().unwrap().success(), "{format:?}");
            }
        }
        fs::remove_file(folder.join(&blob[..2]).join(&blob[2..])).unwrap();
        let mut notes = Notes::open(&repository.place, "refs/notes/codi2").unwrap();
        assert!(notes.read(&commits).unwrap().is_empty());
        assert_eq!(notes.unread().collect::<Vec<_>>(), [(commits[0], Unread::Missing)], "{format:?}");
        let mut asked = Vec::new();
        let mut ours = |commit, there: Option<&[u8]>| {
            asked.push((commit, there.is_some()));
            Note::Write(b"ours\n".into())
        };
        assert_eq!(notes.write(&commits, &mut ours).unwrap(), 1);
        assert_eq!(asked, [(commits[1], false)], "{format:?}");
        assert_eq!(repository.git(&["rev-parse", &format!("refs/notes/codi2:{}", commits[0])]), blob);
        assert_eq!(notes.read(&commits).unwrap()[&commits[1]], b"ours\n");
    }
}

#[test]
fn writers_that_race_lose_nothing() {
    let repository = Repository::new(&[]);
    let commits: Vec<Oid> = (0..24).map(|_| repository.commit()).collect();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (commits, place) = (&commits, &repository.place);
            scope.spawn(move || {
                let mut notes = Notes::open(place, "refs/notes/codi2").unwrap();
                for turn in 0..4 {
                    // Two notes of its own at a time, and a line on one that all of them write.
                    let at = writer * 8 + turn * 2;
                    let mut say = |commit, there: Option<&[u8]>| {
                        let there = there.unwrap_or_default();
                        let line = format!("{writer}.{turn}\n");
                        let appended = [there, line.as_bytes()].concat();
                        Note::Write(if commit == commits[0] { appended } else { line.into_bytes() })
                    };
                    let on: Vec<Oid> = [commits[0], commits[at], commits[at + 1]].into();
                    let on: Vec<Oid> = if at == 0 { on[1..].to_vec() } else { on };
                    notes.write(&on, &mut say).unwrap();
                }
            });
        }
    });
    let mut notes = Notes::open(&repository.place, "refs/notes/codi2").unwrap();
    let read = notes.read(&commits).unwrap();
    for (at, commit) in commits.iter().enumerate().skip(1) {
        let expected = format!("{}.{}\n", at / 8, at % 8 / 2);
        assert_eq!(String::from_utf8_lossy(&read[commit]), expected);
    }
    let mut lines: Vec<String> = String::from_utf8_lossy(&read[&commits[0]]).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines.len(), 12, "{lines:?}");
}

#[test]
fn a_range_is_listed_with_times_and_missing_commits_are_left_out() {
    let repository = Repository::new(&[]);
    let made: Vec<Oid> = (0..3).map(|_| repository.commit()).collect();
    let commits = Commits::open(&repository.place).unwrap();
    let ids = |range: &str| commits.listed(range).unwrap().iter().map(|listed| listed.commit.id).collect::<Vec<_>>();
    assert_eq!((ids("HEAD"), ids("HEAD~2..main"), ids("main..main")), (made.clone(), made[1..].to_vec(), vec![]));
    let listed = commits.listed("HEAD^!").unwrap();
    assert_eq!(listed[0].commit.parents, [made[1]]);
    assert_eq!((listed[0].at_ms / 1_000).to_string(), repository.git(&["log", "-1", "--format=%ct"]));
    let refused = commits.listed("nowhere").unwrap_err().to_string();
    assert!(refused.contains("git knows no commits \"nowhere\" here"), "{refused}");
    let missing = Oid::parse(&"5".repeat(40)).unwrap();
    let here: Vec<Oid> = commits.these(&[made[2], missing, made[0]]).unwrap().iter().map(|commit| commit.id).collect();
    assert_eq!(here, [made[2], made[0]]);
}

#[test]
fn joined_notes_are_pushed_without_force() {
    for format in FORMATS {
        let one = Repository::new(format);
        let common = one.commit();
        let remote = tempfile::tempdir().unwrap();
        run(remote.path(), &[&["init", "-q", "--bare"], format].concat());
        let url = remote.path().to_str().unwrap();
        one.git(&["remote", "add", "origin", url]);
        one.git(&["push", "-q", "origin", "main"]);
        let other = Repository::new(format);
        other.git(&["remote", "add", "origin", url]);
        other.git(&["pull", "-q", "origin", "main"]);
        other.write("theirs", "theirs");
        let (ours, theirs) = (one.commit(), other.commit());
        let write = |repository: &Repository, on: &[Oid], text: &str| {
            let mut notes = Notes::open(&repository.place, "refs/notes/codi2").unwrap();
            notes.write(on, &mut |_, _| Note::Write(text.into())).unwrap();
        };
        write(&other, &[common, theirs], "other\n");
        other.git(&["push", "-q", "origin", "refs/notes/codi2"]);
        let mut fetched = Notes::open(&one.place, "refs/notes/codi2-origin").unwrap();
        assert!(!fetched.fetch("origin", "refs/notes/elsewhere").unwrap());
        assert!(fetched.fetch("nobody", "refs/notes/codi2").is_err());
        assert!(fetched.fetch("origin", "refs/notes/codi2").unwrap());
        let both =
            |_: Oid, ours: Option<&[u8]>, theirs: &[u8]| Note::Write([ours.unwrap_or_default(), theirs].concat());
        let join = |fetched: &mut Notes| {
            let mut notes = Notes::open(&one.place, "refs/notes/codi2").unwrap();
            let joined = notes.join(fetched, &mut |commit, ours, theirs| match ours {
                Some(ours) if ours.ends_with(theirs) => Note::Keep,
                ours => both(commit, ours, theirs),
            });
            let joined = joined.unwrap();
            (joined.notes, joined.written, joined.elsewhere)
        };
        // Without notes of ours theirs are ours.
        assert_eq!(join(&mut fetched), (2, 1, 1), "{format:?}");
        one.git(&["update-ref", "-d", "refs/notes/codi2"]);
        write(&one, &[common, ours], "one\n");
        assert_eq!(join(&mut fetched), (2, 1, 1), "{format:?}");
        assert_eq!(join(&mut fetched), (2, 0, 1), "done once: {format:?}");
        one.git(&["push", "-q", "origin", "refs/notes/codi2", "main:one"]);
        other.git(&["fetch", "-q", "origin", "refs/notes/codi2:refs/notes/back", "one:one"]);
        let mut back = Notes::open(&other.place, "refs/notes/back").unwrap();
        let read = back.read(&[common, ours, theirs]).unwrap();
        let shown = [common, ours, theirs].map(|commit| String::from_utf8_lossy(&read[&commit]).into_owned());
        assert_eq!(shown, ["one\nother\n", "one\n", "other\n"], "{format:?}");
        let name = theirs.to_string();
        assert_eq!(other.git(&["notes", "--ref", "back", "show", &name]), "other");
    }
}

/// A clone without a commit takes over what those who have it make of its note, and adds what it was told besides.
#[test]
fn a_note_on_a_commit_that_is_not_here_is_joined() {
    for format in FORMATS {
        let theirs = Repository::new(format);
        let side = theirs.commit();
        let clone = Repository::new(format);
        clone.write("here", "here");
        clone.commit();
        let url = theirs.place.root.to_str().unwrap();
        let say = |text: &str| {
            let mut notes = Notes::open(&theirs.place, "refs/notes/codi2").unwrap();
            notes.write(&[side], &mut |_, _| Note::Write(text.into())).unwrap();
        };
        let join = || {
            let mut fetched = Notes::open(&clone.place, "refs/notes/codi2-theirs").unwrap();
            assert!(fetched.fetch(url, "refs/notes/codi2").unwrap());
            let mut notes = Notes::open(&clone.place, "refs/notes/codi2").unwrap();
            let both = &mut |_: Oid, ours: Option<&[u8]>, theirs: &[u8]| match ours {
                Some(ours) if ours.ends_with(theirs) => Note::Keep,
                ours => Note::Write([ours.unwrap_or_default(), theirs].concat()),
            };
            let joined = notes.join(&mut fetched, both).unwrap();
            assert_eq!((joined.notes, joined.written, joined.elsewhere), (1, 0, 1), "{format:?}");
            let mut listed = clone.git(&["ls-tree", "-r", "--name-only", "refs/notes/codi2"]);
            listed.retain(|letter| letter != '/');
            assert_eq!(listed.matches(&side.to_string()).count(), 1, "one note of a commit: {listed}");
            String::from_utf8_lossy(&notes.read(&[side]).unwrap()[&side]).into_owned()
        };
        let head = Oid::parse(&clone.git(&["rev-parse", "HEAD"])).unwrap();
        say("nobody\n");
        assert_eq!(join(), "nobody\n", "{format:?}");
        // Both go on: here with another commit, there with a better note.
        let mut notes = Notes::open(&clone.place, "refs/notes/codi2").unwrap();
        notes.write(&[head], &mut |_, _| Note::Write(b"here\n".into())).unwrap();
        say("robo\n");
        assert_eq!(join(), "robo\n", "what was only taken over stands back: {format:?}");
        // A third clone told something of it, and so did they.
        let path = clone.git(&["ls-tree", "-r", "--name-only", "refs/notes/codi2"]);
        let path = path.lines().find(|path| path.replace('/', "") == side.to_string()).unwrap();
        let stream = format!(
            "commit refs/notes/codi2\ncommitter a <a@a> 1 +0000\ndata 0\nfrom refs/notes/codi2^0\n\
             M 100644 inline {path}\ndata 6\nthird\n\n"
        );
        clone.write("stream", stream);
        let told = fs::File::open(clone.place.root.join("stream")).unwrap();
        let mut git = Command::new("git");
        git.args(["fast-import", "--quiet"]).current_dir(&clone.place.root).stdin(told);
        assert!(git.status().unwrap().success());
        say("robo and mimi\n");
        assert_eq!(join(), "third\nrobo and mimi\n", "{format:?}");
        assert_eq!(join(), "third\nrobo and mimi\n", "done once: {format:?}");
    }
}
