//! Files on disk: programs, reloads, saves, kinds of content, what happened while the hub was away.

use codi2_protocol::{
    Actor, ActorKind, Class, DiskOperation, ErrorCode, EventBody, EvidenceKind, Owner, RepositoryId, SourceKind, Span,
    Verdict,
};

use super::super::Input;
use super::world::{World, body, of, worktree};
use crate::book::StoredOwners;

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";
const EXTERNAL: &str = "external unknown DiskChange";
const AWAY: &str = "external unknown DiskChange";

#[test]
fn a_program_that_nobody_announced() {
    let mut w = World::new(&[("a.rs", "one\ntwo\n")]);
    w.program_writes("a.rs", "one\nnew\ntwo\n");
    assert_eq!(w.blame("a.rs"), [OLD, EXTERNAL, OLD]);
    assert_eq!(w.log(0), ["disk external"]);
    let EventBody::Disk { operation, change, .. } = body(w.last("disk")) else { panic!() };
    assert_eq!(*operation, DiskOperation::Modify);
    assert_eq!((change.ranges[0].at, change.ranges[0].line, change.ranges[0].lines_inserted), (4, 2, 1));
    w.watch_sees("a.rs");
    assert_eq!(w.events.len(), 1, "seen again: no event");
}

#[test]
fn a_reload_is_owned_by_whoever_wrote_the_file() {
    for watch_first in [true, false] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        w.opens("ada", "a.rs");
        w.put("a.rs", "one\ntwo\n");
        if watch_first {
            w.watch_sees("a.rs");
        }
        w.reloads("ada", "a.rs");
        w.watch_sees("a.rs");
        assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, EXTERNAL], "watch first: {watch_first}");
        assert_eq!(w.blame("a.rs"), [OLD, EXTERNAL]);
        // Saving what was loaded makes nobody its author, and is no event.
        let events = w.events.len();
        w.saves("ada", "a.rs");
        assert_eq!(w.blame("a.rs"), [OLD, EXTERNAL]);
        assert_eq!(w.events.len(), events, "{:?}", w.log(events));
    }
}

/// The watcher is faster than the group and the save.
#[test]
fn a_late_group_and_a_late_save() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.holds("ada");
    w.appends("ada", "a.rs", "two\n");
    w.writes_file("ada", "a.rs");
    w.watch_sees("a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, EXTERNAL], "nobody has said anything yet");
    w.says_saved("ada", "a.rs");
    w.arrives("ada");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, TYPED]);
    assert_eq!(w.log(1), ["disk external", "edit person ada in a session", "upgrade person ada in a session"]);
}

/// A program writes on top before the late facts of the save arrive: what the person typed is the person's still.
#[test]
fn a_late_save_below_a_program() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.holds("ada");
    w.appends("ada", "a.rs", "two\n");
    w.writes_file("ada", "a.rs");
    w.watch_sees("a.rs");
    w.says_saved("ada", "a.rs");
    w.program_writes("a.rs", "one\ntwo\nthree\n");
    w.arrives("ada");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, EXTERNAL]);
}

/// A save that never reached the disk echoes nothing later.
#[test]
fn a_stale_save_gives_no_wrong_owners() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "aaa\n");
    w.says_saved("ada", "a.rs");
    // The editor goes on, with a text of the same length, before the file is seen.
    w.cuts("ada", "a.rs", 0, 4);
    w.inserts("ada", "a.rs", 4, "ccc\n", SourceKind::Paste);
    assert_eq!(w.people["ada"].buffers["a.rs"].len(), "one\naaa\n".len());
    w.program_writes("a.rs", "one\naaa\n");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    // Much later a program writes the same text once more.
    w.program_writes("a.rs", "x\n");
    w.tick(600_000);
    let from = w.events.len();
    w.program_writes("a.rs", "one\naaa\n");
    assert_eq!(w.log(from), ["disk external"]);
    assert_eq!(w.blame("a.rs"), [OLD, TYPED], "the same content, the same owners");
}

