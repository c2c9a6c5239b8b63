//! Notes and commits of others: of git's own copying, of later programs, of other people.

use codi2_tests::wait_for;

use crate::{ADA, BEA, BEGIN, Work};

#[test]
fn a_note_that_git_copies_tells_nothing_of_other_lines() {
    for mode in ["overwrite", "concatenate"] {
        let work = Work::new(&[("a.txt", BEGIN)]);
        let world = &work.world;
        world.git(&["config", "notes.rewriteRef", "refs/notes/*"]);
        world.git(&["config", "notes.rewriteMode", mode]);
        work.write(ADA, "a.txt", "written by ada\nfirst\nlast\n");
        let before = work.commit("one");
        world.wait_noted("as committed", "HEAD", &[("written by ada", ADA)]);
        // Nobody tells who wrote the line that now stands where that of Ada did.
        world.write("a.txt", "of a stranger\nwritten by ada\nfirst\nlast\n");
        world.git(&["commit", "--quiet", "--all", "--amend", "--message", "one and more"]);
        assert_ne!(work.head(), before);
        world.wait_noted("amended", "HEAD", &[("written by ada", ADA)]);
        let noted = world.noted("HEAD");
        let stranger = noted.iter().find(|(line, _)| line == "of a stranger").expect("it is there");
        assert_ne!(stranger.1, ADA, "{mode}: {noted:?}");
    }
}

#[test]
fn what_others_know_of_a_commit_stays() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    world.write("a.txt", "first\nof a stranger\nlast\n");
    work.write(ADA, "b.txt", "by ada, at once\n");
    let commit = work.commit("one");
    world.wait_noted("as committed", "HEAD", &[("by ada, at once", ADA)]);
    let theirs = "{\"codi2\":1,\"owners\":[{\"origin\":{\"kind\":\"agent\",\"name\":\"bea\"},\"class\":\"exact\",\
                  \"evidence\":[\"intent-exact\"]}],\"files\":{\"a.txt\":[[2,2,0]]}}";
    world.git(&["notes", "--ref", "codi2", "add", "-f", "-m", theirs, &commit]);
    for _ in 0..3 {
        world.write_notes(world.repository()).expect("notes are written");
        let noted = world.noted("HEAD");
        for (line, who) in [("of a stranger", BEA), ("by ada, at once", ADA)] {
            assert!(noted.contains(&(line.into(), who.into())), "{line}: {noted:?}");
        }
    }
}

#[test]
fn a_note_of_a_later_program_stops_no_other() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    work.write(ADA, "a.txt", "first\nwritten by ada\nlast\n");
    world.git(&["add", "--all"]);
    let tree = world.git(&["write-tree"]);
    let newer = world.git(&["commit-tree", "-p", "HEAD", "-m", "one", tree.trim()]);
    world.git(&["notes", "--ref", "codi2", "add", "-m", "{\"codi2\":2}", newer.trim()]);
    world.git(&["update-ref", "refs/heads/main", newer.trim()]);
    work.write(BEA, "a.txt", "first\nwritten by ada\nlast\nwritten by bea\n");
    let commit = work.commit("two");
    world.wait_noted("the next one", "HEAD", &[("written by bea", BEA)]);
    let noted = world.repository().join(".git/codi2/noted");
    let told = || std::fs::read_to_string(&noted).unwrap_or_default();
    wait_for("it to be looked at once", told, || told().contains(&commit).then_some(()));
    assert_eq!(world.git(&["notes", "--ref", "codi2", "show", newer.trim()]), "{\"codi2\":2}\n");
}

#[test]
fn commits_of_others_are_not_those_of_whoever_works_here() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    work.write(ADA, "a.txt", "first\nwritten by ada\n}\nlast\n");
    work.commit("one");
    world.wait_noted("the one made here", "HEAD", &[("written by ada", ADA), ("}", ADA)]);
    let theirs = world.repository().with_file_name("theirs");
    let path = theirs.to_str().expect("UTF-8");
    world.git(&["clone", "--quiet", world.repository().to_str().expect("UTF-8"), path]);
    world.git(&["-C", path, "reset", "--quiet", "--hard", "HEAD~1"]);
    std::fs::write(theirs.join("a.txt"), "first\nwritten elsewhere\n}\nlast\n").expect("written");
    let stranger = ["-C", path, "-c", "user.name=Stranger", "-c", "user.email=stranger@example.invalid"];
    world.git(&[&stranger[..], &["commit", "--quiet", "--all", "--message", "theirs"]].concat());
    world.git(&["fetch", "--quiet", path, "main:request"]);
    work.write(BEA, "b.txt", "written by bea\n");
    work.commit("two");
    world.wait_noted("what was made here since", "HEAD", &[("written by bea", BEA)]);
    let fetched = world.git(&["rev-parse", "request"]);
    assert_eq!(world.note(fetched.trim()), None);
}

/// A forge's buttons: its server commits what was written here, and has no notes.
#[test]
fn a_commit_that_a_forge_made_of_what_was_written_here() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    let (remote, forge) = (world.repository().with_file_name("remote.git"), world.repository().with_file_name("forge"));
    let (remote, forge) = (remote.to_str().expect("UTF-8"), forge.to_str().expect("UTF-8"));
    world.git(&["init", "--quiet", "--bare", remote]);
    world.git(&["remote", "add", "origin", remote]);
    world.git(&["push", "--quiet", "origin", "main"]);
    world.git(&["clone", "--quiet", "--branch", "main", remote, forge]);
    let on_forge = |arguments: &[&str]| {
        let server = ["-C", forge, "-c", "user.name=Forge", "-c", "user.email=forge@example.invalid"];
        world.git(&[&server, arguments].concat())
    };
    let pull = || {
        on_forge(&["push", "--quiet", "origin", "main"]);
        world.git(&["switch", "--quiet", "main"]);
        world.git(&["pull", "--quiet", "--ff-only", "origin", "main"]);
    };
    world.git(&["switch", "--quiet", "--create", "one"]);
    work.write(ADA, "a.txt", "first\nby ada\nlast\n");
    work.commit("one");
    work.write(BEA, "b.txt", "by bea\n");
    work.commit("two");
    world.git(&["push", "--quiet", "origin", "one"]);
    on_forge(&["fetch", "--quiet", "origin"]);
    on_forge(&["merge", "--quiet", "--squash", "origin/one"]);
    on_forge(&["commit", "--quiet", "--message", "squashed"]);
    pull();
    world.wait_noted_unasked("squashed", "HEAD", &[("by ada", ADA), ("by bea", BEA)]);

    world.git(&["switch", "--quiet", "--create", "two"]);
    work.write(BEA, "a.txt", "first\nby ada\nby bea, too\nlast\n");
    work.commit("three");
    world.git(&["push", "--quiet", "origin", "two"]);
    on_forge(&["commit", "--quiet", "--allow-empty", "--message", "between"]);
    std::fs::write(std::path::Path::new(forge).join("c.txt"), "by a stranger\n").expect("written");
    on_forge(&["add", "c.txt"]);
    on_forge(&["commit", "--quiet", "--message", "of a stranger"]);
    on_forge(&["fetch", "--quiet", "origin"]);
    on_forge(&["cherry-pick", "origin/two"]);
    pull();
    world.wait_noted_unasked("picked", "HEAD", &[("by bea, too", BEA)]);
    let stranger = world.git(&["rev-parse", "HEAD~1"]);
    assert_eq!(world.note(stranger.trim()), None, "of it nothing was seen here");
}
