//! P5: a reader that takes nothing slows nobody. As `durable`, with twenty tails that stand still and, in turns, none.
//!
//! The tails begin at the log's first event, which is more than their sockets hold, so that each stands from its first
//! page on. They are new in each turn: the hub cuts off whoever stands for 30 s.

use std::thread::sleep;
use std::time::Duration;

use codi2_ipc::blocking::Link;
use codi2_protocol::{Call, Filter, Reply, Stamp};

use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;
use crate::sidecar::Crowd;

const PRODUCERS: usize = 16;
const READERS: usize = 20;
/// Groups of each producer before anything is measured: about 3 MB of log.
const BEFORE: usize = 200;
const GROUPS_EACH: usize = 200;
const TURNS: usize = 10;
/// Until the tails stand: each has a page to read and a socket to fill.
const STANDING: Duration = Duration::from_millis(300);
/// Bytes of a file.
const BYTES: usize = 10 << 10;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let mut crowd = Crowd::new(PRODUCERS, BYTES, |_| {});
    crowd.all_at_once(BEFORE, &mut Samples::default());
    let first = first(&mut crowd.ground.link());

    let [mut with, mut without] = std::array::from_fn(|_| Samples::default());
    let each = counts.of(GROUPS_EACH).div_ceil(TURNS);
    for turn in 0..2 * TURNS {
        interrupt::check();
        let readers = if turn % 2 == 0 { READERS } else { 0 };
        let standing: Vec<Link> = (0..readers).map(|_| tail(&crowd.ground, first)).collect();
        sleep(STANDING);
        let into = if readers > 0 { &mut with } else { &mut without };
        crowd.all_at_once(each, into);
        drop(standing);
    }
    crowd.end();
    vec![Row::time(
        "sealed group → durable, 16 producers, 20 readers that stand still",
        with,
        ("the same without readers, in turns", without),
        "p99 ≤ 1.2 × without (P5)",
        "",
    )]
}

fn first(link: &mut Link) -> Stamp {
    let call = Call::Log { filter: Filter::default(), cursor: None, newest_first: false, limit: 1 };
    match link.call(call) {
        Ok(Reply::Events { events, .. }) => events.first().expect("the log has events").stamp,
        other => panic!("no log: {other:?}"),
    }
}

fn tail(ground: &Ground, first: Stamp) -> Link {
    let mut link = ground.link();
    match link.call(Call::Tail { filter: Filter::default(), from: Some(first) }) {
        Ok(Reply::Done) => link,
        other => panic!("no tail: {other:?}"),
    }
}
