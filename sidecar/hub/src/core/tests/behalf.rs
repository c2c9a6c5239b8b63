//! On whose behalf agents act, what they say of themselves, and calls that come to nothing.

use codi2_protocol::{Actor, ActorKind, Call, EventBody, EventId, HookPhase, HookRecord, KnownBy, NoteRecord, Said};

use super::super::{Input, Ticket};
use super::world::{ROOT, World, body};

fn told(w: &mut World, record: HookRecord) {
    w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
}

fn claude(w: &World, phase: HookPhase, paths: &[&str]) -> HookRecord {
    let actor = Actor { session: Some("s1".into()), ..Actor::named(ActorKind::Agent, "claude-code") };
    HookRecord {
        format: "claude-code".into(),
        call: Some("t1".into()),
        actor: Some(actor),
        ..w.hook_record(phase, "bot", paths)
    }
}

/// `agent claude-code <told> person Ada`: each with how it is known who it acts for.
fn chain(actor: &Actor) -> String {
    let link = |actor: &Actor| match actor.parent_by {
        Some(by) => format!("{actor} <{by}>"),
        None => actor.to_string(),
    };
    actor.chain().map(link).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_agents_lines_say_on_whose_behalf_they_are() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.ports.person = Some(("Ada <ada@x>".into(), KnownBy::GitIdentity));
    w.ports.starters.insert("claude-code".into(), Actor::named(ActorKind::Orchestrator, "conductor"));
    let sub = |mut record: HookRecord| {
        let agent = record.actor.take().unwrap();
        let sub = Actor { tool: Some("claude-code".into()), ..Actor::named(ActorKind::Agent, "reviewer") };
        record.actor = Some(sub.on_behalf_of(agent, KnownBy::Hook));
        record
    };
    let before = sub(claude(&w, HookPhase::Before, &["a.rs"]));
    told(&mut w, before);
    w.put("a.rs", "one\nsub\n");
    let after = sub(claude(&w, HookPhase::After, &["a.rs"]));
    told(&mut w, after);
    w.watch_sees("a.rs");
    let expected = "agent reviewer <hook> agent claude-code <surroundings> orchestrator conductor <git-identity> \
                    person Ada <ada@x>";
    for event in &w.events {
        assert_eq!(chain(&event.actor), expected, "{}", event.kind());
    }
    let owners = w.owners("a.rs", None, false).unwrap().owners;
    assert!(owners.iter().any(|owner| chain(&owner.verdict.origin) == expected), "{owners:?}");
}

/// What the world tells of persons and processes comes through no client's door.
#[test]
fn a_secret_in_an_identity_is_redacted() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let secret = format!("glpat-{}", "q8Zr2LmX0aPd7VtKq8Zr");
    w.ports.person = Some((format!("Ada {secret}"), KnownBy::GitIdentity));
    w.ports.starters.insert("claude-code".into(), Actor::named(ActorKind::Agent, secret.clone()));
    let before = claude(&w, HookPhase::Before, &["a.rs"]);
    told(&mut w, before);
    let shown = chain(&w.last("intent").actor);
    assert!(!shown.contains(&secret[6..]) && shown.matches("[redacted:gitlab-token:26").count() == 2, "{shown}");
}

#[test]
fn nobody_is_added_whom_nothing_tells_of() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let before = claude(&w, HookPhase::Before, &["a.rs"]);
    told(&mut w, before);
    assert_eq!(chain(&w.last("intent").actor), "agent claude-code");
    // A person who is told of already is not told of again, and a completion is nobody's errand.
    w.ports.person = Some(("Ada".into(), KnownBy::Account));
    let mut record = claude(&w, HookPhase::After, &["a.rs"]);
    record.actor = record.actor.map(|actor| actor.on_behalf_of(Actor::named(ActorKind::Person, "Eve"), KnownBy::Told));
    told(&mut w, record);
    assert_eq!(chain(&w.last("intent").actor), "agent claude-code <told> person Eve");
    let mut record = claude(&w, HookPhase::After, &["a.rs"]);
    record.call = Some("t2".into());
    record.actor = Some(Actor::named(ActorKind::Completion, "cursor"));
    told(&mut w, record);
    assert_eq!(chain(&w.last("intent").actor), "completion cursor");
}

