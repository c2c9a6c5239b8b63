//! One person in one buffer: typing, undo, moves, formats, texts from elsewhere.

use codi2_protocol::{ActorKind, Copied, EventBody, Notice, RepositoryId, Shape, SourceKind, Verdict};

use super::super::Input;
use super::sidecar::Change;
use super::world::{World, body, file, of, worktree};

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";

#[test]
fn typing_on_top_of_old_text_and_saving() {
    let mut w = World::new(&[("a.rs", "one\ntwo\n")]);
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 4, "new\n");
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, TYPED, OLD]);
    assert_eq!(w.blame("a.rs"), [OLD, OLD], "the file is as it was");
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, OLD]);
    assert_eq!(
        w.log(0),
        ["session-started person ada in a session", "edit person ada in a session", "saved person ada in a session",]
    );
    assert_eq!(w.wanted(), 0, "the hub had every text");
}

/// A comparison of texts takes a part of what she typed for it.
#[test]
fn a_line_of_a_buffer_saved_over_the_file_is_not_whose_its_like_was() {
    let mut w = World::new(&[("a.rs", "one\n}\ntwo\n")]);
    w.opens("ada", "a.rs");
    w.opens("bea", "a.rs");
    w.cuts("bea", "a.rs", 4, 2);
    w.types("bea", "a.rs", 4, "});\n");
    w.saves("bea", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, "person bea declared EditorDeclared", OLD]);
    w.appends("ada", "a.rs", "mine\n");
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, OLD, OLD, TYPED]);
}

#[test]
fn an_editor_that_declares_nothing_is_judged_by_shapes() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.editor("ada");
    w.person("ada").declares = false;
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "two\n");
    w.inserts("ada", "a.rs", 0, "a long text out of nowhere\n", SourceKind::Paste);
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), ["unknown unknown LargeInsert", OLD, "person ada inferred Keystrokes"]);
}

#[test]
fn undo_brings_owners_back() {
    // As the editor declares it, after several groups, and by the tombstone alone.
    for way in ["state", "later", "tombstone", "silent"] {
        let mut w = World::new(&[("a.rs", "old\n")]);
        w.opens("ada", "a.rs");
        w.appends("ada", "a.rs", "mine\n");
        let group = w.cuts("ada", "a.rs", 0, 4);
        let mut at = 0;
        if way == "later" || way == "tombstone" {
            w.appends("ada", "a.rs", "more\n");
        }
        if way == "later" {
            w.cuts("ada", "a.rs", 5, 5);
        }
        if way == "tombstone" {
            at = w.people["ada"].buffers["a.rs"].len();
        }
        let mut undo = Change::new(at, 0, "old\n", Shape::Insert, SourceKind::Undo);
        undo.restored = w.grave("ada", group, 0);
        if way == "silent" {
            undo.source = None;
        }
        w.edits("ada", "a.rs", vec![undo]);
        w.saves("ada", "a.rs");
        let lines = w.blame("a.rs");
        if way == "tombstone" {
            assert_eq!(lines, [TYPED, TYPED, OLD], "{way}");
        } else {
            assert_eq!(lines, [OLD, TYPED], "{way}");
        }
    }
}

/// A store elsewhere takes its time for each question, and the core waits.
#[test]
fn typing_asks_the_store_for_nothing_and_an_undo_asks_once() {
    for (shared, declares) in [(None, true), (Some(RepositoryId::new()), true), (Some(worktree().repository), false)] {
        let mut w = World::new(&[("a.rs", "old\n")]);
        if let Some(shared) = shared {
            w.feed(Input::Joins(worktree().repository, shared));
        }
        w.editor("ada");
        w.person("ada").declares = declares;
        w.opens("ada", "a.rs");
        w.ports.asked_owners.take();
        w.appends("ada", "a.rs", "mine\n");
        w.cuts("ada", "a.rs", 0, 4);
        assert_eq!(w.ports.asked_owners.take(), Vec::<Vec<_>>::new(), "{shared:?}");
        // To a text that this hub has not seen.
        w.edits("ada", "a.rs", vec![Change::new(0, 0, "elsewhere\n", Shape::Insert, SourceKind::Undo)]);
        let own = worktree().repository;
        let both: Vec<_> = shared.into_iter().filter(|shared| *shared != own).chain([own]).collect();
        assert_eq!(w.ports.asked_owners.take(), [both], "{shared:?}");
    }
}

