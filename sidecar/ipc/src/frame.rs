//! Frames: a big-endian `u32` length, then that many bytes of MessagePack with named fields.
//!
//! Fate of what can't be read: a frame that is too long, cut or garbage ends the connection ([`FrameError`]); a frame
//! of a newer peer (an unknown method, notice or reply) ends nothing: a second, loose look finds its number and name.
//! Absent on purpose: sockets. Everything here works on readers and bytes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use codi2_protocol::limits::{FRAME_BYTES, READ_MS};
use codi2_protocol::{ClientFrame, Hello, HubError, HubFrame, Numbered};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Nesting of a frame's values, at most. Deeper ones are garbage. Twice [`codi2_protocol::limits::JSON_DEPTH`]: an
/// enum costs a level more here than in JSON.
pub const DEPTH: usize = 2 * codi2_protocol::limits::JSON_DEPTH;

/// A frame that can't be read or written. The connection is lost, except for [`FrameError::TooLong`] on the way out.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`FRAME_BYTES`].
    #[error("a frame of {bytes} bytes is over the limit of {FRAME_BYTES}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It began and did not come to its end in [`READ_MS`].
    #[error("a frame was not whole {} s after its first byte: send it in one go", READ_MS / 1_000)]
    Slow,
    /// The stream ended inside a frame.
    #[error("the connection ended inside a frame")]
    Truncated,
    /// Not MessagePack of the expected form.
    #[error("a frame makes no sense: {0}")]
    Garbage(String),
    /// A value that can't be written as MessagePack.
    #[error("a value can't be written: {0}")]
    Encode(String),
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a hub reads from a client.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// A call this program knows.
    Call(ClientFrame),
    /// A method of a newer client: answer [`codi2_protocol::ErrorCode::UnknownMethod`] if there is a number.
    Unknown {
        /// The call's number.
        id: Option<u64>,
        /// The method's name.
        method: String,
    },
    /// A known method with parameters that make no sense: answer [`codi2_protocol::ErrorCode::BadRequest`].
    Bad {
        /// The call's number.
        id: Option<u64>,
        /// Why, in words.
        message: String,
    },
}

/// What a client reads from a hub.
#[derive(Debug, Clone, PartialEq)]
pub enum FromHub {
    /// A frame this program knows.
    Frame(HubFrame),
    /// A reply of a newer hub, to the call of this number.
    UnknownReply {
        /// The call's number.
        id: u64,
    },
    /// A notice, or a whole kind of frame, of a newer hub: skipped.
    Unknown,
}

/// What a hub sends first: its greeting, or why it refuses.
#[derive(Debug, Clone, PartialEq)]
pub enum Greeting {
    /// Welcome.
    Hello(Hello),
    /// The connection is refused.
    Refused(HubError),
}

/// A value as one frame, its length in front.
///
/// # Errors
/// [`FrameError::TooLong`] and [`FrameError::Encode`].
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; 4];
    value
        .serialize(&mut rmp_serde::Serializer::new(&mut frame).with_struct_map())
        .map_err(|error| FrameError::Encode(error.to_string()))?;
    let bytes = frame.len() - 4;
    match u32::try_from(bytes) {
        Ok(length) if bytes <= FRAME_BYTES => frame[..4].copy_from_slice(&length.to_be_bytes()),
        _ => return Err(FrameError::TooLong { bytes }),
    }
    Ok(frame)
}

/// A [`codi2_protocol::Call::Report`] without an id as one frame, through references, so that no fact is copied.
///
/// # Errors
/// As [`encode`].
pub(crate) fn report(facts: &[Arc<Numbered>]) -> Result<Vec<u8>, FrameError> {
    #[derive(Serialize)]
    struct Report<'a> {
        call: Method<'a>,
    }
    #[derive(Serialize)]
    #[serde(tag = "method", content = "params", rename_all = "camelCase")]
    enum Method<'a> {
        Report { facts: Vec<&'a Numbered> },
    }
    let facts = facts.iter().map(AsRef::as_ref).collect();
    encode(&Report { call: Method::Report { facts } })
}

/// A frame's body (without its length) as a value; the body must be used up.
///
/// # Errors
/// [`FrameError::Garbage`].
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    let mut rest = body;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    deserializer.set_max_depth(DEPTH);
    let value = T::deserialize(&mut deserializer).map_err(|error| FrameError::Garbage(error.to_string()))?;
    drop(deserializer);
    if rest.is_empty() { Ok(value) } else { Err(FrameError::Garbage(format!("{} bytes are left over", rest.len()))) }
}

