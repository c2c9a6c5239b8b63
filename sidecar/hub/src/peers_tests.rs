//! Several hubs on one store in memory, by a clock of the test: nobody is ended who beats, everybody is who does not, once.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use codi2_protocol::{Actor, ActorKind, Editor, Heartbeat, SessionId};
use codi2_store::fault::Faulty;
use codi2_store::memory::Memory;
use codi2_store::{Engine, Store};

use super::*;

fn cluster() -> Arc<dyn Engine> {
    Arc::new(Memory::shared())
}

fn info(host: HostId) -> SessionInfo {
    SessionInfo {
        session: SessionId::new(),
        actor: Actor::named(ActorKind::Person, "Ada"),
        editor: Editor { name: "nvim".into(), version: None },
        pid: 1,
        process: None,
        host: Some(host),
        worktree: None,
        root: None,
        branch: None,
        base: None,
    }
}

/// A hub with a store of its own on the cluster.
struct Hub {
    host: HostId,
    store: Store,
    peers: Peers,
}

impl Hub {
    fn new(cluster: &Arc<dyn Engine>) -> Self {
        Self::on(cluster, HostId::new())
    }

    fn on(cluster: &Arc<dyn Engine>, host: HostId) -> Self {
        let store = Store::on(Arc::clone(cluster)).unwrap();
        Self { host, store, peers: Peers::new(host, ProducerId::new(), "codi2 test".into(), 5, String::new()) }
    }

    fn look(&mut self, now_ms: u64) -> Round {
        self.peers.look(&self.store, now_ms, 1_000).unwrap()
    }

    /// Somebody begins to work here.
    fn session(&self) -> SessionId {
        let info = info(self.host);
        self.store.write(&[Row::set(Subspace::Session, &[info.session.into()], &info).unwrap()]).unwrap();
        info.session
    }

    fn ends(&self) -> Vec<SessionId> {
        let events = self.store.tail_after(None, 10_000).unwrap();
        events.iter().filter(|event| event.event.kind() == "session-ended").filter_map(|e| e.event.session).collect()
    }

    fn lost(&mut self, now_ms: u64) -> Vec<HostId> {
        self.look(now_ms).hubs.iter().filter(|hub| hub.lost).map(|hub| hub.host).collect()
    }
}

#[test]
fn the_others_and_their_sessions_are_seen_with_their_machine() {
    let cluster = cluster();
    let (mut here, mut there) = (Hub::new(&cluster), Hub::new(&cluster));
    here.session();
    let session = there.session();
    let beat = Heartbeat { session, at_ms: 7, file: None, open: 2, last_edit_ms: None };
    let life = Life { heartbeat: Some(beat.clone()), touched: None };
    there.store.write(&[Row::set(Subspace::Heartbeat, &[session.into()], &life).unwrap()]).unwrap();
    there.look(0);
    let round = here.look(0);
    let mut hubs: Vec<(HostId, bool, bool)> = round.hubs.iter().map(|hub| (hub.host, hub.is_this, hub.lost)).collect();
    hubs.sort_by_key(|(_, is_this, _)| !is_this);
    assert_eq!(hubs, [(here.host, true, false), (there.host, false, false)]);
    let seen: Vec<_> = round.sessions.iter().map(|p| (p.info.session, p.info.host, p.heartbeat.clone())).collect();
    assert_eq!(seen, [(session, Some(there.host), Some(beat))]);
    assert!(!round.sessions[0].lost && round.problem.is_none() && !round.was_ended);
}

#[test]
fn a_hub_that_came_since_the_last_look_is_not_shown_as_lost() {
    let cluster = cluster();
    let (mut here, mut there) = (Hub::new(&cluster), Hub::new(&cluster));
    here.look(0);
    assert!(!here.peers.has_others());
    there.look(0);
    there.session();
    let lost: Vec<bool> = here.peers.sessions(&here.store).unwrap().iter().map(|session| session.lost).collect();
    assert_eq!(lost, [false]);
    here.look(1);
    assert!(here.peers.has_others());
}