#[test]
fn redo_brings_owners_back_too() {
    let mut w = World::new(&[("a.rs", "")]);
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 0, "mine\n");
    w.edits("ada", "a.rs", vec![Change::new(0, 5, "", Shape::Deletion, SourceKind::Undo)]);
    w.edits("ada", "a.rs", vec![Change::new(0, 0, "mine\n", Shape::Insert, SourceKind::Redo)]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [TYPED]);
}

/// The editor of one person undoes what it deleted of an agent's: it stays the agent's.
#[test]
fn undo_of_a_deletion_gives_each_byte_back_to_its_owner() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "old\nbot\n");
    w.agent_after("bot", "a.rs");
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "ada\n");
    let group = w.cuts("ada", "a.rs", 0, 12);
    let mut undo = Change::new(0, 0, "old\nbot\nada\n", Shape::Insert, SourceKind::Undo);
    undo.restored = w.grave("ada", group, 0);
    w.edits("ada", "a.rs", vec![undo]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, "agent bot exact IntentExact", TYPED]);
    assert_eq!(told(&w), [(1, 1, "unknown"), (2, 1, "bot"), (3, 1, "ada")]);
    assert_eq!(verdict(&w), None, "no owner is that of all three, so the sidecar asks");
}

/// An editor loads what an agent wrote by one replacement, in which a person's line and old ones stand, too.
#[test]
fn a_reload_gives_each_byte_to_its_owner() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "ada\n");
    w.saves("ada", "a.rs");
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "bot at the top\nold\nada\nbot at the end\n");
    w.agent_after("bot", "a.rs");
    w.reloads("ada", "a.rs");
    let bot = "agent bot exact IntentExact";
    assert_eq!(w.blame_buffer("ada", "a.rs"), [bot, OLD, TYPED, bot]);
    assert_eq!(told(&w), [(1, 1, "bot"), (2, 1, "unknown"), (3, 1, "ada"), (4, 1, "bot")]);
    assert_eq!(verdict(&w), None);
}

/// An agent closes a block; an editor that declares nothing loads that as what a key could have put there.
#[test]
fn a_reload_of_a_key_is_whose_it_is_on_disk() {
    let bot = "agent bot exact IntentExact";
    let external = "external unknown DiskChange";
    let reload = |w: &mut World| {
        w.tick(3_000);
        w.types("ada", "a.rs", 4, "}\n")
    };
    for way in ["announced", "by a program", "while the call is open", "in two writes"] {
        let mut w = World::new(&[("a.rs", "one\ntwo\n")]);
        w.editor("ada");
        w.person("ada").declares = false;
        w.opens("ada", "a.rs");
        let mut owner = bot;
        match way {
            "by a program" => {
                w.program_writes("a.rs", "one\n}\ntwo\n");
                owner = external;
            }
            "while the call is open" => {
                w.agent_before("bot", "a.rs");
                w.put("a.rs", "one\n}\ntwo\n");
                reload(&mut w);
                w.agent_after("bot", "a.rs");
            }
            _ => {
                w.agent_before("bot", "a.rs");
                if way == "in two writes" {
                    w.program_writes("a.rs", "one\n}two\n");
                    owner = "agent bot inferred OnlyAgentCall";
                }
                w.program_writes("a.rs", "one\n}\ntwo\n");
                w.agent_after("bot", "a.rs");
            }
        }
        if way != "while the call is open" {
            reload(&mut w);
        }
        assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, owner, OLD], "{way}");
        w.saves("ada", "a.rs");
        assert_eq!(w.blame("a.rs"), [OLD, owner, OLD], "{way}: she only saved");
        // Undone and done again it is whose it was; another key at its place is hers.
        w.cuts("ada", "a.rs", 4, 2);
        reload(&mut w);
        assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, owner, OLD], "{way}: an undo and a redo");
        w.cuts("ada", "a.rs", 4, 2);
        w.types("ada", "a.rs", 4, ")\n");
        assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, "person ada inferred Keystrokes", OLD], "{way}");
    }
}

