//! Transactions that follow others of their engine.

use std::time::{Duration, Instant};

use codi2_store::engine::FOLLOW_MS;
use codi2_store::{Abort, Engine, StoreError, Transaction};

use crate::common::Engines;
use crate::marker;

/// A follow-up counts with what it read only if nobody wrote that since, whoever does; and what ends without a commit has
/// seen what is newest.
#[test]
fn a_follow_up_is_never_behind_in_what_it_leaves() {
    let engines = Engines::new();
    for (name, engine) in engines.all(11) {
        type Way = fn(&dyn Engine, &mut codi2_store::engine::Body<'_>) -> Result<codi2_store::Committed, StoreError>;
        let (other, follow): (Way, Way) = (|e, body| e.transact(body), |e, body| e.follow_up(body));
        let read = |t: &mut dyn Transaction| -> Result<u64, Abort> {
            Ok(t.get(b"sum")?.map_or(0, |sum| u64::from_le_bytes(sum.try_into().unwrap())))
        };
        // Before the newest version was asked for last, on the way to a commit that is followed.
        let mut asked = Instant::now();
        for number in 0..60_u64 {
            let before = Instant::now();
            let way = [follow, follow, other, follow][(number % 4) as usize];
            let done = marker(usize::try_from(number).unwrap());
            let mut runs = 0;
            while way(&*engine, &mut |t| {
                runs += 1;
                if t.get(&done)?.is_some() {
                    return Ok(());
                }
                let sum = read(t)?;
                t.set(b"sum", &(sum + 1).to_le_bytes())?;
                t.set(&done, b"")
            }) == Err(StoreError::Unknown)
            {}
            // The version of an own commit is told; another's write since is met at the commit alone. Who comes so late
            // that the newest is asked for first meets nothing.
            let lags = (name.contains("lags") || name.contains("foundationdb")) && !name.contains("faults");
            let is_late = asked.elapsed() >= Duration::from_millis(FOLLOW_MS);
            let meets = number % 4 == 3;
            if lags && number > 1 {
                assert!(runs == 1 + u32::from(meets) || runs == 1 && is_late, "{name}: {number}: {runs}");
            }
            if meets {
                asked = before;
            }
            let mut sum = None;
            while follow(&*engine, &mut |t| read(t).map(|found| sum = Some(found))) == Err(StoreError::Unknown) {}
            assert_eq!(sum, Some(number + 1), "{name}: what only reads has the newest");
            let given_up = |t: &mut dyn Transaction| -> Result<(), Abort> {
                sum = Some(read(t)?);
                Err(Abort::Cancelled)
            };
            let mut given_up = given_up;
            while follow(&*engine, &mut given_up) == Err(StoreError::Unknown) {}
            assert_eq!(sum, Some(number + 1), "{name}: so has what is given up");
        }
    }
}

/// Who follows up meets nobody where nobody else writes what he reads, however many do so at once.
#[test]
fn follow_ups_at_once_do_not_meet_themselves() {
    let engine = codi2_store::memory::Memory::lagging();
    let begin = std::sync::Barrier::new(4);
    let follow = |thread: u8| {
        begin.wait();
        (0..200_u8)
            .map(|round| {
                let mut runs = 0;
                let follow_up = engine.follow_up(&mut |transaction| {
                    runs += 1;
                    let before = transaction.get(&[thread])?;
                    assert_eq!(before, round.checked_sub(1).map(|before| vec![before]), "run {runs}");
                    transaction.set(&[thread], &[round])
                });
                follow_up.unwrap();
                runs
            })
            .sum::<u32>()
    };
    let runs = std::thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|thread| scope.spawn(move || follow(thread)));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(runs, [200; 4]);
}