/// Before, a refused edit named its agent as a possible writer of the file for ten minutes.
#[test]
fn a_refused_edit_is_nobodys_work() {
    for turn_ends in [false, true] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        let before = claude(&w, HookPhase::Before, &["a.rs"]);
        told(&mut w, before);
        let mut refused = claude(&w, HookPhase::Refused, if turn_ends { &[] } else { &["a.rs"] });
        if turn_ends {
            refused.call = None;
        }
        told(&mut w, refused.clone());
        let EventBody::Intent { phase, files, .. } = body(w.last("intent")) else { panic!() };
        assert_eq!((*phase, &files[..]), (HookPhase::Refused, &["a.rs".to_owned()][..]));
        w.program_writes("a.rs", "one\nwho\n");
        assert_eq!(w.blame("a.rs")[1], "external unknown DiskChange", "turn ends: {turn_ends}");
        // A turn in which nothing is open ends without a word.
        let events = w.events.len();
        told(&mut w, HookRecord { id: EventId::new(), ..refused });
        assert_eq!(w.events.len(), events);
    }
}

/// A tool asks its person for leave after the hook before: who writes meanwhile, and says no, is not the agent.
#[test]
fn a_refused_edit_takes_back_that_it_was_possible() {
    for (path, turn_ends) in [("a.rs", false), ("new.rs", false), ("a.rs", true), ("new.rs", true)] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        let before = claude(&w, HookPhase::Before, &[path]);
        told(&mut w, before);
        w.program_writes(path, "one\nsomebody\n");
        assert_eq!(w.blame(path)[1], "unknown unknown Candidate");
        let mut refused = claude(&w, HookPhase::Refused, &[path]);
        if turn_ends {
            refused.call = None;
            refused.files.clear();
        }
        told(&mut w, refused);
        assert_eq!(w.blame(path)[1], "external unknown DiskChange", "{path}, turn ends: {turn_ends}");
        assert_eq!(w.last("upgrade").actor.kind, ActorKind::External);
    }
}

#[test]
fn a_call_told_of_twice_is_logged_once() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    for phase in [HookPhase::Before, HookPhase::After] {
        for pid in [1, 2] {
            let record = HookRecord { parent_pid: pid, ..claude(&w, phase, &["a.rs"]) };
            told(&mut w, record);
        }
        w.put("a.rs", "one\nbot\n");
    }
    w.watch_sees("a.rs");
    assert_eq!(w.log(0), ["intent agent claude-code", "intent agent claude-code", "disk agent claude-code"]);
    assert_eq!(w.blame("a.rs")[1], "agent claude-code exact IntentExact");
}

#[test]
fn notes_become_events_once() {
    let mut w = World::new(&[("a.rs", "one\n"), (".env", "x")]);
    w.ports.private.insert(".env".into());
    w.ports.person = Some(("Ada".into(), KnownBy::Account));
    let note = |action: Option<&str>, file: Option<&str>, kind, name: &str| NoteRecord {
        id: EventId::new(),
        at_ms: 7,
        actor: Actor::named(kind, name),
        said: Said { action: action.map(str::to_owned), message: "hello".into(), by: KnownBy::Told, marks: Vec::new() },
        folder: ROOT.into(),
        file: file.map(|file| format!("{ROOT}/{file}")),
    };
    let first = note(Some("plan"), Some("a.rs"), ActorKind::Agent, "robo");
    for record in [first.clone(), first, note(None, Some(".env"), ActorKind::Person, "Ada")] {
        w.feed(Input::Called(None, 9, Call::Note(record)));
    }
    assert_eq!(w.log(0), ["log-ai agent robo", "note person Ada"]);
    let files: Vec<_> = w.events.iter().map(|event| event.file.as_deref()).collect();
    assert_eq!(files, [Some("a.rs"), None], "a private file is not named");
    assert!(w.events.iter().all(|event| event.worktree.is_some() && event.occurred_ms == 7));
    assert_eq!(chain(&w.events[0].actor), "agent robo <account> person Ada");
    assert_eq!(chain(&w.events[1].actor), "person Ada");
    // Outside every repository it is kept, too.
    let elsewhere = NoteRecord { folder: "/elsewhere".into(), ..note(None, None, ActorKind::Person, "Ada") };
    w.feed(Input::Called(None, 9, Call::Note(elsewhere)));
    assert_eq!((w.log(0).len(), w.events[2].worktree.is_none()), (3, true));
}
