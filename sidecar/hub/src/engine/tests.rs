//! The core's thread at its end.

use codi2_workspace::WatchOptions;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use codi2_ipc::Places;
use codi2_protocol::{Call, Fact, Gap, GapReason, HostId, Numbered};

use super::*;
use crate::world::tests::Cluster;

#[test]
fn ends_while_a_watch_waits_for_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let worktree = folder.path().join("w");
    std::fs::create_dir(&worktree).unwrap();
    // Three pages of a watch's first look: more than may wait here.
    (0..700).for_each(|n| std::fs::write(worktree.join(n.to_string()), "").unwrap());
    let producer = ProducerId::new();
    let dead = Dead::new(Places::at(folder.path().join("s"), folder.path().join("r")), producer);
    let (orders, _kept) = sync_channel(1_000);
    let store = Arc::new(Store::memory().unwrap());
    let core = Core::new(producer, HostId::new(), [0; 32]);
    let (engine, thread) = Engine::start(
        core,
        store,
        WatchOptions::default(),
        dead,
        Outlets { orders, notes: crate::notes::door().0 },
        Measures::default(),
        |_| {},
    )
    .unwrap();
    let path = worktree.to_str().unwrap().to_owned();
    engine.tell(Input::Called(None, 1, Call::Watch { path, poll: false }), None);
    engine.end();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        thread.join();
        tell.send(())
    });
    told.recv_timeout(Duration::from_secs(60)).expect("it ends");
}

/// Told to end while the store is away: nothing that was judged without it is ordered, nothing is said to be durable
/// and no spool goes, though the store is back.
#[test]
fn what_comes_after_the_store_was_given_up_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let producer = ProducerId::new();
    let dead = Dead::new(Places::at(folder.path().join("s"), folder.path().join("r")), producer);
    let (orders, ordered) = sync_channel(1_000);
    let cluster = Arc::new(Cluster::default());
    let store = Arc::new(Store::on(Arc::<Cluster>::clone(&cluster)).unwrap());
    let core = Core::new(producer, HostId::new(), [0; 32]);
    let options = WatchOptions::default();
    cluster.is_away.store(true, Ordering::SeqCst);
    let (engine, thread) = Engine::start(
        core,
        Arc::clone(&store),
        options,
        dead,
        Outlets { orders, notes: crate::notes::door().0 },
        Measures::default(),
        |_| {},
    )
    .unwrap();
    engine.begin();
    while cluster.asked.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    store.end_waits();
    let (tell, told) = channel();
    engine.barrier(move || tell.send(()).unwrap());
    let dropped = Err(RecvTimeoutError::Disconnected);
    assert_eq!(told.recv_timeout(Duration::from_secs(60)), dropped, "what was dropped is not durable");
    cluster.is_away.store(false, Ordering::SeqCst);
    let gap = Gap { first_seq: 1, last_seq: 2, facts: 2, bytes: 9, reason: GapReason::SpoolFull };
    let lost = Numbered { seq: 2, occurred_ms: 1, session: None, fact: Fact::Gap(gap) };
    engine.tell(Input::Drained(ProducerId::new(), 0, vec![lost]), None);
    engine.end();
    thread.join();
    assert_eq!(ordered.try_iter().count(), 0);
    assert!(matches!(engine.given_up(), Some(StoreError::Away { .. })));
}
