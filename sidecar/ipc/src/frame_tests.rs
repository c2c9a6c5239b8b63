//! Tests of frames: round trips, garbage, limits, calls of a newer client.

use codi2_protocol::{Call, ErrorCode, EventId, Fact, HookPhase, Notice, Numbered, ProducerId, Reply};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn golden<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(name: &str) -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/golden");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let file_name = file.file_name().into_string().unwrap();
        if !file_name.starts_with(name) {
            continue;
        }
        let samples: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        for sample in samples.as_array().cloned().unwrap_or_else(|| vec![samples]) {
            let value: T = serde_json::from_value(sample).unwrap();
            let frame = encode(&value).unwrap();
            assert_eq!(decode::<T>(&frame[4..]).unwrap(), value, "{file_name}");
            seen += 1;
        }
    }
    seen
}

#[test]
fn every_golden_sample_survives_a_frame() {
    assert!(golden::<ClientFrame>("call-") > 10);
    assert!(golden::<HubFrame>("notice-") > 5);
    assert!(golden::<HubFrame>("reply-") > 3);
    assert!(golden::<HubFrame>("error") > 0);
    assert!(golden::<Hello>("hello") > 0);
}

fn bytes(value: &Value) -> Vec<u8> {
    encode(value).unwrap()[4..].to_vec()
}

#[test]
fn newer_clients_are_answered() {
    let unknown = |id, method: &str| Incoming::Unknown { id, method: method.into() };
    for (value, expected) in [
        (json!({"id": 7, "call": {"method": "claim", "params": {"path": "x"}}}), unknown(Some(7), "claim")),
        (json!({"call": {"method": "claim"}}), unknown(None, "claim")),
        (json!({"call": {"params": [1, {"a": null}], "method": "report2"}, "more": 1}), unknown(None, "report2")),
    ] {
        assert_eq!(decode_incoming(&bytes(&value)).unwrap(), expected, "{value}");
    }
    for value in [
        json!({"id": 7, "call": {"method": "watch", "params": {"path": 5}}}),
        json!({"id": 7, "call": {"method": "watch"}}),
        json!({"id": 7, "call": {"method": "hook", "params": {"id": EventId::new(), "at_ms": 1, "phase": "during", "format": "", "parent_pid": 1, "folder": "", "files": []}}}),
    ] {
        assert!(matches!(decode_incoming(&bytes(&value)).unwrap(), Incoming::Bad { id: Some(7), .. }), "{value}");
    }
    for value in [json!(5), json!({}), json!({"id": 1}), json!({"call": "status"}), json!({"call": {"method": 4}})] {
        assert!(matches!(decode_incoming(&bytes(&value)), Err(FrameError::Garbage(_))), "{value}");
    }
    let more = json!({"id": 1, "later": true, "call": {"method": "status"}});
    let status = Incoming::Call(ClientFrame { id: Some(1), call: Call::Status });
    assert_eq!(decode_incoming(&bytes(&more)).unwrap(), status, "unknown fields are ignored");
}

#[test]
fn newer_hubs_are_understood_as_far_as_possible() {
    for (value, expected) in [
        (json!({"notice": {"kind": "conflict", "value": {"a": 1}}}), FromHub::Unknown),
        (json!({"news": 5}), FromHub::Unknown),
        (json!({"reply": {"id": 3, "reply": {"kind": "claim", "value": {}}}}), FromHub::UnknownReply { id: 3 }),
        (
            json!({"notice": {"kind": "durable", "value": {"seq": 9, "more": 1}}}),
            FromHub::Frame(HubFrame::Notice(Notice::Durable { seq: 9 })),
        ),
        (
            json!({"error": {"id": 3, "error": {"code": "tooOld", "message": "no"}}}),
            FromHub::Frame(HubFrame::Error {
                id: Some(3),
                error: HubError { code: ErrorCode::Other, message: "no".into() },
            }),
        ),
    ] {
        assert_eq!(decode_from_hub(&bytes(&value)).unwrap(), expected, "{value}");
    }
    for value in [json!(5), json!({"reply": 1}), json!({"error": {"id": 3}})] {
        assert!(decode_from_hub(&bytes(&value)).is_err(), "{value}");
    }
}

#[test]
fn lengths_and_depth_are_bounded() {
    let long = Call::Watch { path: "x".repeat(FRAME_BYTES), poll: false };
    assert!(matches!(encode(&long), Err(FrameError::TooLong { .. })));
    let mut deep = json!(1);
    for _ in 0..DEPTH + 5 {
        deep = json!([deep]);
    }
    assert!(matches!(decode::<Value>(&bytes(&deep)), Err(FrameError::Garbage(_))));
    let claimed = (FRAME_BYTES as u32 + 1).to_be_bytes();
    assert!(matches!(read_blocking(&mut &claimed[..]), Err(FrameError::TooLong { .. })));
    let mut trailing = encode(&1u8).unwrap();
    trailing.push(0);
    assert!(matches!(decode::<u8>(&trailing[4..]), Err(FrameError::Garbage(_))));
}

