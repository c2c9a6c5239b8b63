//! The layer of faults does what it is for. Behind it the test looks at the engine itself.

use std::sync::Arc;

use codi2_store::fault::Faulty;
use codi2_store::memory::Memory;
use codi2_store::{Abort, Engine, StoreError};

use crate::content;

#[test]
fn a_lost_watch_never_fires() {
    let memory = Arc::new(Memory::new());
    let engine = Faulty::new(Arc::clone(&memory), 1, 100);
    let (watch, heard) = (engine.watch(b"key").unwrap(), memory.watch(b"key").unwrap());
    memory.transact(&mut |t| t.set(b"key", b"")).unwrap();
    assert!(heard.fired());
    assert!(!watch.fired());
}

#[test]
fn every_fault_is_met() {
    let memory = Arc::new(Memory::new());
    let engine = Faulty::new(Arc::clone(&memory), 9, 80);
    let (mut twice, mut lost, mut done, mut old) = (0, 0, 0, 0);
    for number in 0..400_u32 {
        let key = number.to_be_bytes();
        let key = [&b"k"[..], &key].concat();
        let mut runs = 0;
        let result = engine.transact(&mut |t| {
            runs += 1;
            let set = t.set(&key, b"");
            old += u32::from(set == Err(Abort::Store(StoreError::TooOld)));
            set
        });
        twice += u32::from(runs > 1);
        let there = content(&*memory, false, 1_000).iter().any(|(own, _)| *own == key);
        match result {
            Ok(_) => assert!(there),
            Err(StoreError::Unknown) if there => done += 1,
            Err(StoreError::Unknown) => lost += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!([twice, lost, done, old].iter().all(|count| *count > 10), "{twice} {lost} {done} {old}");
}