/// The watch may see what was saved before the hub hears of the typing: that is no reload.
#[test]
fn a_key_that_is_saved_before_it_is_told_is_typed() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.editor("ada");
    w.person("ada").declares = false;
    w.opens("ada", "a.rs");
    w.holds("ada");
    w.appends("ada", "a.rs", "}\n");
    w.writes_file("ada", "a.rs");
    w.watch_sees("a.rs");
    w.arrives("ada");
    w.says_saved("ada", "a.rs");
    let lines = [OLD, "person ada inferred Keystrokes"];
    assert_eq!(w.blame_buffer("ada", "a.rs"), lines);
    assert_eq!(w.blame("a.rs"), lines);
}

/// What one edit of a group brought back and the next one took away again is nobody's to tell.
#[test]
fn an_undo_in_steps_tells_of_each_step_what_is_left_of_it() {
    let mut w = World::new(&[("a.rs", "old\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "ada\n");
    w.cuts("ada", "a.rs", 0, 8);
    let undo = |at, deleted, text: &str| Change::new(at, deleted, text, Shape::Insert, SourceKind::Undo);
    w.edits("ada", "a.rs", vec![undo(0, 0, "old\nxx"), undo(4, 2, ""), undo(4, 0, "ada\n")]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, TYPED]);
    assert_eq!(told(&w), [(1, 1, "unknown"), (2, 0, "unknown"), (2, 0, "ada"), (2, 1, "ada")]);
}

/// The ranges of the last edit's event: line, line ends, author.
fn told(w: &World) -> Vec<(u64, u64, &str)> {
    let EventBody::Edit { change, .. } = body(w.last("edit")) else { panic!() };
    let author = |verdict: u32| match &change.verdicts[verdict as usize].origin {
        actor if actor.kind == ActorKind::Unknown => "unknown",
        actor => actor.name.as_str(),
    };
    change.ranges.iter().map(|range| (range.line, range.lines_inserted, author(range.verdict))).collect()
}

/// What the sidecar was told last of a group.
fn verdict(w: &World) -> Option<&Verdict> {
    let judged = w.notices.iter().rev().find_map(|(_, notice)| match notice {
        Notice::Judged { verdict, .. } => Some(verdict.as_ref()),
        _ => None,
    });
    judged.unwrap()
}

#[test]
fn a_paste_from_outside_is_nobodys_and_names_who_pasted() {
    let mut w = World::new(&[("a.rs", "")]);
    w.opens("ada", "a.rs");
    w.inserts("ada", "a.rs", 0, "fn from_the_web() {}\n", SourceKind::Paste);
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), ["unknown unknown EditorDeclared"]);
    let owners = w.owners("a.rs", None, false).unwrap();
    assert_eq!(owners.owners[0].verdict.modifier.as_ref().unwrap().name, "ada");
}

#[test]
fn a_cut_and_put_moves_owners_inside_a_file_and_across() {
    let mut w = World::new(&[("a.rs", "first old line\nsecond old line\n"), ("b.rs", "")]);
    w.opens("ada", "a.rs");
    w.opens("ada", "b.rs");
    w.appends("ada", "a.rs", "mine, and mine alone\n");
    let group = w.cuts("ada", "a.rs", 0, 15);
    let mut put = Change::new(16, 0, "first old line\n", Shape::Insert, SourceKind::Paste);
    put.restored = w.grave("ada", group, 0);
    w.edits("ada", "a.rs", vec![put]);
    assert_eq!(w.people["ada"].buffers["a.rs"], "second old line\nfirst old line\nmine, and mine alone\n");
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, "unknown unknown BeforeCodi2", TYPED]);

    let group = w.cuts("ada", "a.rs", 31, 21);
    let mut put = Change::new(0, 0, "mine, and mine alone\n", Shape::Insert, SourceKind::Paste);
    put.restored = w.grave("ada", group, 0);
    w.edits("ada", "b.rs", vec![put]);
    assert_eq!(w.blame_buffer("ada", "b.rs"), ["person ada declared Moved"]);
}