#[test]
fn the_first_frame_is_a_greeting_or_a_refusal() {
    let hello = crate::connect::hello("test", &["text".into()], Some(ProducerId::new()));
    let frame = encode(&hello).unwrap();
    assert_eq!(decode_greeting(&frame[4..]).unwrap(), Greeting::Hello(hello));
    let error = HubError { code: ErrorCode::Busy, message: "busy".into() };
    let frame = encode(&HubFrame::Error { id: None, error: error.clone() }).unwrap();
    assert_eq!(decode_greeting(&frame[4..]).unwrap(), Greeting::Refused(error));
    let frame = encode(&HubFrame::Reply { id: 1, reply: Reply::Done }).unwrap();
    assert!(decode_greeting(&frame[4..]).is_err());
}

fn frames(count: usize) -> Vec<Vec<u8>> {
    let fact =
        |seq| Numbered { seq, occurred_ms: 5, session: None, fact: Fact::SessionEnded { reason: "é".repeat(9) } };
    (1..=count as u64)
        .map(|seq| encode(&ClientFrame { id: Some(seq), call: Call::Report { facts: vec![fact(seq)] } }).unwrap())
        .collect()
}

/// Both readers on the same bytes, handed over in pieces of `step`.
fn read_both(bytes: &[u8], step: usize) -> (Vec<Vec<u8>>, Option<String>) {
    fn all(mut next: impl FnMut() -> Result<Option<Vec<u8>>, FrameError>) -> (Vec<Vec<u8>>, Option<String>) {
        let mut bodies = Vec::new();
        loop {
            match next() {
                Ok(Some(body)) => bodies.push(body),
                Ok(None) => return (bodies, None),
                Err(error) => return (bodies, Some(error.to_string())),
            }
        }
    }
    let mut source = bytes;
    let blocking = all(|| read_blocking(&mut source));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut near, mut far) = tokio::io::duplex(step);
    let bytes = bytes.to_vec();
    let writer = runtime.spawn(async move {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut far, &bytes).await;
    });
    let asynchronous = all(|| runtime.block_on(read(&mut near)));
    writer.abort();
    assert_eq!(blocking, asynchronous);
    blocking
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_and_a_cut_is_noticed(count in 0usize..6, step in 1usize..64, cut in 0usize..400) {
        let frames = frames(count);
        let whole = frames.concat();
        let (bodies, error) = read_both(&whole, step);
        prop_assert_eq!(&bodies, &frames.iter().map(|frame| frame[4..].to_vec()).collect::<Vec<_>>());
        prop_assert_eq!(error, None);
        let cut = cut.min(whole.len());
        let mut ends = vec![0];
        frames.iter().for_each(|frame| ends.push(ends[ends.len() - 1] + frame.len()));
        let (bodies, error) = read_both(&whole[..cut], step);
        prop_assert_eq!(bodies.len(), ends.iter().filter(|end| **end <= cut).count() - 1);
        prop_assert_eq!(error.is_some(), !ends.contains(&cut));
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_incoming(&bytes);
        let _ = decode_from_hub(&bytes);
        let _ = decode_greeting(&bytes);
        let _ = read_both(&bytes, 7);
    }

    #[test]
    fn damaged_frames_never_panic(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut body = frames(1).remove(0).split_off(4);
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        let _ = decode_incoming(&body);
    }
}

#[test]
fn hooks_phases_are_what_the_test_above_needs() {
    // Were `during` ever a phase, the test of bad parameters would test nothing.
    assert!(serde_json::from_value::<HookPhase>(json!("during")).is_err());
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_is_not_waited_for_and_a_whole_one_is() {
    use tokio::io::AsyncWriteExt;
    let (mut writing, mut reading) = tokio::io::duplex(64);
    let slow = Duration::from_millis(READ_MS - 1);
    let sending = tokio::spawn(async move {
        // Nothing for long, then a frame in two pieces, just in time.
        tokio::time::sleep(100 * slow).await;
        writing.write_all(&[0, 0]).await.unwrap();
        tokio::time::sleep(slow).await;
        writing.write_all(&[0, 2, 7, 8]).await.unwrap();
        // A byte a second, and never the last one.
        writing.write_all(&[0, 0, 0, 200]).await.unwrap();
        while writing.write_all(&[1]).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert_eq!(read_whole(&mut reading).await.unwrap(), Some(vec![7, 8]));
    let error = read_whole(&mut reading).await.unwrap_err();
    assert!(matches!(error, FrameError::Slow), "{error}");
    assert!(error.to_string().contains("10 s after its first byte"));
    drop(reading);
    sending.await.unwrap();
}