/// The person saves over what a program wrote in between.
#[test]
fn a_save_over_a_programs_write() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "mine\n");
    w.saves("ada", "a.rs");
    w.program_writes("a.rs", "one\nmine\ntheirs\n");
    w.appends("ada", "a.rs", "more\n");
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, TYPED]);
    assert_eq!(w.log(1).last().unwrap(), "saved person ada in a session");
}

/// A text that was saved before is written over and saved again, inside an agent's call that did nothing.
#[test]
fn the_same_text_saved_again() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "two\n");
    w.saves("ada", "a.rs");
    w.program_writes("a.rs", "one\n");
    w.agent_before("bot", "a.rs");
    w.saves("ada", "a.rs");
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    assert_eq!((w.count("saved"), w.count("upgrade")), (2, 0));
}

#[test]
fn saving_twice_is_one_event() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "two\n");
    w.saves("ada", "a.rs");
    w.saves("ada", "a.rs");
    w.saves("ada", "a.rs");
    assert_eq!((w.count("saved"), w.count("disk"), w.count("upgrade")), (1, 0, 0));
}

#[test]
fn created_deleted_and_made_again() {
    let mut w = World::new(&[]);
    w.opens("ada", "new.rs");
    w.types("ada", "new.rs", 0, "mine\n");
    w.saves("ada", "new.rs");
    assert_eq!(w.blame("new.rs"), [TYPED]);
    w.removes("new.rs");
    let EventBody::Disk { operation, change, .. } = body(w.last("disk")) else { panic!() };
    assert_eq!((*operation, change.after), (DiskOperation::Delete, None));
    assert_eq!(w.last("disk").actor.to_string(), "external");
    w.program_writes("new.rs", "mine\n");
    assert_eq!(w.blame("new.rs"), [TYPED], "content seen again gets its owners back");
    let EventBody::Disk { operation, .. } = body(w.last("disk")) else { panic!() };
    assert_eq!(*operation, DiskOperation::Create);
    assert_eq!(w.last("disk").actor.to_string(), "external", "whoever made it again, it was not ada");
    w.removes("new.rs");
    w.program_writes("new.rs", "other\n");
    assert_eq!(w.blame("new.rs"), [EXTERNAL]);
}

#[test]
fn renamed_and_renamed_with_an_edit() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "two\n");
    w.saves("ada", "a.rs");
    w.renames("a.rs", "b.rs");
    assert_eq!(w.blame("b.rs"), [OLD, TYPED]);
    let EventBody::Disk { operation, from, .. } = body(w.last("disk")) else { panic!() };
    assert_eq!((*operation, from.as_deref()), (DiskOperation::Rename, Some("a.rs")));
    w.put("b.rs", "one\ntwo\nthree\n");
    w.renames("b.rs", "c.rs");
    assert_eq!(w.blame("c.rs"), [OLD, TYPED, EXTERNAL]);
    assert!(w.ports.disk.keys().all(|file| file.path == "c.rs"), "rows of the old paths are gone");
}

/// A file moved onto one with the same bytes: the old path is gone all the same.
#[test]
fn renamed_onto_the_same_content() {
    let mut w = World::new(&[("a.rs", "same\n"), ("b.rs", "same\n")]);
    w.program_writes("c.rs", "same\n");
    w.renames("c.rs", "b.rs");
    let EventBody::Disk { operation, .. } = body(w.last("disk")) else { panic!() };
    assert_eq!(*operation, DiskOperation::Delete);
    assert_eq!(w.last("disk").file.as_deref(), Some("c.rs"));
    assert!(w.ports.disk.keys().all(|file| file.path != "c.rs"));
}

