//! Where a note cannot or may not be written.

use crate::{ADA, BEGIN, Work};

#[test]
fn notes_that_cannot_be_written_are_a_problem_that_is_told() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    work.write(ADA, "a.txt", "first\nby ada\nlast\n");
    let lock = world.repository().join(".git/refs/notes/codi2.lock");
    std::fs::create_dir_all(lock.parent().expect("a folder")).expect("made");
    std::fs::write(&lock, "").expect("written");
    let commit = work.commit("one");
    let refused = world.write_notes(world.repository()).expect_err("somebody holds the lock");
    assert!(refused.message.contains("codi2.lock"), "{refused:?}");
    let status = world.codi2(&["status"]);
    assert!(status.out.contains("notes are not written"), "{}", status.out);
    assert_eq!(world.note(&commit), None);
    std::fs::remove_file(&lock).expect("removed");
    world.wait_noted("once it is gone", "HEAD", &[("by ada", ADA)]);
    assert!(!world.codi2(&["status"]).out.contains("notes are not written"));

    // A note that a later program wrote is nobody's to change.
    let newer = "{\"codi2\":2}\n";
    world.git(&["notes", "--ref", "codi2", "add", "-f", "-m", newer.trim(), "HEAD"]);
    work.write(ADA, "a.txt", "first\nby ada\nlast\nmore by ada\n");
    work.commit("two");
    world.wait_noted("the next one", "HEAD", &[("more by ada", ADA)]);
    assert_eq!(world.git(&["notes", "--ref", "codi2", "show", "HEAD~1"]), newer);
}

#[test]
fn private_files_and_switched_off_notes_leave_no_trace() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    world.write(".env.local", "KEY=1\n");
    work.write(ADA, "a.txt", "first\nby ada\nlast\n");
    let commit = work.commit("both");
    world.wait_noted("the commit", "HEAD", &[("by ada", ADA)]);
    let note = world.note(&commit).expect("it has a note");
    assert_eq!(note.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a.txt"]);

    world.kill_hub();
    let started = world.codi2(&["--set", "notes.write=false", "hub", "start"]);
    assert_eq!(started.code, 0, "{}", started.err);
    let refused = world.write_notes(world.repository()).expect_err("they are off");
    assert!(refused.message.contains("notes.write"), "{refused:?}");
}
