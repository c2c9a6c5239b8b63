//! Stores that fail at the start. A disk that fills up in the middle: `tests/faults` of the workspace.

use codi2_ipc::{ReachError, StartError, blocking::Link};
use codi2_protocol::ProducerId;

use crate::support::Home;

pub fn a_damaged_store_refuses_the_start() {
    let home = Home::new();
    let hub = home.ready();
    let mut wire = home.producer(ProducerId::new());
    wire.report(1..=300);
    wire.durable(300);
    home.stop(hub);
    let whole = std::fs::read(home.store()).unwrap();
    let mut damaged = whole.clone();
    damaged.iter_mut().skip(4_096).step_by(64).for_each(|byte| *byte ^= 0x55);
    std::fs::write(home.store(), &damaged).unwrap();
    match Link::connect_or_start(&home.places, &home.spec(), "test") {
        Err(ReachError::Start(StartError::Failed { reason })) => {
            assert!(reason.contains("damaged") && reason.contains("store.redb"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read(home.store()).unwrap().len(), damaged.len(), "never made anew");
    // Nothing was left behind that would keep a hub over a mended store from starting.
    std::fs::write(home.store(), whole).unwrap();
    home.stop(home.ready());
}
