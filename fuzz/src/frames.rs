//! Frames of the hub's socket: no bytes break whoever reads them, and what is understood survives being said again.
//!
//! The first byte chooses who reads: a hub, a client, a greeting, a stream of frames, or an event as JSON. Promises:
//! `decode(encode(x)) = x`; a length alone reserves no memory; a known method with bad parameters costs one answer and
//! not the connection; an error has words, not too many.

use codi2_ipc::frame::{self, FrameError, FromHub, Greeting, Incoming};
use codi2_protocol::limits::FRAME_BYTES;
use codi2_protocol::{ClientFrame, Event, Hello, HubFrame, Numbered};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::corpus::golden;
use crate::{Choices, check_words};

pub(crate) fn run(input: &[u8]) {
    let mut choices = Choices(input);
    match choices.byte() % 6 {
        0 => hub(choices.rest()),
        1 => client(choices.rest()),
        2 => greeting(choices.rest()),
        3 => stream(choices.rest()),
        4 => json::<Event>(choices.rest()),
        _ => json::<Numbered>(choices.rest()),
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let body = |value: &Value| frame::encode(value).expect("a sample fits a frame")[4..].to_vec();
    let with = |choice: u8, bytes: Vec<u8>| [vec![choice], bytes].concat();
    let mut seeds: Vec<Vec<u8>> = golden("call-").iter().map(|sample| with(0, body(sample))).collect();
    for from_hub in ["notice-", "reply-", "error"] {
        seeds.extend(golden(from_hub).iter().map(|sample| with(1, body(sample))));
    }
    seeds.extend(golden("hello").iter().map(|sample| with(2, body(sample))));
    let frames: Vec<u8> = golden("call-s").iter().flat_map(|sample| frame::encode(sample).expect("it fits")).collect();
    seeds.push(with(3, frames));
    seeds.extend(golden("event-").iter().map(|sample| with(4, sample.to_string().into_bytes())));
    seeds.extend(golden("fact-").iter().map(|sample| with(5, sample.to_string().into_bytes())));
    seeds
}

/// What was understood is understood again, in both encodings.
fn again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    match frame::encode(value) {
        Ok(bytes) => assert_eq!(&frame::decode::<T>(&bytes[4..]).expect("our own frame"), value),
        // Only strings longer than they came could do this; ids and digests are as long as they were.
        Err(error) => panic!("what was read cannot be written: {error}"),
    }
    let text = serde_json::to_string(value).expect("every message is JSON too");
    assert_eq!(&serde_json::from_str::<T>(&text).expect("our own JSON"), value);
}

fn hub(body: &[u8]) {
    match frame::decode_incoming(body) {
        Ok(Incoming::Call(call)) => again::<ClientFrame>(&call),
        Ok(Incoming::Unknown { method, .. }) => assert!(method.chars().count() <= 80, "{method}"),
        Ok(Incoming::Bad { message, .. }) => check_words(&message),
        Err(error) => check_words(&error.to_string()),
    }
}

fn client(body: &[u8]) {
    match frame::decode_from_hub(body) {
        Ok(FromHub::Frame(frame)) => again::<HubFrame>(&frame),
        Ok(FromHub::UnknownReply { .. } | FromHub::Unknown) => {}
        Err(error) => check_words(&error.to_string()),
    }
}

fn greeting(body: &[u8]) {
    match frame::decode_greeting(body) {
        Ok(Greeting::Hello(hello)) => again::<Hello>(&hello),
        Ok(Greeting::Refused(_)) => {}
        Err(error) => check_words(&error.to_string()),
    }
}

/// Frames one after another, as a connection reads them: every whole frame comes out as it went in, and what follows a
/// body that makes no sense is still read.
fn stream(bytes: &[u8]) {
    let mut reader = bytes;
    let mut at = 0;
    loop {
        let length =
            bytes.get(at..at + 4).map(|length| u32::from_be_bytes([length[0], length[1], length[2], length[3]]));
        match (frame::read_blocking(&mut reader), length) {
            (Ok(Some(body)), Some(length)) => {
                assert_eq!(body.len(), length as usize);
                assert_eq!(body, bytes[at + 4..at + 4 + body.len()]);
                assert!(body.capacity() <= 2 * bytes.len() + 64, "memory follows what came, not what was claimed");
                at += 4 + body.len();
                hub(&body);
            }
            (Ok(None), None) => return assert_eq!(at, bytes.len()),
            (Err(FrameError::TooLong { bytes: claimed }), Some(length)) => {
                return assert!(claimed == length as usize && claimed > FRAME_BYTES);
            }
            (Err(FrameError::Truncated), _) => return assert!(at < bytes.len()),
            (other, length) => panic!("{other:?} where the length is {length:?}"),
        }
    }
}

fn json<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    match serde_json::from_slice::<T>(bytes) {
        Ok(value) => {
            let text = serde_json::to_string(&value).expect("what was read can be written");
            assert_eq!(serde_json::from_str::<T>(&text).expect("our own JSON"), value);
        }
        Err(error) => check_words(&error.to_string()),
    }
}