#[test]
fn a_copy_from_another_buffer_keeps_its_author() {
    let mut w = World::new(&[("a.rs", ""), ("b.rs", "old\n")]);
    w.opens("ada", "a.rs");
    w.opens("ada", "b.rs");
    let text = "let copied = there;\n";
    w.types("ada", "a.rs", 0, text);
    let digest = of(&w.people["ada"].buffers["a.rs"]);
    let mut put = Change::new(0, 0, text, Shape::Insert, SourceKind::Paste);
    put.copied = vec![Copied { at: 0, len: text.len() as u64, file: Some(file("a.rs")), digest, from: 0 }];
    w.edits("ada", "b.rs", vec![put]);
    assert_eq!(w.blame_buffer("ada", "b.rs"), ["person ada declared Copied", OLD]);
}

#[test]
fn a_formatter_keeps_tokens_and_owns_what_it_adds() {
    let old = "let a=1\n";
    let new = "let a = 1;\n";
    let mut w = World::new(&[("a.rs", old)]);
    w.opens("ada", "a.rs");
    let digest = of(old);
    let kept = |at, len, from| Copied { at, len, file: None, digest, from };
    let mut format = Change::new(0, old.len(), new, Shape::Replace, SourceKind::Format);
    format.name = Some("rustfmt");
    format.copied = vec![kept(0, 5, 0), kept(6, 1, 5), kept(8, 1, 6), kept(10, 1, 7)];
    w.edits("ada", "a.rs", vec![format]);
    let reply = w.owners("a.rs", Some(of(new)), false).unwrap();
    let name = |owner: u32| reply.owners[owner as usize].verdict.origin.name.as_str();
    let spans: Vec<_> = reply.spans.iter().map(|span| (span.len, name(span.owner))).collect();
    let own: u64 = spans.iter().filter(|(_, name)| *name == "rustfmt").map(|(len, _)| len).sum();
    assert_eq!(own, 3, "two blanks and a semicolon: {spans:?}");
    assert_eq!(w.blame_buffer("ada", "a.rs").len(), 1);
}

/// Layout alone: white space belongs to the tokens beside it, at the start of the edit too.
#[test]
fn layout_changes_nobodys_lines() {
    let old = "a(b,c)\n";
    let new = "  a(\n  b,\n  c\n)\n";
    let mut w = World::new(&[("a.rs", "")]);
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 0, old);
    let digest = of(old);
    let kept = |at, len, from| Copied { at, len, file: None, digest, from };
    let mut format = Change::new(0, old.len(), new, Shape::Layout, SourceKind::Format);
    format.copied = vec![kept(2, 2, 0), kept(7, 2, 2), kept(12, 1, 4), kept(14, 2, 5)];
    w.edits("ada", "a.rs", vec![format]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), ["person ada carried Format"; 4]);
    let EventBody::Edit { change, .. } = body(w.last("edit")) else { panic!() };
    assert_eq!(change.ranges.iter().map(|range| range.lines_inserted).sum::<u64>(), 4);
    assert_eq!(change.ranges[0].line, 1);
}

#[test]
fn a_completion_is_its_providers_and_accepted_by_the_person() {
    let mut w = World::new(&[("a.rs", "")]);
    w.opens("ada", "a.rs");
    let mut accept = Change::new(0, 0, "fn suggested() {}\n", Shape::Insert, SourceKind::Completion);
    accept.name = Some("copilot");
    w.edits("ada", "a.rs", vec![accept]);
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), ["completion copilot declared EditorDeclared"]);
    let owners = w.owners("a.rs", None, false).unwrap();
    assert_eq!(owners.owners[0].verdict.acceptor.as_ref().unwrap().name, "ada");
    assert_eq!(w.last("edit").actor.kind, ActorKind::Completion);
}

