//! Sessions: their beginning, silence and end; what the hub knows of them after a restart; who keeps a watch alive.

use codi2_protocol::{Call, EventBody, Fact, HostId, Notice, Process, SessionId, SessionInfo, Touched, WatchState};
use codi2_workspace::WatchEvent;

use super::super::{Input, Ticket};
use super::fake::{file, of};
use super::sidecar::info;
use super::world::{MOVED, ROOT, World, body, core, host, worktree};

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";

fn leave(w: &mut World, name: &'static str) {
    let connection = w.people[name].connection;
    w.feed(Input::Left(connection));
}

#[test]
fn a_session_ends_in_order() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "unsaved\n");
    w.report("ada", Fact::SessionEnded { reason: "exit".into() });
    let event = w.last("session-ended");
    assert_eq!((event.actor.name.as_str(), event.worktree.clone()), ("ada", Some(worktree())));
    assert!(w.core.ledger.branches.is_empty() && w.ports.branches.is_empty() && w.ports.sessions.is_empty());
    w.report("ada", Fact::SessionEnded { reason: "exit".into() });
    assert_eq!(w.acknowledged[&w.people["ada"].producer], w.people["ada"].seq);
}

#[test]
fn a_silent_session_ends_and_one_that_comes_back_is_known_again() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.tick(120_000);
    assert_eq!(w.count("session-ended"), 0, "connected: alive, however quiet");
    leave(&mut w, "ada");
    w.tick(29_000);
    assert_eq!(w.count("session-ended"), 0);
    w.tick(2_000);
    let event = w.last("session-ended");
    assert_eq!((event.actor.name.as_str(), event.worktree.clone()), ("ada", Some(worktree())));
    assert_eq!(event.session, Some(w.people["ada"].session));
    // Its sidecar was only stopped for a while.
    let (connection, producer) = (w.people["ada"].connection, w.people["ada"].producer);
    w.joins(connection, producer);
    w.beats("ada");
    w.appends("ada", "a.rs", "two\n");
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    assert_eq!(w.core.presence().len(), 1);
}

#[test]
fn a_heartbeat_after_a_restart_adopts_the_session() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.hub_restarts();
    w.beats("ada");
    assert_eq!(w.core.presence()[0].info.actor.name, "ada");
    assert!(w.ports.watched.contains(&worktree()), "its worktree is watched again");
    w.tick(6_000);
    assert_eq!(w.ports.heartbeats, 1);
    // And it is told from one that is gone.
    leave(&mut w, "ada");
    w.tick(31_000);
    assert_eq!(w.count("session-ended"), 1);
    assert_eq!(w.count("session-started"), 1);
}

/// Where hubs share the store, they are told of each place that somebody comes to, once.
#[test]
fn others_are_shown_who_is_where_when_that_changes() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    let session = w.people["ada"].session;
    let at = |w: &mut World, start: u64| {
        let touched = Touched { session, file: file("a.rs"), base: of("one\n"), start, end: start, at_ms: w.ports.now };
        w.feed(Input::Called(None, 1, Call::Touched(touched)));
        w.ports.now += 50;
    };
    at(&mut w, 1);
    w.feed(Input::Show);
    assert_eq!((w.ports.moved, w.ports.heartbeats), (0, 0), "nobody else may ask");
    w.ports.is_shared = true;
    for (starts, shown) in [(&[2, 3][..], 1), (&[3], 1), (&[4, 3, 3], 2), (&[], 2), (&[0], 3)] {
        starts.iter().for_each(|start| at(&mut w, *start));
        w.feed(Input::Show);
        assert_eq!((w.ports.moved, w.ports.heartbeats), (shown, shown), "{starts:?}");
    }
}

/// The spool of a dead sidecar after a restart: its session is known, is not alive, and ends.
#[test]
fn facts_of_the_dead() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    leave(&mut w, "ada");
    w.holds("ada");
    w.appends("ada", "a.rs", "two\n");
    w.person("ada").held = None;
    w.core = core();
    w.feed(Input::Begin);
    let (producer, facts) = (w.people["ada"].producer, w.people["ada"].facts.clone());
    w.drained(producer, facts);
    assert_eq!(w.last("edit").actor.name, "ada");
    assert_eq!(w.acknowledged[&producer], w.people["ada"].seq);
    w.tick(31_000);
    assert_eq!(w.count("session-ended"), 1);
    w.tick(700_000);
    assert!(w.ports.watched.is_empty(), "nobody needs the watch");
}

/// The same session tells more of itself later, or again after a restart: it began once.
#[test]
fn a_session_begins_once() {
    let mut w = World::new(&[]);
    w.editor("ada");
    let mut more = info(&w.people["ada"]);
    more.branch = Some("topic".into());
    w.report("ada", Fact::SessionStarted { info: more.clone() });
    w.hub_restarts();
    w.report("ada", Fact::SessionStarted { info: more });
    assert_eq!(w.count("session-started"), 1);
    assert_eq!(w.core.presence()[0].info.branch.as_deref(), Some("topic"));
}

