//! What the hub is told about where text came from, and what the window shows of owners.

use codi2_protocol::{Class, EvidenceKind, Owner, OwnersReply, Span, Verdict};

use super::*;

#[test]
fn undo_names_the_group_that_deleted() {
    for declared in [true, false] {
        let mut bench = Bench::with(if declared { ours() } else { plain() }, "hello world");
        bench.edit(0, 5, "");
        if declared {
            bench.hint(1, SourceKind::Typed);
        }
        bench.wait(300);
        let deleting = bench.groups()[0].group;
        bench.edit(0, 0, "hello");
        if declared {
            bench.hint(2, SourceKind::Undo);
        }
        bench.wait(300);
        let edits = bench.edits();
        let restored = &edits[1].restored;
        assert_eq!(restored.len(), 1, "declared: {declared}");
        let back = &restored[0];
        assert_eq!((back.at, back.len, back.group, back.edit, back.from), (0, 5, deleting, 0, 0));
    }
}

#[test]
fn a_declared_undo_may_be_one_character_and_a_key_is_never_one() {
    let mut bench = Bench::with(ours(), "abc");
    bench.edit(0, 1, "");
    bench.wait(300);
    bench.edit(0, 0, "a");
    bench.hint(2, SourceKind::Undo);
    bench.wait(300);
    assert_eq!(bench.edits()[1].restored.len(), 1);
    let mut typed = Bench::with(plain(), "abc");
    typed.edit(0, 1, "");
    typed.wait(300);
    typed.edit(0, 0, "a");
    typed.wait(300);
    assert!(typed.edits()[1].restored.is_empty(), "typing the same letter again is typing");
}

#[test]
fn a_moved_line_is_restored_and_a_copied_one_is_named() {
    let line = "let answer = compute_the_answer(41) + 1;\n";
    let text = format!("fn main() {{\n{line}}}\n");
    let mut bench = Bench::with(plain(), &text);
    bench.edit(12, line.len(), "");
    bench.wait(300);
    bench.edit(0, 0, line);
    bench.wait(300);
    assert_eq!(bench.edits()[1].restored[0].len, line.len() as u64);

    let mut bench = Bench::with(plain(), &text);
    bench.edit(text.len(), 0, line);
    bench.wait(300);
    let edits = bench.edits();
    let copied = &edits[0].copied[0];
    assert_eq!((copied.file.as_ref(), copied.digest, copied.from), (None, digest(&text), 12));

    let mut bench = Bench::with(plain(), "");
    bench.open("file:///w/b.rs", "b.rs", &text);
    bench.edit(0, 0, line);
    bench.wait(300);
    let edits = bench.edits();
    let copied = &edits[0].copied[0];
    assert_eq!((copied.file.as_ref(), copied.digest, copied.from), (Some(&file("b.rs")), digest(&text), 12));
    assert_eq!((copied.at, copied.len), (0, line.len() as u64));
}

#[test]
fn a_formatter_keeps_its_tokens() {
    for declared in [true, false] {
        let old = "fn main(){let a=1;let b=2;}\n";
        let new = "fn main() {\n    let a = 1;\n    let b = 2;\n}\n";
        let mut bench = Bench::with(if declared { ours() } else { plain() }, old);
        bench.whole(new);
        if declared {
            bench.hint(1, SourceKind::Format);
        }
        bench.wait(300);
        assert_eq!(bench.text(), new);
        for edit in bench.edits() {
            assert!(matches!(edit.shape, Shape::Layout | Shape::Deletion), "{}", one(edit));
            for copied in &edit.copied {
                assert_eq!((copied.file.as_ref(), copied.digest), (None, digest(old)));
            }
        }
    }
}

#[test]
fn what_a_formatted_range_leaves_is_found_in_the_text_before_the_group() {
    let old = "x\nfoo(a,b,c)\ny\n";
    let mut bench = Bench::with(ours(), old);
    // The formatter's edits come in one notification, each in the result of the one before.
    let changes = vec![
        Change { range: Some((at(0, 0), at(0, 1))), text: "xx".to_owned() },
        Change { range: Some((at(1, 0), at(1, 10))), text: "foo(\n  a,\n  b,\n  c,\n)".to_owned() },
    ];
    bench.change(changes);
    bench.hint(1, SourceKind::Format);
    bench.wait(300);
    // What is left of the text before, or is told to be copied from it, each byte with where it stood.
    let mut from: Vec<Option<usize>> = (0..old.len()).map(Some).collect();
    for edit in bench.edits() {
        let mut came = vec![None; edit.inserted as usize];
        for copied in &edit.copied {
            (0..copied.len).for_each(|by| came[(copied.at + by) as usize] = Some((copied.from + by) as usize));
        }
        from.splice(edit.at as usize..(edit.at + edit.deleted) as usize, came);
    }
    let after = bench.text();
    let put_in: String = after.chars().zip(&from).filter(|(_, from)| from.is_none()).map(|(new, _)| new).collect();
    assert!(from.iter().enumerate().all(|(at, from)| from.is_none_or(|from| old[from..=from] == after[at..=at])));
    assert_eq!(put_in.trim_start_matches('x').replace(char::is_whitespace, ""), ",", "{put_in:?}");
}

