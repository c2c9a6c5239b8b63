//! Notes in every format of repository: no note is lost where several write, or where clones are joined.

use codi2_workspace::{Note, Notes, Unread};

use super::*;

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
    // A folder of the tree that cannot be read, as for a moment while git packs, is no note that is not there.
    let folder = repository.git(&["rev-parse", &format!("refs/notes/codi2:{}", &commits[2].to_string()[..2])]);
    let (loose, aside) =
        (format!(".git/objects/{}/{}", &folder[..2], &folder[2..]), repository.place.root.join("aside"));
    let loose = repository.place.root.join(loose);
    fs::rename(&loose, &aside).unwrap();
    let refused = Notes::open(&repository.place, "refs/notes/codi2").unwrap().read(&commits).unwrap_err();
    assert!(refused.to_string().contains("damaged"), "{refused}");
    fs::rename(&aside, &loose).unwrap();
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

/// What lives as a `git gc` at work in a repository until its input ends.
fn packs(repository: &Repository) -> std::process::Child {
    let git = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    repository.write(".git/gc.pid", format!("{} here", git.id()));
    git
}

/// `git gc --prune=now` would take away what is being written.
#[test]
fn a_write_waits_while_git_packs() {
    let repository = Repository::new(&[]);
    let commit = repository.commit();
    let mut git = packs(&repository);
    let (tell, told) = std::sync::mpsc::channel();
    let place = repository.place.clone();
    let writer = std::thread::spawn(move || {
        let mut notes = Notes::open(&place, "refs/notes/codi2").unwrap();
        tell.send(notes.write(&[commit], &mut |_, _| Note::Write(b"one\n".into())).unwrap()).unwrap();
    });
    assert!(told.recv_timeout(std::time::Duration::from_millis(300)).is_err(), "nothing is written meanwhile");
    drop(git.stdin.take());
    git.wait().unwrap();
    assert_eq!(told.recv().unwrap(), 1, "a dead process's lock keeps nobody");
    writer.join().unwrap();
}

/// One that takes too long to be waited for takes away what no reference leads to yet: the note is written again.
#[test]
fn what_git_took_away_meanwhile_is_written_again() {
    let repository = Repository::new(&[]);
    let commit = repository.commit();
    let mut git = packs(&repository);
    let place = repository.place.clone();
    let packer = std::thread::spawn(move || {
        let written = place.root.join(".git/refs/notes/codi2");
        while !written.exists() {
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
        let mut git_says = Command::new("git");
        git_says.args(["rev-parse", "refs/notes/codi2^{tree}"]).current_dir(&place.root);
        let tree = String::from_utf8(git_says.output().unwrap().stdout).unwrap();
        let (folder, name) = tree.trim().split_at(2);
        fs::remove_file(place.root.join(".git/objects").join(folder).join(name)).unwrap();
        drop(git.stdin.take());
        git.wait().unwrap();
    });
    let mut notes = Notes::open(&repository.place, "refs/notes/codi2").unwrap();
    let mut asked = 0;
    let mut note = |_, _: Option<&[u8]>| {
        asked += 1;
        Note::Write(b"one\n".into())
    };
    assert_eq!(notes.write(&[commit], &mut note).unwrap(), 1);
    packer.join().unwrap();
    assert_eq!(asked, 2);
    repository.git(&["fsck", "--no-dangling"]);
    let read = Notes::open(&repository.place, "refs/notes/codi2").unwrap().read(&[commit]).unwrap();
    assert_eq!(read[&commit], b"one\n");
}