/// A client's frame, with a second look where this program does not know it.
///
/// # Errors
/// [`FrameError::Garbage`] if not even a method's name can be found.
pub fn decode_incoming(body: &[u8]) -> Result<Incoming, FrameError> {
    #[derive(Deserialize)]
    struct Loose {
        #[serde(default)]
        id: Option<u64>,
        call: LooseCall,
    }
    #[derive(Deserialize)]
    struct LooseCall {
        method: String,
    }
    let message = match decode::<ClientFrame>(body) {
        Ok(frame) => return Ok(Incoming::Call(frame)),
        Err(FrameError::Garbage(message)) => message,
        Err(error) => return Err(error),
    };
    let Ok(Loose { id, call: LooseCall { method } }) = decode::<Loose>(body) else {
        return Err(FrameError::Garbage(message));
    };
    // serde names the variant it does not know; any other complaint is about a known method's parameters.
    if message.contains(&format!("unknown variant `{method}`")) {
        Ok(Incoming::Unknown { id, method: method.chars().take(80).collect() })
    } else {
        Ok(Incoming::Bad { id, message })
    }
}

/// A hub's frame, with a second look where this program does not know it.
///
/// # Errors
/// [`FrameError::Garbage`] if it is not even a map.
pub fn decode_from_hub(body: &[u8]) -> Result<FromHub, FrameError> {
    #[derive(Deserialize)]
    struct Loose {
        #[serde(default)]
        reply: Option<LooseReply>,
        #[serde(default)]
        error: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct LooseReply {
        id: u64,
    }
    let garbage = match decode::<HubFrame>(body) {
        Ok(frame) => return Ok(FromHub::Frame(frame)),
        Err(garbage) => garbage,
    };
    match decode::<Loose>(body) {
        Ok(Loose { reply: Some(LooseReply { id }), .. }) => Ok(FromHub::UnknownReply { id }),
        Ok(Loose { error: None, .. }) => Ok(FromHub::Unknown),
        _ => Err(garbage),
    }
}

/// The first frame from a hub.
///
/// # Errors
/// [`FrameError::Garbage`] if it is neither a greeting nor a refusal.
pub fn decode_greeting(body: &[u8]) -> Result<Greeting, FrameError> {
    match decode::<Hello>(body) {
        Ok(hello) => Ok(Greeting::Hello(hello)),
        Err(garbage) => match decode::<HubFrame>(body) {
            Ok(HubFrame::Error { id: None, error }) => Ok(Greeting::Refused(error)),
            _ => Err(garbage),
        },
    }
}

/// As [`read`], for a hub: a frame may be waited for without end, but once it has begun it must be whole in [`READ_MS`],
/// so that nobody holds memory and a seat with half of one.
///
/// # Errors
/// [`FrameError::Slow`] too.
pub async fn read_whole(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Vec<u8>>, FrameError> {
    let mut length = [0; 4];
    let have = stream.read(&mut length).await?;
    if have == 0 {
        return Ok(None);
    }
    let rest = read_rest(stream, length, have);
    tokio::time::timeout(Duration::from_millis(READ_MS), rest).await.map_err(|_| FrameError::Slow)?.map(Some)
}

/// Reads one frame's body; `None` where the stream ends between frames. Not safe to cancel: call it from one task.
///
/// # Errors
/// [`FrameError::TooLong`], [`FrameError::Truncated`], [`FrameError::Io`].
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Vec<u8>>, FrameError> {
    let mut length = [0; 4];
    match stream.read(&mut length).await? {
        0 => Ok(None),
        have => read_rest(stream, length, have).await.map(Some),
    }
}

/// The body of a frame of whose length `have` bytes are read.
async fn read_rest(
    stream: &mut (impl AsyncRead + Unpin),
    mut length: [u8; 4],
    mut have: usize,
) -> Result<Vec<u8>, FrameError> {
    while have < length.len() {
        match stream.read(&mut length[have..]).await? {
            0 => return Err(FrameError::Truncated),
            read => have += read,
        }
    }
    let mut body = Vec::new();
    let length = checked_length(length)?;
    // `take` grows the buffer with what arrives: a length alone reserves no memory.
    stream.take(length as u64).read_to_end(&mut body).await?;
    if body.len() == length { Ok(body) } else { Err(FrameError::Truncated) }
}

/// As [`read`], without a runtime.
///
/// # Errors
/// As [`read`].
pub fn read_blocking(stream: &mut impl io::Read) -> Result<Option<Vec<u8>>, FrameError> {
    use io::Read;
    let mut length = [0; 4];
    let mut have = 0;
    while have < length.len() {
        match stream.read(&mut length[have..]) {
            Ok(0) if have == 0 => return Ok(None),
            Ok(0) => return Err(FrameError::Truncated),
            Ok(read) => have += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let length = checked_length(length)?;
    let mut body = Vec::new();
    stream.take(length as u64).read_to_end(&mut body)?;
    if body.len() == length { Ok(Some(body)) } else { Err(FrameError::Truncated) }
}

fn checked_length(length: [u8; 4]) -> Result<usize, FrameError> {
    let bytes = u32::from_be_bytes(length) as usize;
    if bytes <= FRAME_BYTES { Ok(bytes) } else { Err(FrameError::TooLong { bytes }) }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