#[test]
fn every_kind_of_content() {
    let mut w = World::new(&[]);
    let large = vec![b'x'; 20_000];
    let steps: [(&str, &[u8], usize); 14] = [
        ("empty", b"", 0),
        ("text", b"one\ntwo\n", 2),
        ("no final newline", b"one\ntwo\nthree", 3),
        ("crlf", b"one\r\ntwo\r\n", 2),
        ("lone cr", b"one\rtwo\r", 2),
        ("bom", b"\xef\xbb\xbfone\ntwo\n", 2),
        ("latin-1", b"caf\xe9\ntwo\n", 2),
        ("binary", b"one\0two\n", 0),
        ("another binary", b"one\0three\n", 0),
        ("large", &large, 0),
        ("empty again", b"", 0),
        ("text again", b"one\ntwo\n", 2),
        ("astral", "😀\n".as_bytes(), 1),
        ("blank", b"\n\n\n", 3),
    ];
    for (what, bytes, lines) in steps {
        w.program_writes("a", bytes);
        let reply = w.owners("a", None, false).unwrap();
        if lines == 0 {
            assert!(reply.spans.is_empty(), "{what}");
        } else {
            assert_eq!(w.blame("a").len(), lines, "{what}");
        }
        w.hub_restarts();
        w.scan();
        assert_eq!(w.owners("a", None, false).unwrap().digest, reply.digest, "{what} after a restart");
    }
    assert_eq!(w.count("disk"), 14);
}

/// The buffer of a file with a mark or in latin-1 has other bytes than the file, and the save is an echo all the same.
#[test]
fn saves_of_files_that_are_not_plain_utf8() {
    for (old, encode) in [
        (&b"\xef\xbb\xbfone\n"[..], (|text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat()) as fn(&str) -> Vec<u8>),
        (&b"caf\xe9\n"[..], |text: &str| text.chars().map(|c| c as u8).collect()),
    ] {
        let mut w = World::bare();
        w.put("a", old);
        w.scan();
        w.opens("ada", "a");
        w.appends("ada", "a", "two\n");
        let bytes = encode(&w.people["ada"].buffers["a"]);
        w.put("a", bytes);
        w.says_saved("ada", "a");
        w.watch_sees("a");
        assert_eq!(w.blame("a"), [OLD, TYPED]);
        assert_eq!((w.count("saved"), w.count("disk")), (1, 0));
    }
}

#[test]
fn private_files_are_not_recorded() {
    use codi2_workspace::WatchEvent;
    let mut w = World::bare();
    w.put(".env", "TOKEN=1\n");
    w.ports.private.insert(".env".into());
    w.scan();
    w.feed(super::super::Input::Watched(super::world::worktree(), WatchEvent::Private(".env".into())));
    let event = w.last("private");
    assert_eq!((event.file.as_ref(), event.worktree.is_some()), (None, true));
    assert!(w.owners(".env", None, false).is_err());
    assert!(w.ports.disk.is_empty() && w.ports.owners.is_empty());
    w.agent_before("bot", ".env");
    w.agent_after("bot", ".env");
    assert!(w.ports.disk.is_empty() && w.ports.owners.is_empty());
    assert_eq!(w.count("intent"), 0, "an announcement names no private file");
    // An editor that does not know what is private here tells all the same.
    w.put("a.rs", "one\n");
    w.scan();
    w.opens("ada", ".env");
    w.appends("ada", ".env", "KEY=2\n");
    w.says_saved("ada", ".env");
    assert_eq!((w.count("edit"), w.count("saved"), w.count("private")), (0, 0, 2));
    let kept = format!("{:?}{:?}{:?}{:?}", w.ports.disk, w.ports.owners, w.ports.branches, w.core.presence());
    assert!(!kept.contains(".env"), "{kept}");
    assert!(w.owners(".env", None, true).unwrap_err().message.contains("is private"));
}