#[test]
fn a_program_that_types_is_no_hand() {
    let mut bench = Bench::with(plain(), "");
    for at in 0..60 {
        bench.edit(at, 0, "x");
        bench.now += 1;
    }
    bench.wait(300);
    assert!(bench.edits().iter().all(|edit| edit.shape == Shape::Insert), "all of one burst");
    let mut hand = Bench::with(plain(), "");
    for at in 0..60 {
        hand.edit(at, 0, "x");
        hand.wait(60);
    }
    hand.wait(300);
    assert!(hand.edits().iter().all(|edit| edit.shape == Shape::Keystroke));
}

#[test]
fn many_cursors_are_one_key() {
    let mut bench = Bench::with(plain(), &"\n".repeat(40));
    let changes = (0..40).map(|line| Change { range: Some((at(line, 0), at(line, 0))), text: "x".to_owned() });
    bench.change(changes.collect());
    bench.wait(300);
    assert!(bench.edits().iter().all(|edit| edit.shape == Shape::Keystroke));
}

fn verdict(name: &str) -> Verdict {
    Verdict::new(Actor::named(ActorKind::Person, name), Class::Declared, EvidenceKind::EditorDeclared, "typed")
}

fn asked(bench: &Bench) -> Option<(u64, Digest)> {
    let mut asks = bench.effects.iter().filter_map(|effect| match effect {
        Effect::AskOwners { ask, digest, .. } => Some((*ask, *digest)),
        _ => None,
    });
    asks.next_back()
}

fn reply(digest: Digest, spans: &[(u64, u32)], names: &[&str]) -> OwnersReply {
    let owner = |name: &&str| Owner { verdict: verdict(name), at_ms: Some(60_000), event: None };
    let spans = spans.iter().map(|(len, owner)| Span { len: *len, owner: *owner }).collect();
    OwnersReply { digest, spans, owners: names.iter().map(owner).collect(), text: None }
}

fn hover(bench: &Bench, character: u32) -> String {
    let when = |ms: u64| format!("at {ms}");
    bench.session.hover(URI, at(0, character), &when).expect("recorded").markdown
}

fn connect(bench: &mut Bench) {
    bench.on(Input::Link(Link { connected: true, ..Link::default() }));
}

#[test]
fn hover_loads_then_shows_the_ledger_mapped_through_the_edits_since() {
    let mut bench = Bench::with(plain(), "aaabbb");
    assert!(hover(&bench, 0).contains("loading"));
    connect(&mut bench);
    let (ask, digest_asked) = asked(&bench).expect("asked once connected");
    assert_eq!(digest_asked, digest("aaabbb"));
    bench.edit(3, 0, "X");
    bench.on(Input::Owners { ask, reply: Some(reply(digest_asked, &[(3, 0), (3, 1)], &["Ada", "Bob"])) });
    assert!(hover(&bench, 0).contains("person Ada"));
    assert!(hover(&bench, 3).contains("not judged yet"));
    assert!(hover(&bench, 4).contains("person Bob"));
    assert!(hover(&bench, 0).contains("Also in this line"));
    bench.wait(300);
    let group = bench.groups()[0].group;
    bench.on(Input::Judged { group, verdict: Some(verdict("Eve")) });
    let text = hover(&bench, 3);
    assert!(text.contains("person Eve") && text.contains("class: declared") && text.contains("at 960000"), "{text}");
}

#[test]
fn what_the_client_declares_is_shown_until_the_verdict_comes() {
    for early in [true, false] {
        let mut bench = Bench::with(ours(), "aaa");
        if early {
            bench.hint(1, SourceKind::Paste);
        }
        bench.edit(0, 0, "pasted");
        if !early {
            bench.hint(1, SourceKind::Paste);
        }
        assert!(hover(&bench, 0).contains("the editor says: paste"), "early: {early}");
    }
}

#[test]
fn a_group_judged_in_parts_is_asked_for() {
    let mut bench = Bench::with(plain(), "aaa");
    connect(&mut bench);
    let (ask, known) = asked(&bench).unwrap();
    bench.on(Input::Owners { ask, reply: Some(reply(known, &[(3, 0)], &["Ada"])) });
    bench.edit(0, 0, "X");
    bench.wait(300);
    let group = bench.groups()[0].group;
    bench.on(Input::Judged { group, verdict: None });
    bench.wait(300);
    let (again, known) = asked(&bench).unwrap();
    assert_ne!(again, ask);
    assert_eq!(known, digest("Xaaa"));
    bench.on(Input::Owners { ask: again, reply: Some(reply(known, &[(1, 0), (3, 1)], &["Eve", "Ada"])) });
    assert!(hover(&bench, 0).contains("person Eve"));
}