/// A session that does not know its worktree yet is in the one of its root.
#[test]
fn the_worktree_of_a_root() {
    let mut w = World::bare();
    w.editor("ada");
    let mut bare = info(&w.people["ada"]);
    bare.worktree = None;
    bare.session = codi2_protocol::SessionId::new();
    w.report("ada", Fact::SessionStarted { info: bare });
    assert_eq!(w.last("session-started").worktree, Some(worktree()));
}

#[test]
fn the_end_of_a_session_that_only_the_store_knows() {
    let mut w = World::new(&[]);
    w.editor("ada");
    w.hub_restarts();
    w.report("ada", Fact::SessionEnded { reason: "exit".into() });
    let event = w.last("session-ended");
    assert_eq!((event.actor.name.as_str(), event.worktree.clone()), ("ada", Some(worktree())));
}

#[test]
fn how_many_are_at_work() {
    let mut w = World::new(&[]);
    w.editor("ada");
    w.editor("bea");
    let told = |w: &World| {
        let last = w.notices.iter().rev().find_map(|(_, notice)| match notice {
            Notice::Sessions { sessions, .. } => Some(*sessions),
            _ => None,
        });
        last.unwrap()
    };
    assert_eq!(told(&w), 2);
    w.report("bea", Fact::SessionEnded { reason: "exit".into() });
    assert_eq!(told(&w), 1);
}

#[test]
fn watched_while_somebody_wants_it() {
    let mut w = World::bare();
    let ticket = Ticket { connection: 5, id: 77 };
    w.feed(Input::Called(Some(ticket), 5, Call::Watch { path: ROOT.into(), poll: false }));
    assert!(w.replies.is_empty(), "answered when the first look is over");
    w.scan();
    assert!(w.replies.iter().any(|(id, reply)| *id == 77 && reply.is_ok()));
    w.feed(Input::Left(1));
    assert!(!w.ports.watched.is_empty());
    w.put("a.rs", "one\n");
    w.watch_sees("a.rs");
    w.feed(Input::Left(5));
    assert!(w.ports.watched.is_empty() && w.core.ledger.disk.is_empty());
    // What a watch had in its queue when it ended is no news.
    let events = w.events.len();
    w.put("a.rs", "two\n");
    w.watch_sees("a.rs");
    assert_eq!((w.events.len(), w.core.ledger.disk.len()), (events, 0));
    // Watched again: what happened meanwhile is found.
    w.scan();
    assert_eq!(w.events.len(), events + 1);
    let EventBody::Disk { change, .. } = body(w.last("disk")) else { panic!() };
    assert_eq!(change.verdicts[0].class, codi2_protocol::Class::Unknown);
}

/// Whoever asks again and again, with nobody else watching, makes no news of it.
#[test]
fn a_watch_that_comes_and_goes_is_told_once() {
    let mut w = World::bare();
    let state = |state, detail: &str| WatchEvent::State(state, detail.to_owned());
    for _ in 0..3 {
        w.scan();
        w.feed(Input::Watched(worktree(), state(WatchState::Watching, "1 folder watched")));
        w.feed(Input::Left(1));
    }
    assert_eq!(w.count("watch"), 1);
    w.scan();
    w.feed(Input::Watched(worktree(), state(WatchState::Degraded, "the limit is reached")));
    w.feed(Input::Watched(worktree(), state(WatchState::Watching, "1 folder watched")));
    assert_eq!(w.count("watch"), 3);
}

/// A repository that was moved is where it is watched.
#[test]
fn a_moved_worktree_has_its_new_root() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    assert_eq!(w.core.watches()[0].root, ROOT);
    w.feed(Input::Called(None, 2, Call::Watch { path: MOVED.into(), poll: false }));
    assert_eq!((w.core.watches().len(), w.core.watches()[0].root.as_str()), (1, MOVED));
}

/// A worktree that only a hook named is let go after a while.
#[test]
fn watched_for_a_hook() {
    let mut w = World::bare();
    w.put("a.rs", "one\n");
    w.agent_before("bot", "a.rs");
    assert!(!w.ports.watched.is_empty());
    w.tick(500_000);
    assert!(!w.ports.watched.is_empty());
    w.tick(200_000);
    assert!(w.ports.watched.is_empty());
}