#[test]
fn a_deletion_names_who_deleted() {
    let mut w = World::new(&[("a.rs", "one\ntwo\nthree\n")]);
    w.opens("ada", "a.rs");
    w.cuts("ada", "a.rs", 4, 4);
    let event = w.last("edit");
    assert_eq!(event.actor.name, "ada");
    let EventBody::Edit { change, .. } = body(event) else { panic!() };
    let range = &change.ranges[0];
    assert_eq!((range.at, range.deleted, range.inserted, range.line, range.lines_deleted), (4, 4, 0, 2, 1));
    assert_eq!(change.verdicts[0].origin.name, "ada");
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, OLD]);
}

/// Pieces of one insert are told with their own lines.
#[test]
fn ranges_of_one_edit_count_their_lines() {
    let mut w = World::new(&[("a.rs", "top\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "one\ntwo\n");
    let group = w.cuts("ada", "a.rs", 4, 8);
    let mut put = Change::new(4, 0, "new\none\ntwo\nmore\n", Shape::Insert, SourceKind::Command);
    put.restored = w.grave("ada", group, 0);
    put.restored[0].at = 4;
    w.edits("ada", "a.rs", vec![put]);
    let EventBody::Edit { change, .. } = body(w.last("edit")) else { panic!() };
    let told: Vec<_> =
        change.ranges.iter().map(|range| (range.at, range.inserted, range.line, range.lines_inserted)).collect();
    assert_eq!(told, [(4, 4, 2, 1), (8, 8, 3, 2), (16, 5, 5, 1)]);
}

/// The buffer's text is asked for once when it is lacking, and used when it comes.
#[test]
fn a_text_that_is_lacking_is_asked_for_once() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.person("ada").sends_text = false;
    for _ in 0..5 {
        w.appends("ada", "a.rs", "x");
    }
    assert_eq!(w.wanted(), 1);
    w.sends_whole("ada", "a.rs", 3);
    w.person("ada").sends_text = true;
    w.appends("ada", "a.rs", "yz");
    assert_eq!(w.wanted(), 1);
    let reply = w.owners("a.rs", None, true).unwrap();
    assert_eq!(reply.text.as_deref(), Some("one\nxxxxxyz"));
}

/// The whole text overtakes the group that led to it.
#[test]
fn a_whole_text_that_comes_before_its_group_is_kept() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.person("ada").sends_text = false;
    w.appends("ada", "a.rs", "x");
    assert_eq!(w.wanted(), 1);
    w.holds("ada");
    w.appends("ada", "a.rs", "y");
    let group = w.person("ada").held.take().unwrap();
    w.sends_whole("ada", "a.rs", 100);
    for input in group {
        w.feed(input);
    }
    assert_eq!(w.wanted(), 1, "it has what it asked for");
    assert_eq!(w.owners("a.rs", None, true).unwrap().text.as_deref(), Some("one\nxy"));
}

/// Unsaved text of another day: the whole text tells what is old and what nobody saw.
#[test]
fn an_unsaved_text_of_another_day() {
    let mut w = World::new(&[("a.rs", "one\ntwo\n")]);
    w.editor("ada");
    w.opens_with("ada", "a.rs", "one\nunsaved\ntwo\n");
    assert_eq!(w.wanted(), 1);
    w.sends_whole("ada", "a.rs", 100);
    w.appends("ada", "a.rs", "new\n");
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, "unknown unknown NotObserved", OLD, TYPED]);
    assert_eq!(w.wanted(), 1);
}

/// A buffer asked about before its text is here: no wrong answer.
#[test]
fn a_buffer_adrift_answers_nothing_wrong() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    // The hub missed a group: what follows counts in a text it does not know.
    w.holds("ada");
    w.appends("ada", "a.rs", "lost\n");
    w.person("ada").held = None;
    w.appends("ada", "a.rs", "kept\n");
    let text = w.people["ada"].buffers["a.rs"].clone();
    assert!(w.owners("a.rs", Some(of(&text)), false).is_err(), "not known yet");
    w.sends_whole("ada", "a.rs", 100);
    let lines = w.blame_buffer("ada", "a.rs");
    assert_eq!(lines[..2], [OLD, "unknown unknown NotObserved"]);
    assert!(!lines[2].contains("external"));
}