/// Notes may name who wrote what git brought: it is asked for when git's verdict comes, and again when notes came.
#[test]
fn what_git_brought_is_asked_for_again() {
    let mut bench = Bench::with(plain(), "aaa");
    connect(&mut bench);
    let (ask, known) = asked(&bench).unwrap();
    bench.on(Input::Owners { ask, reply: Some(reply(known, &[(3, 0)], &["Ada"])) });
    bench.on(Input::Noted { worktree: worktree() });
    bench.wait(300);
    assert_eq!(asked(&bench).unwrap().0, ask, "nothing there is git's");
    bench.whole("Xaaa");
    bench.wait(300);
    let group = bench.groups()[0].group;
    let pulled = Verdict::new(Actor::named(ActorKind::Git, "pull"), Class::Carried, EvidenceKind::Git, "pull");
    bench.on(Input::Judged { group, verdict: Some(pulled.clone()) });
    bench.wait(300);
    let (again, known) = asked(&bench).unwrap();
    assert_eq!((again, known), (ask + 1, digest("Xaaa")));
    let mut gits = reply(known, &[(1, 0), (3, 1)], &["", "Ada"]);
    gits.owners[0].verdict = pulled;
    bench.on(Input::Owners { ask: again, reply: Some(gits) });
    assert!(hover(&bench, 0).contains("git pull"), "{}", hover(&bench, 0));
    let elsewhere = WorktreeId { name: "linked".to_owned(), ..worktree() };
    bench.on(Input::Noted { worktree: elsewhere });
    bench.wait(300);
    assert_eq!(asked(&bench).unwrap().0, again);
    bench.on(Input::Noted { worktree: worktree() });
    let (last, known) = asked(&bench).unwrap();
    assert_eq!(last, again + 1);
    bench.on(Input::Owners { ask: last, reply: Some(reply(known, &[(1, 0), (3, 1)], &["Eve", "Ada"])) });
    assert!(hover(&bench, 0).contains("person Eve"));
}

/// Another hub, on the same worktree, may have seen who wrote what nobody announced to this one.
#[test]
fn what_nobody_announced_is_asked_for_again_when_notes_come() {
    let mut bench = Bench::with(plain(), "aaa");
    connect(&mut bench);
    let (ask, known) = asked(&bench).unwrap();
    let mut nobodys = reply(known, &[(3, 0)], &[""]);
    nobodys.owners[0].verdict = Verdict::new(Actor::external(), Class::Unknown, EvidenceKind::DiskChange, "");
    bench.on(Input::Owners { ask, reply: Some(nobodys) });
    bench.on(Input::Noted { worktree: worktree() });
    let (again, known) = asked(&bench).unwrap();
    assert_eq!(again, ask + 1);
    bench.on(Input::Owners { ask: again, reply: Some(reply(known, &[(3, 0)], &["Eve"])) });
    assert!(hover(&bench, 0).contains("person Eve"));
}

#[test]
fn no_answer_is_said_and_a_wrong_one_is_not_believed() {
    let mut bench = Bench::with(plain(), "aaa");
    connect(&mut bench);
    let (ask, known) = asked(&bench).unwrap();
    bench.on(Input::Owners { ask, reply: Some(reply(known, &[(2, 0)], &["Ada"])) });
    assert!(hover(&bench, 0).contains("loading"), "two bytes of three are no answer");
    for _ in 0..20 {
        bench.wait(10_000);
        let (ask, _) = asked(&bench).unwrap();
        bench.on(Input::Owners { ask, reply: None });
    }
    assert!(hover(&bench, 0).contains("unknown"));
    // A hub that comes back is asked anew.
    bench.on(Input::Link(Link::default()));
    connect(&mut bench);
    let (ask, known) = asked(&bench).unwrap();
    bench.on(Input::Owners { ask, reply: Some(reply(known, &[(3, 0)], &["Ada"])) });
    assert!(hover(&bench, 0).contains("person Ada"));
}

#[test]
fn the_table_of_owners_stays_bounded_and_right() {
    let mut bench = Bench::with(plain(), "");
    connect(&mut bench);
    for number in 0..300u64 {
        bench.edit(0, usize::from(number % 2 == 1), "x");
        if number % 2 == 1 {
            bench.edit(0, 1, "y");
        }
        bench.wait(300);
        let group = bench.groups().last().map(|group| group.group);
        if let Some(group) = group {
            bench.on(Input::Judged { group, verdict: Some(verdict(if number % 2 == 0 { "Ada" } else { "Bob" })) });
        }
        bench.effects.clear();
        if bench.text().len() > 50 {
            bench.edit(10, 40, "");
            bench.wait(300);
            bench.effects.clear();
        }
    }
    assert!(hover(&bench, 0).contains("person Bob"), "{}", hover(&bench, 0));
}