/// Sessions whose sidecar died while the hub was away: nobody will ever say that they ended.
#[test]
fn sessions_of_the_dead_end_when_the_hub_begins() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    for name in ["ada", "bea", "cid"] {
        w.opens(name, "a.rs");
    }
    // One says so in its spool, one is gone without a word, one lives on.
    let (spooled, gone) = (w.people["ada"].producer, info(&w.people["bea"]).process.unwrap().pid);
    w.holds("ada");
    w.report("ada", Fact::SessionEnded { reason: "exit".into() });
    w.ports.gone.extend([gone, info(&w.people["ada"]).process.unwrap().pid]);
    w.core = core();
    w.ports.watched.clear();
    w.feed(Input::Begin);
    assert_eq!(w.core.presence().len(), 3, "at work until shown otherwise");
    let facts = w.people["ada"].facts.clone();
    w.drained(spooled, facts);
    w.feed(Input::CaughtUp);
    let ended: Vec<_> = w.events.iter().filter(|event| event.kind() == "session-ended").collect();
    let reason = |at: usize| match body(ended[at]) {
        EventBody::SessionEnded { reason } => (ended[at].actor.name.as_str(), reason.as_str()),
        other => panic!("{other:?}"),
    };
    assert_eq!((ended.len(), reason(0)), (2, ("ada", "exit")));
    assert_eq!(reason(1), ("bea", "its sidecar died while the hub was away"));
    assert_eq!(w.core.presence().len(), 1);
    assert_eq!(w.core.presence()[0].info.host, Some(host()));
    assert!(w.ports.watched.contains(&worktree()), "for the one that lives");
    // It is heard of again, and not begun again.
    let (connection, producer) = (w.people["cid"].connection, w.people["cid"].producer);
    w.joins(connection, producer);
    w.beats("cid");
    w.tick(40_000);
    assert_eq!((w.count("session-started"), w.count("session-ended")), (3, 2));
    // A hub that cannot see into its sidecar's world was wrong: the session begins again.
    let (connection, producer) = (w.people["bea"].connection, w.people["bea"].producer);
    w.joins(connection, producer);
    w.beats("bea");
    assert_eq!((w.count("session-started"), w.core.presence().len()), (4, 2));
}

/// One that was alive when the hub began and never came: silence ends it.
#[test]
fn a_session_that_never_comes_back_after_a_restart() {
    let mut w = World::new(&[]);
    w.editor("ada");
    let connection = w.people["ada"].connection;
    w.hub_restarts();
    w.feed(Input::Left(connection));
    w.tick(29_000);
    assert_eq!(w.count("session-ended"), 0);
    w.tick(2_000);
    assert_eq!(w.count("session-ended"), 1);
}

/// What another machine's hub keeps in the same store is not this one's to end.
#[test]
fn sessions_of_other_machines_are_left_to_their_hubs() {
    let mut w = World::new(&[]);
    w.editor("ada");
    let mine = info(&w.people["ada"]);
    // Its process is none of this machine, whatever has its number here.
    let process = Process { pid: 77, start: None };
    let (session, host) = (SessionId::new(), Some(HostId::new()));
    let there = SessionInfo { session, host, process: Some(process), ..mine.clone() };
    w.ports.sessions.insert(there.session, there.clone());
    w.ports.gone.insert(process.pid);
    let connection = w.people["ada"].connection;
    w.hub_restarts();
    w.feed(Input::Left(connection));
    let known: Vec<SessionId> = w.core.presence().into_iter().map(|presence| presence.info.session).collect();
    assert_eq!(known, [mine.session]);
    w.tick(31_000);
    assert_eq!(w.count("session-ended"), 1);
    assert_eq!(w.ports.sessions.keys().collect::<Vec<_>>(), [&there.session]);
}

/// Another hub ended the sessions of a machine that was only suspended: they begin again, with their open buffers.
#[test]
fn a_hub_that_was_taken_for_dead_begins_its_sessions_again() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 0, "x");
    let (sessions, branches) = (w.ports.sessions.clone(), w.ports.branches.clone());
    assert!(sessions.len() == 1 && branches.len() == 1);
    w.ports.sessions.clear();
    w.ports.branches.clear();
    w.feed(Input::WasEnded);
    assert_eq!((w.count("session-started"), w.count("session-ended")), (2, 0));
    assert_eq!((w.ports.sessions.len(), &w.ports.branches), (sessions.len(), &branches));
    assert_eq!(w.core.presence().len(), 1);
}

/// What stands in a buffer that lost facts is nobody's yet: its row stays the last state that was sure.
#[test]
fn sessions_begin_again_with_what_was_sure_of_their_buffers() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "two\n");
    let branches = w.ports.branches.clone();
    // A group is lost on the way, and what is told next leads from a text that nobody knows.
    w.holds("ada");
    w.appends("ada", "a.rs", "lost\n");
    w.person("ada").held = None;
    w.appends("ada", "a.rs", "three\n");
    assert_eq!(w.ports.branches, branches);
    w.ports.branches.clear();
    w.feed(Input::WasEnded);
    assert_eq!(w.ports.branches, branches);
}