#[test]
fn a_restart_with_a_file_changed_while_away() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "two\n");
    w.saves("ada", "a.rs");
    w.hub_restarts();
    w.put("a.rs", "one\ntwo\nthree\n");
    w.scan();
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, AWAY]);
    let reply = w.owners("a.rs", None, false).unwrap();
    let reasons: Vec<_> = reply.owners.iter().flat_map(|owner| &owner.verdict.evidence).map(|e| e.kind).collect();
    assert!(reasons.contains(&codi2_protocol::EvidenceKind::NotObserved), "{reasons:?}");
    w.hub_restarts();
    w.put("a.rs", "one\ntwo\n");
    w.scan();
    assert_eq!(w.blame("a.rs"), [OLD, TYPED], "content seen before the restart");
    w.hub_restarts();
    w.ports.files.remove("a.rs");
    w.scan();
    let EventBody::Disk { operation, .. } = body(w.last("disk")) else { panic!() };
    assert_eq!(*operation, DiskOperation::Delete);
}

/// What was explained before the restart stays explained after it.
#[test]
fn a_restart_keeps_upgrades() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.agent_before("bot", "a.rs");
    w.program_writes("a.rs", "one\nbot\n");
    w.program_writes("a.rs", "one\nbot\nmore\n");
    w.agent_after("bot", "a.rs");
    let before = w.blame("a.rs");
    assert_eq!(before, [OLD, "agent bot inferred OnlyAgentCall", "agent bot inferred OnlyAgentCall"]);
    w.hub_restarts();
    w.scan();
    assert_eq!(w.blame("a.rs"), before);
    w.program_writes("a.rs", "one\nbot\n");
    assert_eq!(w.blame("a.rs"), before[..2]);
}

/// Memory of texts is bounded by number too: small files written often must not fill it.
#[test]
fn many_small_writes_do_not_fill_the_memory() {
    let mut w = World::new(&[("a.rs", "")]);
    for n in 0..3_000 {
        w.put("a.rs", format!("{n}\n"));
        w.watch_sees("a.rs");
        if w.events.len() > 100 {
            w.events.clear();
        }
    }
    assert!(w.core.ledger.kept_texts() <= 2_048, "{}", w.core.ledger.kept_texts());
    assert!(w.core.kept.len() <= 1_024);
    assert_eq!(w.owners("a.rs", None, false).unwrap().digest, of("2999\n"));
}

/// The store cannot be read: whoever asks is told, nothing is taken for new, nothing unread is written over.
#[test]
fn a_store_that_cannot_be_read_is_never_taken_for_an_empty_one() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "two\n");
    w.saves("ada", "a.rs");
    let owners = w.blame("a.rs");
    let (disk, rows, events) = (w.ports.disk.clone(), w.ports.owners.clone(), w.events.len());
    w.hub_restarts();
    w.ports.damaged = true;
    w.scan();
    let error = w.owners("a.rs", None, false).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::Store, "the store is damaged; do this"));
    assert!(w.problems.contains(&error.message), "the status says it too");
    w.program_writes("a.rs", "one\ntwo\nthree\n");
    assert_eq!((&w.ports.disk, &w.ports.owners, w.events.len()), (&disk, &rows, events));
    // It can be read again.
    w.ports.damaged = false;
    let now = w.blame("a.rs");
    assert_eq!((&now[..2], now[2].as_str()), (&owners[..], "external unknown DiskChange"));
}

