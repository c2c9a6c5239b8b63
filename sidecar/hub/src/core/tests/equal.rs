//! Equal lines of several authors in one file: whoever wrote the one is never named for the other.

use codi2_workspace::GitSource;

use super::world::World;

const OLD: &str = "unknown unknown BeforeCodi2";
const AGENT: &str = "agent bot exact IntentExact";
const LINE: &str = "    return compute_default_value()\n";

fn bot_writes(w: &mut World, text: &str) {
    w.agent_before("bot", "a.c");
    w.put("a.c", text);
    w.agent_after("bot", "a.c");
}

/// A colleague's function has lines that an agent's has, too; even a brace is not the agent's.
#[test]
fn what_git_brings_is_not_whose_an_equal_line_is() {
    let base = "// base one\n// base two\n";
    let ours = format!("int bots(void) {{\n{LINE}}}\n{base}");
    let theirs = format!("{base}int bobs(void) {{\n{LINE}}}\n");
    let merged = format!("int bots(void) {{\n{LINE}}}\n{base}int bobs(void) {{\n{LINE}}}\n");
    for (operation, sources) in [
        ("pull", [ours.as_str(), theirs.as_str(), base]),
        ("pull", [theirs.as_str(), ours.as_str(), base]),
        ("merge --squash", [merged.as_str(), ours.as_str(), base]),
    ] {
        let mut w = World::new(&[("a.c", base)]);
        bot_writes(&mut w, &ours);
        w.git_writes("a.c", Some(&merged), operation, GitSource::Merge, &sources);
        let blame = w.blame("a.c");
        assert_eq!(blame[..5], [AGENT, AGENT, AGENT, OLD, OLD], "{operation}");
        assert!(blame[5..].iter().all(|line| line.starts_with("git")), "{operation}: {blame:?}");
    }
}

/// Both sides are known: each keeps its own, braces and all.
#[test]
fn equal_lines_of_two_known_sides_stay_whose_they_are() {
    let base = "// base one\n// base two\n";
    let mut w = World::new(&[("a.c", base)]);
    let theirs = format!("{base}int rivals(void) {{\n{LINE}}}\n");
    w.agent_before("rival", "a.c");
    w.put("a.c", &theirs);
    w.agent_after("rival", "a.c");
    w.git_writes("a.c", Some(base), "checkout", GitSource::NewHead, &[&theirs]);
    let ours = format!("int bots(void) {{\n{LINE}}}\n{base}");
    bot_writes(&mut w, &ours);
    let merged = format!("int bots(void) {{\n{LINE}}}\n{base}int rivals(void) {{\n{LINE}}}\n");
    w.git_writes("a.c", Some(&merged), "merge", GitSource::Merge, &[&ours, &theirs, base]);
    let rival = "agent rival exact IntentExact";
    assert_eq!(w.blame("a.c"), [AGENT, AGENT, AGENT, OLD, OLD, rival, rival, rival]);
}

/// Both sides of a conflict have the line; nobody saw the one come to be.
#[test]
fn a_copy_of_a_side_that_nobody_saw_is_nobodys() {
    let base = "// base one\n// base two\n";
    let (ours, theirs) = (format!("{base}int bots\n{LINE}"), format!("{base}int bobs\n{LINE}"));
    let conflict = format!("{base}<<<<<<< HEAD\nint bots\n{LINE}=======\nint bobs\n{LINE}>>>>>>> bobs\n");
    let mut w = World::new(&[("a.c", base)]);
    bot_writes(&mut w, &ours);
    w.git_writes("a.c", Some(&conflict), "merge", GitSource::Conflict, &[&ours, &theirs, base]);
    let blame = w.blame("a.c");
    assert_eq!(blame[..5], [OLD, OLD, "git merge carried Git", AGENT, AGENT]);
    assert!(blame[5..].iter().all(|line| line.starts_with("git")), "{blame:?}");
}

/// The agent's line is gone when it is seen again, and nobody said who brought it.
#[test]
fn a_line_that_nobody_announced_is_recalled_but_not_beside_a_new_one() {
    let base = "// base one\n// base two\n";
    let external = "external unknown DiskChange";
    for (text, line, expected) in [
        (format!("{LINE}{base}"), 0, AGENT),
        (format!("{{\n{LINE}{base}"), 1, AGENT),
        (format!("def another_one():\n{LINE}{base}"), 1, external),
        (format!("<<<<<<< HEAD\n=======\ndef another_one():\n{LINE}>>>>>>> b\n{base}"), 3, AGENT),
        (format!("{LINE}def another_one():\n{base}"), 0, external),
    ] {
        let mut w = World::new(&[("a.c", base)]);
        bot_writes(&mut w, &format!("{base}{LINE}"));
        w.program_writes("a.c", base);
        w.program_writes("a.c", &text);
        assert_eq!(w.blame("a.c")[line], expected, "{text}");
    }
}

