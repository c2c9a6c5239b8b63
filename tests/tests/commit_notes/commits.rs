//! Whatever git does to commits, the notes follow.

use std::process::Stdio;

use codi2_tests::{Agent, World, program};

use crate::{ADA, BEA, BEGIN, Work};

#[test]
fn commits_that_are_made_here() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    work.write(ADA, "a.txt", "first\nby ada, at once\nlast\n");
    let first = work.commit("one");
    world.wait_noted("a plain commit", "HEAD", &[("first", "-"), ("by ada, at once", ADA)]);
    let note = world.git(&["notes", "--ref", "codi2", "show", &first]);
    assert!(note.starts_with("{\"codi2\":1,\n"), "{note}");
    for secret in [world.repository().to_str().unwrap_or("?"), "pid", "by ada, at once"] {
        assert!(!note.contains(secret), "{secret} in {note}");
    }

    // Staged in a form that never lay on disk.
    work.write(ADA, "a.txt", "first\nstaged by ada\nby ada, at once\nlast\n");
    work.write(BEA, "a.txt", "first\nstaged by ada\nby ada, at once\nlast\nleft by bea\nstaged by bea\n");
    world.write("part.txt", "first\nstaged by ada\nby ada, at once\nlast\nstaged by bea\n");
    let blob = world.git(&["hash-object", "-w", "part.txt"]);
    std::fs::remove_file(world.path("part.txt")).expect("it is there");
    world.git(&["update-index", "--cacheinfo", &format!("100644,{},a.txt", blob.trim())]);
    world.git(&["commit", "--quiet", "--message", "a part"]);
    world.wait_noted("a part", "HEAD", &[("staged by ada", ADA), ("by ada, at once", ADA), ("staged by bea", BEA)]);
    work.commit("the rest");
    world.wait_noted("the rest", "HEAD", &[("left by bea", BEA), ("staged by bea", BEA)]);

    work.write(
        BEA,
        "a.txt",
        "first\nstaged by ada\nby ada, at once\nlast\nleft by bea\nstaged by bea\namended by bea\n",
    );
    world.git(&["commit", "--quiet", "--all", "--amend", "--message", "the rest and more"]);
    world.wait_noted("amended", "HEAD", &[("left by bea", BEA), ("amended by bea", BEA), ("staged by ada", ADA)]);

    // Eight commits in a moment.
    let mut text = world.read("a.txt");
    for number in 0..8 {
        text += &format!("quick {number}\n");
        work.write(if number % 2 == 0 { ADA } else { BEA }, "a.txt", &text);
        world.git(&["commit", "--quiet", "--all", "--message", "quick"]);
    }
    let quick: Vec<String> = (0..8).map(|number| format!("quick {number}")).collect();
    let expected: Vec<(&str, &str)> =
        quick.iter().enumerate().map(|(at, line)| (line.as_str(), if at % 2 == 0 { ADA } else { BEA })).collect();
    world.wait_noted("eight commits", "HEAD", &expected);

    // By other programs than `git commit`, on a branch that is not checked out.
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
    let plumbed = world.git(&["commit-tree", "-p", "HEAD~3", "-m", "plumbing", tree.trim()]);
    world.git(&["update-ref", "refs/heads/plumbed", plumbed.trim()]);
    world.wait_noted("commit-tree and update-ref", "plumbed", &expected);
    assert!(world.note(plumbed.trim()).is_some());

    // Nobody of ours wrote it: nothing is known, and nothing is said.
    let elsewhere = world.git(&["commit-tree", "-p", "HEAD", "-m", "empty", tree.trim()]);
    world.git(&["update-ref", "refs/heads/empty", elsewhere.trim()]);
    world.write_notes(world.repository()).expect("notes are written");
    assert_eq!(world.note(elsewhere.trim()), None);
    let status = world.codi2(&["status", "--format", "json"]);
    assert!(status.out.contains("\"problems\":[]"), "{}", status.out);
}