/// Another clone of the repository, perhaps on another machine, shares the store.
#[test]
fn what_another_clone_knows_of_a_content_is_known_here() {
    let mut w = World::new(&[("a.rs", "one\n"), ("b.rs", "one\n")]);
    let shared = RepositoryId::new();
    w.feed(Input::Joins(worktree().repository, shared));
    let text = "one\ntwo\n";
    let owner = |kind, name: &str, class| {
        let verdict = Verdict::new(Actor::named(kind, name), class, EvidenceKind::EditorDeclared, "");
        Owner { verdict, at_ms: None, event: None }
    };
    let bea = owner(ActorKind::Person, "bea", Class::Declared);
    let theirs = StoredOwners {
        spans: vec![Span { len: 4, owner: 0 }, Span { len: 4, owner: 1 }],
        owners: vec![owner(ActorKind::Unknown, "", Class::Unknown), bea],
    };
    w.ports.owners.insert((shared, "a.rs".to_owned(), of(text)), theirs.clone());
    w.program_writes("a.rs", text);
    assert_eq!(w.blame("a.rs")[1], "person bea declared EditorDeclared");
    // What is found out here is stored for all.
    w.program_writes("b.rs", text);
    assert_eq!(w.blame("b.rs")[1], EXTERNAL);
    assert!(w.ports.owners.contains_key(&(shared, "b.rs".to_owned(), of(text))));
    // The other finds out later: known here when the content comes again.
    w.ports.owners.insert((shared, "b.rs".to_owned(), of(text)), theirs);
    w.program_writes("b.rs", "one\n");
    w.program_writes("b.rs", text);
    assert_eq!(w.blame("b.rs")[1], "person bea declared EditorDeclared");
}

/// A hub begins: what its repository shares is under another clone's id, and found before anything is judged.
#[test]
fn a_hub_that_begins_knows_at_once_what_is_shared() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let shared = RepositoryId::new();
    w.ports.shared = Some(shared);
    w.feed(Input::Joins(worktree().repository, shared));
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 4, "two\n");
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    w.hub_restarts();
    w.scan();
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
}

#[test]
fn that_copies_of_a_text_are_nobodys_is_not_stored() {
    let mut w = World::bare();
    for path in ["a.rs", "b.rs", "c.rs"] {
        w.put(path, "fn a_text_that_lies_at_three_places() {}\n");
        w.staged(path);
    }
    w.scan();
    assert!(w.ports.owners.is_empty(), "{:?}", w.ports.owners.keys());
    assert_eq!(w.blame("b.rs"), [OLD]);
}

/// Copies that were there before codi2, and an agent's of the same text: what the next hub looks at first makes nobody the
/// author of the others.
#[test]
fn copies_that_nobody_wrote_stay_nobodys_for_the_next_hub() {
    const TEXT: &str = "export {};\nexport const one = 1;\nexport const two = 2;\n";
    const AGENT: &str = "agent bot exact IntentExact";
    let many: Vec<String> = (0..9).map(|n| format!("m{n}.js")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    // Older copies, those of them that are changed afterwards, the agent's.
    let cases: &[(&[&str], &[&str], &[&str])] = &[
        (&["b.js", "c.js", "d.js"], &[], &["0.js", "a.js", "e.js"]),
        (&["b.js", "c.js", "d.js"], &[], &["a.js"]),
        (&["b.js"], &[], &["a.js"]),
        (&["b.js"], &[], &["c.js"]),
        (&many, &[], &["a.js"]),
        (&many, &[], &["n.js", "o.js", "p.js", "q.js", "r.js"]),
        (&many, &many[5..], &["a.js"]),
    ];
    for (older, changed, agents) in cases {
        for seen_first in [false, true] {
            let mut w = World::bare();
            for path in *older {
                w.put(path, TEXT);
                w.staged(path);
            }
            w.scan();
            for path in *changed {
                w.program_writes(path, "something else, which nobody announced\n");
            }
            for path in *agents {
                w.agent_before("bot", path);
                w.put(path, TEXT);
                if seen_first {
                    w.watch_sees(path);
                }
                w.agent_after("bot", path);
                w.watch_sees(path);
                w.staged(path);
            }
            for hub in 0..3 {
                let case = format!("{older:?}, {agents:?}, seen first: {seen_first}, hub {hub}");
                for path in agents.iter() {
                    assert_eq!(w.blame(path), [AGENT; 3], "{case}: {path}");
                }
                for path in older.iter().filter(|path| !changed.contains(path)) {
                    assert_eq!(w.blame(path), [OLD; 3], "{case}: {path}");
                }
                w.hub_restarts();
                w.scan();
            }
        }
    }
}