#[test]
fn a_silent_hub_is_shown_as_lost_then_its_sessions_end_once_and_it_may_come_back() {
    let cluster = cluster();
    let (mut one, mut two, mut three) = (Hub::new(&cluster), Hub::new(&cluster), Hub::new(&cluster));
    let mine = one.session();
    let sessions = [two.session(), two.session()];
    let branch = Row::set(Subspace::Branch, &[sessions[0].into(), "a".into()], &1).unwrap();
    one.store.write(&[branch]).unwrap();
    two.look(99);
    // Their clocks are far apart: nobody compares them. All beat now and then, but the second.
    let (of_one, of_three) = (1_000_000, 0);
    let mut looked = 0;
    let mut both = |after: u64| {
        for step in (looked..after).step_by(BEAT_MS as usize) {
            drop((one.look(of_one + step), three.look(of_three + step)));
        }
        looked = after;
        (one.look(of_one + after), three.look(of_three + after))
    };
    both(0);
    let (seen, _) = both(LOST_MS - 1);
    assert!(seen.hubs.len() == 3 && !seen.hubs.iter().any(|hub| hub.lost), "{seen:?}");
    assert!(seen.sessions.iter().all(|session| !session.lost));
    let (seen, also) = both(LOST_MS);
    for round in [&seen, &also] {
        let lost: Vec<HostId> = round.hubs.iter().filter(|hub| hub.lost).map(|hub| hub.host).collect();
        assert_eq!(lost, [two.host]);
    }
    assert!(seen.sessions.len() == 2 && seen.sessions.iter().all(|session| session.lost));
    both(END_MS - 1);
    assert_eq!(two.ends(), []);
    let (seen, also) = both(END_MS);
    assert_eq!((seen.hubs.len(), also.hubs.len(), seen.sessions.len()), (2, 2, 0));
    both(3 * END_MS);
    let mut ended = two.ends();
    ended.sort_unstable();
    let mut expected = sessions.to_vec();
    expected.sort_unstable();
    assert_eq!(ended, expected, "each once, and not those of the living");
    assert_eq!(two.store.get::<i32>(Subspace::Branch, &[sessions[0].into(), "a".into()]).unwrap(), None);
    assert!(two.store.get::<SessionInfo>(Subspace::Session, &[mine.into()]).unwrap().is_some());
    // It was only suspended.
    assert!(two.look(100).was_ended);
    assert!(!two.look(101).was_ended);
}

#[test]
fn a_time_in_which_nobody_could_look_ends_nobody() {
    let cluster = cluster();
    let (mut one, mut two, mut dead) = (Hub::new(&cluster), Hub::new(&cluster), Hub::new(&cluster));
    one.session();
    two.session();
    let gone = dead.session();
    dead.look(0);
    for hub in [&mut one, &mut two] {
        hub.look(0);
        hub.look(BEAT_MS);
    }
    // The cluster is away for 40 s; whoever is back first finds the others' rows as they were.
    let back = BEAT_MS + 40_000;
    for after in (back..back + END_MS).step_by(BEAT_MS as usize) {
        let rounds = [one.look(after), two.look(after)];
        assert!(rounds.iter().all(|round| round.hubs.len() == 3 && !round.was_ended), "{after}: {rounds:?}");
    }
    assert_eq!(one.ends(), []);
    // From then on silence counts as ever.
    one.look(back + END_MS);
    assert_eq!(one.ends(), [gone]);
}

#[test]
fn a_hub_that_starts_again_takes_up_its_row_and_one_that_leaves_takes_it_away() {
    let cluster = cluster();
    let (mut one, mut two) = (Hub::new(&cluster), Hub::new(&cluster));
    two.session();
    two.look(0);
    one.look(0);
    (0..END_MS).step_by(BEAT_MS as usize).for_each(|after| drop(one.look(after)));
    // It is killed and starts again on the same machine, just in time.
    let mut again = Hub::on(&cluster, two.host);
    assert!(!again.look(7).was_ended);
    assert_eq!(one.lost(END_MS), []);
    assert_eq!(one.ends(), []);
    // With sessions that nobody ended, its row stays to be looked after; without, it goes.
    again.peers.leave(&again.store).unwrap();
    assert_eq!(one.look(END_MS + 1).hubs.len(), 2);
    one.peers.leave(&one.store).unwrap();
    assert_eq!(again.look(8).hubs.len(), 1);
}

#[test]
fn two_hubs_of_one_host_say_so() {
    let cluster = cluster();
    let (mut one, host) = (Hub::new(&cluster), HostId::new());
    let (mut two, mut copy) = (Hub::on(&cluster, host), Hub::on(&cluster, host));
    assert_eq!((one.look(0).problem, two.look(0).problem, copy.look(0).problem), (None, None, None));
    let problem = two.look(1).problem.unwrap();
    assert!(problem.contains("remove the file `host`") && problem.contains(&host.to_string()), "{problem}");
}

