//! Round trips to the hub on an open connection, beside a bare echo on a Unix socket in the same run.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use codi2_ipc::frame::{FromHub, decode_from_hub, encode, read_blocking};
use codi2_protocol::{Call, ErrorCode, HubFrame, Reply};
use serde_json::json;

use crate::echo::{Echo, there_and_back};
use crate::ground::{BUILD, Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

const ROUNDS: usize = 5_000;
/// Bytes of a small call or its answer, about.
const SMALL: usize = 100;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let ground = Ground::new(&[("a.rs", "fn main() {}\n")]);
    ground.start_hub();
    let echo = Echo::start(ground.places.runtime());
    let mut stream = echo.connect();
    let mut link = ground.link();
    let mut raw = greeted(&ground);
    let [mut bare, mut unknown, mut status] = std::array::from_fn(|_| Samples::default());
    for round in 0..counts.of(ROUNDS) + 100 {
        interrupt::check();
        let echoed = there_and_back(&mut stream, SMALL);
        let refused = {
            let call = encode(&json!({"id": round, "call": {"method": "bench"}})).expect("a small frame");
            let start = Instant::now();
            raw.write_all(&call).expect("the hub reads");
            let body = read_blocking(&mut raw).expect("the hub answers").expect("the hub is there");
            let time = start.elapsed();
            assert!(is_refusal(&body), "an unknown method is refused");
            time
        };
        let start = Instant::now();
        let reply = link.call(Call::Status);
        let asked = start.elapsed();
        assert!(matches!(reply, Ok(Reply::Status(_))), "{reply:?}");
        // The first ones warm up.
        if round >= 100 {
            bare.add(echoed);
            unknown.add(refused);
            status.add(asked);
        }
    }
    let floor = || ("bare Unix socket echo of 100 bytes", bare.clone());
    vec![
        Row::time("round trip to the hub: a method it does not know", unknown, floor(), "", "its connection alone"),
        Row::time("round trip to the hub: `status`", status, floor(), "", "through its core and the store's counts"),
    ]
}

/// A connection without our client: bytes and frames only.
fn greeted(ground: &Ground) -> UnixStream {
    let mut stream = UnixStream::connect(codi2_ipc::address(&ground.places)).expect("the hub listens");
    let hello = encode(&codi2_ipc::hello(BUILD, &[], None)).expect("a small frame");
    stream.write_all(&hello).expect("the hub reads");
    read_blocking(&mut stream).expect("the hub greets").expect("the hub is there");
    stream
}

fn is_refusal(body: &[u8]) -> bool {
    matches!(
        decode_from_hub(body),
        Ok(FromHub::Frame(HubFrame::Error { error, .. })) if error.code == ErrorCode::UnknownMethod
    )
}