/// What a commit costs beside git: of the git program only what nobody else can tell, its own comparison, and what writes
/// the note.
#[test]
fn a_commit_asks_git_for_its_comparison_alone() {
    let world = World::new(&[("a.txt", BEGIN)]);
    // The hub's git writes down what it is called for.
    let (calls, programs) = (world.home().join("calls"), world.home().join("programs"));
    std::fs::create_dir_all(&programs).expect("a folder");
    let path = std::env::var("PATH").expect("programs are found");
    let script = format!(
        "#!/bin/sh\nfor word do case $word in -* | *.*=*) ;; *) echo \"$word\" >>'{}'; break ;; esac; done\n\
         PATH='{path}' exec git \"$@\"\n",
        calls.display()
    );
    std::fs::write(programs.join("git"), script).expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(programs.join("git"), mode).expect("it may run");
    let hub = world
        .command(program())
        .args(["monitor"])
        .env("PATH", format!("{}:{path}", programs.display()))
        .stdout(Stdio::null())
        .spawn()
        .expect("codi2 starts");
    world.wait_until_watched();
    let work = Work { world, monitor: hub };
    let world = &work.world;
    // What a hub asks once.
    world.write_notes(world.repository()).expect("a first look");
    for (at, text) in ["first\nby ada\nlast\n", "first\nby ada\nlast\nby ada again\n"].into_iter().enumerate() {
        work.write(ADA, "a.txt", text);
        // What the write itself was asked of, where it was seen in two steps, is no commit's.
        std::fs::write(&calls, "").expect("written");
        work.commit("one");
        let expected = [("by ada", ADA), ("by ada again", ADA)];
        world.wait_noted_unasked("a plain commit", "HEAD", &expected[..=at]);
        let called = std::fs::read_to_string(&calls).expect("read");
        assert!(called.contains("diff-tree"), "{called}");
        assert!(called.lines().all(|call| ["diff-tree", "fast-import"].contains(&call)), "{called}");
    }
}

#[test]
fn commits_that_are_made_anew() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    world.git(&["switch", "--quiet", "--create", "work"]);
    work.write(ADA, "a.txt", "first\none by ada\nlast\n");
    work.commit("one");
    work.write(BEA, "a.txt", "first\ntwo by bea\nlast\n");
    work.commit("two instead of one");
    work.write(ADA, "a.txt", "first\ntwo by bea\nlast\nthree by ada\n");
    work.write(BEA, "b.txt", "of bea\n");
    let three = work.commit("three");
    let expected = [("two by bea", BEA), ("three by ada", ADA), ("of bea", BEA)];
    world.wait_noted("as committed", "work", &expected);

    // Onto a line above: of the commits on the way, nobody sees the files.
    world.git(&["switch", "--quiet", "main"]);
    work.write(BEA, "a.txt", "zero by bea\nfirst\nlast\n");
    work.commit("zero");
    world.git(&["switch", "--quiet", "work"]);
    world.git(&["rebase", "--quiet", "main"]);
    world.wait_noted_unasked("rebased", "work", &expected);
    world.wait_noted("on the way of the rebase", "work~2", &[("one by ada", ADA), ("zero by bea", BEA)]);

    // A conflict, resolved by an agent.
    world.git(&["switch", "--quiet", "--create", "side", "main"]);
    work.write(ADA, "a.txt", "zero by bea\nfirst\nside by ada\nlast\n");
    work.commit("side");
    assert!(!work.try_git(&["rebase", "work"]), "it conflicts");
    work.write(BEA, "a.txt", "zero by bea\nfirst\ntwo by bea\nside by ada\nresolved by bea\nlast\nthree by ada\n");
    world.git(&["add", "a.txt"]);
    assert!(work.try_git(&["rebase", "--continue"]), "resolved");
    world.wait_noted(
        "rebased with a conflict",
        "side",
        &[("side by ada", ADA), ("resolved by bea", BEA), ("of bea", BEA)],
    );

    // Autosquash: a commit taken into an earlier one.
    work.write(ADA, "b.txt", "of bea\nfixed by ada\n");
    world.git(&["commit", "--quiet", "--all", "--fixup", "HEAD~1"]);
    world.git(&["-c", "sequence.editor=true", "rebase", "--quiet", "--interactive", "--autosquash", "main"]);
    world.wait_noted("autosquashed", "side", &[("fixed by ada", ADA), ("side by ada", ADA), ("resolved by bea", BEA)]);

    // Taken to another branch, taken back, and brought again.
    world.git(&["switch", "--quiet", "--create", "picked", "main"]);
    world.git(&["cherry-pick", &three]);
    world.wait_noted("picked", "picked", &[("three by ada", ADA), ("of bea", BEA)]);
    world.git(&["revert", "--no-edit", "HEAD"]);
    world.git(&["revert", "--no-edit", "HEAD"]);
    world.wait_noted("reverted twice", "picked", &[("three by ada", ADA), ("of bea", BEA), ("zero by bea", BEA)]);

    // All of a branch as one commit.
    world.git(&["switch", "--quiet", "--create", "squashed", "main"]);
    world.git(&["merge", "--quiet", "--squash", "side"]);
    world.git(&["commit", "--quiet", "--message", "all of it"]);
    let all = [
        ("two by bea", BEA),
        ("side by ada", ADA),
        ("resolved by bea", BEA),
        ("three by ada", ADA),
        ("fixed by ada", ADA),
    ];
    world.wait_noted("squashed", "squashed", &all);

    // A merge with a conflict.
    world.git(&["switch", "--quiet", "main"]);
    work.write(ADA, "a.txt", "zero by bea\nfirst\nmain by ada\nlast\n");
    work.commit("main");
    assert!(!work.try_git(&["merge", "work"]), "it conflicts");
    work.write(BEA, "a.txt", "zero by bea\nfirst\nmain by ada\nmerged by bea\ntwo by bea\nlast\nthree by ada\n");
    world.git(&["add", "a.txt"]);
    world.git(&["commit", "--quiet", "--no-edit"]);
    world.wait_noted("merged", "main", &[("main by ada", ADA), ("merged by bea", BEA), ("two by bea", BEA)]);

    // Everything written anew by another program.
    let mut filter = world.command("git");
    filter.env("FILTER_BRANCH_SQUELCH_WARNING", "1").args([
        "filter-branch",
        "-f",
        "--msg-filter",
        "sed 's/^/anew: /'",
        "side",
    ]);
    assert!(filter.output().expect("git starts").status.success());
    world.wait_noted("filtered", "side", &all);
}