#[test]
fn late_evidence_of_any_hub_is_told_once() {
    let cluster = cluster();
    let (mut one, two) = (Hub::new(&cluster), Hub::new(&cluster));
    let upgrade = |of: EventId| {
        let change =
            codi2_protocol::Change { before: None, after: None, ranges: vec![], verdicts: vec![], truncated: false };
        let body = Body::Known(EventBody::Upgrade { of, change });
        let event = Event { body, ..ended(info(two.host), &two.peers, 1) };
        let owner = Owner { event: Some(of), ..Owner::before_codi2() };
        let rows = vec![Row::set(Subspace::Upgrade, &[of.into()], &owner).unwrap()];
        two.store.append(&[Pending { event: Some(event), rows, ..Pending::default() }]).unwrap();
        (of, owner)
    };
    upgrade(EventId::new());
    assert_eq!(one.look(0).upgraded, [], "what was before is in the rows");
    let expected = [upgrade(EventId::new()), upgrade(EventId::new())];
    assert_eq!(one.look(1).upgraded, expected);
    assert_eq!(one.look(2).upgraded, []);
}

/// SplitMix64.
fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

/// A hub as the model knows it.
struct Model {
    hub: Hub,
    /// How far its clock is from the others'.
    apart_ms: u64,
    looked_ms: u64,
    alive: bool,
    /// Its sessions that should be there.
    open: Vec<SessionId>,
}

#[test]
fn whoever_lives_or_dies_in_whatever_order_each_session_ends_once_or_not_at_all() {
    for seed in 0..12 {
        let cluster: Arc<dyn Engine> =
            if seed % 2 == 0 { Arc::new(Memory::shared()) } else { Arc::new(Faulty::new(Memory::shared(), seed, 30)) };
        let mut state = seed;
        let mut hubs: Vec<Model> = (0..2 + draw(&mut state, 3))
            .map(|_| {
                let (hub, apart_ms) = (Hub::new(&cluster), draw(&mut state, 1 << 40));
                Model { hub, apart_ms, looked_ms: 0, alive: true, open: Vec::new() }
            })
            .collect();
        let (mut now, mut must_end, mut may_end) = (0_u64, Vec::new(), Vec::new());
        for _ in 0..200 {
            now += draw(&mut state, BEAT_MS);
            let at = draw(&mut state, hubs.len() as u64) as usize;
            let living = hubs.iter().filter(|model| model.alive).count();
            match draw(&mut state, 12) {
                0 if hubs[at].alive && living > 1 => hubs[at].alive = false,
                1 if !hubs[at].alive => {
                    let model = &mut hubs[at];
                    let silence = now - model.looked_ms;
                    let round = model.hub.peers.look(&model.hub.store, now + model.apart_ms, 1).unwrap();
                    (model.alive, model.looked_ms) = (true, now);
                    if round.was_ended {
                        assert!(silence >= END_MS, "seed {seed}: ended after {silence} ms");
                        must_end.append(&mut model.open);
                    }
                }
                2..6 if hubs[at].alive => {
                    let session = hubs[at].hub.session();
                    hubs[at].open.push(session);
                }
                _ => {}
            }
            // Whoever lives beats in time.
            for model in hubs.iter_mut().filter(|model| model.alive && now - model.looked_ms >= BEAT_MS) {
                let round = model.hub.peers.look(&model.hub.store, now + model.apart_ms, 1).unwrap();
                model.looked_ms = now;
                assert!(!round.was_ended, "seed {seed}: who beats is not ended");
            }
        }
        // All who died for long enough are ended by those who live.
        for _ in 0..4 * END_MS / BEAT_MS {
            now += BEAT_MS;
            for model in hubs.iter_mut().filter(|model| model.alive) {
                model.hub.peers.look(&model.hub.store, now + model.apart_ms, 1).unwrap();
            }
        }
        for model in &mut hubs {
            if model.alive { may_end.append(&mut model.open) } else { must_end.append(&mut model.open) }
        }
        let mut ended = hubs[0].hub.ends();
        ended.sort_unstable();
        must_end.sort_unstable();
        assert_eq!(ended, must_end, "seed {seed}");
        assert!(may_end.iter().all(|session| !ended.contains(session)), "seed {seed}");
    }
}