/// Git left its marks with an earlier change, or leaves more of them with this one.
#[test]
fn what_nobody_announced_beside_marks_that_stood_there_is_not_recalled() {
    let base = "// base one\n// base two\n";
    let marks = |side: &str, label: &str| format!("<<<<<<< HEAD\n=======\n{side}>>>>>>> {label}\n");
    let (first, new) = (marks("one side of bobs\n", "b"), format!("def another_one():\n{LINE}"));
    for (text, line, expected) in [
        (format!("{first}{new}{base}"), 5, "external unknown DiskChange"),
        (format!("{new}{base}{}", marks("one side of bobs\n", "b")), 1, "external unknown DiskChange"),
        (format!("{first}{base}{}", marks(&new, "c")), 9, AGENT),
    ] {
        let mut w = World::new(&[("a.c", base)]);
        bot_writes(&mut w, &format!("{base}{LINE}"));
        w.git_writes("a.c", Some(&format!("{first}{base}")), "stash apply", GitSource::Conflict, &[base]);
        w.program_writes("a.c", &text);
        assert_eq!(w.blame("a.c")[line], expected, "{text}");
    }
}

/// The base has the line; the agent takes it away and writes it elsewhere.
fn written_elsewhere() -> (World, String, String) {
    let base = format!("import alpha\n{LINE}def two():\n    pass\n");
    let gone = base.replace(LINE, "");
    let moved = gone.replace("    pass\n", LINE);
    let mut w = World::new(&[("a.c", &base)]);
    bot_writes(&mut w, &gone);
    bot_writes(&mut w, &moved);
    assert_eq!(w.blame("a.c"), [OLD, OLD, AGENT]);
    (w, base, moved)
}

#[test]
fn a_content_that_comes_back_has_the_owners_it_had() {
    let (mut w, base, moved) = written_elsewhere();
    w.git_writes("a.c", Some(&base), "checkout", GitSource::NewHead, &[&moved]);
    assert_eq!(w.blame("a.c"), [OLD; 4]);
}

/// A line that was there before codi2 is not recalled as the agent's that wrote the same, nor by the next hub.
#[test]
fn a_line_older_than_codi2_comes_back_as_nobodys() {
    for restarts in [false, true] {
        let (mut w, base, moved) = written_elsewhere();
        w.git_writes("a.c", Some(&base.replace(LINE, "")), "checkout", GitSource::NewHead, &[&moved]);
        if restarts {
            let earlier = vec![moved.clone().into_bytes(), base.clone().into_bytes()];
            w.ports.earlier.insert("a.c".into(), earlier);
            w.hub_restarts();
            w.scan();
        }
        w.git_writes("a.c", Some(&format!("{base}and more of others\n")), "pull", GitSource::NewHead, &[]);
        let blame = w.blame("a.c");
        assert!(!blame.iter().any(|line| line.starts_with("agent")), "restarts: {restarts}, {blame:?}");
    }
}

/// A new worktree, or a hub that has lost its rows, shows a content whose owners are known.
#[test]
fn a_known_content_is_not_recalled_line_by_line() {
    let base = format!("import alpha\n{LINE}def two():\n    pass\n");
    let both = base.replace("    pass\n", LINE);
    let mut w = World::new(&[("a.c", &base)]);
    bot_writes(&mut w, &both);
    w.staged("a.c");
    w.watch_sees("a.c");
    w.ports.disk.clear();
    w.ports.earlier.insert("a.c".into(), vec![both.clone().into_bytes(), base.into_bytes()]);
    w.hub_restarts();
    w.scan();
    assert_eq!(w.blame("a.c"), [OLD, OLD, OLD, AGENT]);
    // One content further on, the two authors are still two.
    w.git_writes("a.c", Some("import beta\n"), "checkout", GitSource::NewHead, &[]);
    w.git_writes("a.c", Some(&format!("import beta\n{LINE}")), "pull", GitSource::NewHead, &[]);
    assert!(!w.blame("a.c")[1].starts_with("agent"), "{:?}", w.blame("a.c"));
}

/// The agent's own copy still stands: the second one is somebody else's.
#[test]
fn a_second_copy_that_nobody_announced_is_nobodys() {
    let mut w = World::new(&[("a.c", "// base one\n// base two\n")]);
    let with = format!("{LINE}// base one\n// base two\n");
    bot_writes(&mut w, &with);
    w.program_writes("a.c", format!("{with}{LINE}"));
    let blame = w.blame("a.c");
    assert_eq!(blame[..3], [AGENT, OLD, OLD]);
    assert!(blame[3].starts_with("external") || blame[3].starts_with("unknown"), "{blame:?}");
}

/// Git is asked again for a path whose owners could not be read.
#[test]
fn a_store_that_did_not_answer_is_asked_again() {
    let mut w = World::new(&[("a.c", "// base one\n")]);
    bot_writes(&mut w, &format!("// base one\n{LINE}"));
    w.ports.earlier.insert("a.c".into(), vec![format!("// base one\n{LINE}").into_bytes()]);
    w.git_writes("a.c", Some("// base one\n"), "checkout", GitSource::NewHead, &[]);
    w.hub_restarts();
    w.scan();
    w.ports.damaged = true;
    w.git_writes("a.c", Some("// base two\n"), "pull", GitSource::NewHead, &[]);
    w.ports.damaged = false;
    w.git_writes("a.c", Some(&format!("// base two\n{LINE}")), "pull", GitSource::NewHead, &[]);
    assert_eq!(w.blame("a.c")[1], AGENT);
}