#[test]
fn what_lies_on_disk_moves() {
    let work = Work::new(&[("a.txt", BEGIN), ("b.txt", "beside\n")]);
    let world = &work.world;
    work.write(ADA, "a.txt", "first\nstashed by ada\nlast\n");
    world.wait_no_strangers();
    world.git(&["stash", "--quiet"]);
    work.write(BEA, "b.txt", "beside\nmeanwhile by bea\n");
    work.commit("meanwhile");
    world.git(&["stash", "pop", "--quiet"]);
    work.commit("popped");
    world.wait_noted("stashed and popped", "HEAD", &[("stashed by ada", ADA), ("meanwhile by bea", BEA)]);

    world.git(&["mv", "a.txt", "moved.txt"]);
    work.write(BEA, "moved.txt", "first\nstashed by ada\nlast\nrenamed by bea\n");
    work.commit("moved");
    world.wait_noted(
        "renamed with an edit",
        "HEAD",
        &[("stashed by ada", ADA), ("renamed by bea", BEA), ("first", "-")],
    );

    // Another worktree, which nobody watches, and then somebody does.
    let linked = world.repository().with_file_name("linked");
    let path = linked.to_str().expect("UTF-8");
    world.git(&["worktree", "add", "--quiet", "-b", "there", path]);
    let at = |arguments: &[&str]| world.git(&[&["-C", path], arguments].concat());
    world.write_notes(&linked).expect("notes are written");
    let agent = Agent::named(world, "bea");
    let file = linked.join("b.txt");
    agent.announce(&[file.to_str().expect("UTF-8")]);
    std::fs::write(&file, "beside\nmeanwhile by bea\nthere by bea\n").expect("written");
    agent.done(&[file.to_str().expect("UTF-8")]);
    at(&["commit", "--quiet", "--all", "--message", "there"]);
    world.wait_noted_unasked("in a linked worktree", "there", &[("there by bea", BEA), ("meanwhile by bea", BEA)]);
    world.git(&["merge", "--quiet", "there"]);
    world.wait_noted("taken over from there", "main", &[("there by bea", BEA), ("renamed by bea", BEA)]);
}

#[test]
fn commits_that_are_pushed_at_once() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    let remote = world.repository().with_file_name("remote.git");
    world.git(&["init", "--quiet", "--bare", remote.to_str().expect("UTF-8")]);
    world.git(&["remote", "add", "origin", remote.to_str().expect("UTF-8")]);
    let push = "git commit --quiet --all --message pushed && git push --quiet origin main";
    let run = || assert!(world.command("sh").args(["-c", push]).status().expect("a shell").success());
    work.write(ADA, "a.txt", "first\nseen by ada\nlast\n");
    run();
    world.wait_noted_unasked("pushed at once", "HEAD", &[("seen by ada", ADA)]);
    work.write(BEA, "a.txt", "first\nseen by ada\nlast\nseen by bea\n");
    world.wait_no_strangers();
    world.write_notes(world.repository()).expect("notes are written");
    let hub = world.without_hub();
    run();
    drop(hub);
    world.wait_until_watched();
    world.wait_noted_unasked("pushed while no hub ran", "HEAD", &[("seen by bea", BEA)]);
}
