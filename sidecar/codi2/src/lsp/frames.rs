//! The sieve before the framework: only frames that it can read reach it.
//!
//! The framework's reading loop ends for good at the first frame it cannot decode (its codec's stream stops after an
//! error), so one broken frame would silence a whole window. The sieve reads frames itself, tries each body as what
//! the framework will make of it, and passes it on with a plain header. A body that is broken becomes the
//! notification [`MALFORMED`], which the ingress answers and counts; garbage between frames is skipped up to the next
//! header. Absent on purpose: any knowledge of methods.

use std::borrow::Cow;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tower_lsp::jsonrpc::{Request, Response};

/// Method that stands in for a frame that could not be read.
pub const MALFORMED: &str = "$/codi2/malformed";
/// Longest body accepted, in bytes; a longer one is skipped as malformed.
pub const BODY_BYTES: usize = 256 << 20;
/// Longest header accepted, in bytes.
const HEADER_BYTES: usize = 8 << 10;
/// Room kept for what is read and not yet passed on, in bytes; a longer frame's is given back after it.
const ROOM_BYTES: usize = 256 << 10;

/// Copies frames from `input` to `output` until the input ends or the output is closed.
///
/// # Errors
/// Reading failed; the end of the input is not an error.
pub async fn sieve<R, W>(mut input: R, mut output: W) -> std::io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut sieve = Sieve::default();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let read = input.read(&mut chunk).await?;
        if read == 0 {
            break;
        }
        sieve.feed(&chunk[..read]);
        while let Some(body) = sieve.next_body() {
            let header = format!("Content-Length: {}\r\n\r\n", body.len());
            if output.write_all(header.as_bytes()).await.is_err() || output.write_all(body.as_bytes()).await.is_err() {
                return Ok(());
            }
        }
        if output.flush().await.is_err() {
            return Ok(());
        }
    }
    let _ = output.shutdown().await;
    Ok(())
}

/// Bytes read and not yet passed on: those of `bytes` from `start`.
#[derive(Default)]
pub struct Sieve {
    bytes: Vec<u8>,
    start: usize,
    /// Length of the body that comes next, once its header is read.
    body: Option<usize>,
    /// Bytes of an over-long body still to be skipped.
    skip: usize,
}

impl Sieve {
    /// Takes what was read.
    pub fn feed(&mut self, bytes: &[u8]) {
        // Moved together once for each read, not for each frame.
        self.bytes.drain(..std::mem::take(&mut self.start));
        if self.bytes.is_empty() && self.bytes.capacity() > ROOM_BYTES {
            self.bytes = Vec::new();
        }
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.bytes.extend_from_slice(&bytes[skipped..]);
    }

    /// The next body to pass on, or `None` until more is read.
    pub fn next_body(&mut self) -> Option<Cow<'_, str>> {
        loop {
            if let Some(length) = self.body {
                if length > BODY_BYTES {
                    self.body = None;
                    let here = length.min(self.rest().len());
                    self.start += here;
                    self.skip = length - here;
                    return Some(malformed("the frame is too long").into());
                }
                if self.rest().len() < length {
                    return None;
                }
                let start = self.start;
                self.start += length;
                self.body = None;
                if length == 0 {
                    continue;
                }
                return Some(readable(&self.bytes[start..self.start]));
            }
            match header(self.rest()) {
                Header::Complete { length, end } => {
                    self.start += end;
                    self.body = Some(length);
                }
                Header::Partial => return None,
                Header::Broken => {
                    self.start += next_header(self.rest());
                    return Some(malformed("bytes outside any frame").into());
                }
            }
        }
    }

    /// What waits for the rest of its frame.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

enum Header {
    Complete { length: usize, end: usize },
    Partial,
    Broken,
}

fn header(bytes: &[u8]) -> Header {
    let window = &bytes[..bytes.len().min(HEADER_BYTES)];
    let Some(end) = window.windows(4).position(|four| four == b"\r\n\r\n") else {
        let begins = bytes.len() < NAME.len() || begins_header(bytes);
        return if window.len() < HEADER_BYTES && begins { Header::Partial } else { Header::Broken };
    };
    let mut length = None;
    for line in window[..end].split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Header::Broken };
        if line[..colon].eq_ignore_ascii_case(NAME) {
            length = std::str::from_utf8(&line[colon + 1..]).ok().and_then(|value| value.trim().parse().ok());
        }
    }
    length.map_or(Header::Broken, |length| Header::Complete { length, end: end + 4 })
}

const NAME: &[u8] = b"content-length";

/// Whether a header may begin here: with a letter, as `Content-Length` and `Content-Type` do.
fn begins_header(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && bytes[..8].eq_ignore_ascii_case(b"content-")
}

/// Where the next header may begin, leaving out the first byte.
fn next_header(bytes: &[u8]) -> usize {
    let found = (1..bytes.len()).find(|at| {
        let rest = &bytes[*at..];
        let known = rest.len().min(NAME.len());
        rest[..known].eq_ignore_ascii_case(&NAME[..known])
    });
    found.unwrap_or(bytes.len())
}

/// The body if the framework can read it, else what stands in for it.
fn readable(body: &[u8]) -> Cow<'_, str> {
    let Ok(text) = std::str::from_utf8(body) else { return malformed("the body is not UTF-8").into() };
    let error = match check(text) {
        Ok(()) => return text.into(),
        Err(error) => error,
    };
    // Editors written in JavaScript send half of a surrogate pair as an escape, which no Rust string can hold.
    let mended = mend_surrogates(text);
    if matches!(mended, Cow::Owned(_)) && check(&mended).is_ok() {
        return mended;
    }
    malformed(&error.to_string()).into()
}

fn check(text: &str) -> Result<(), serde_json::Error> {
    match serde_json::from_str::<Request>(text) {
        Ok(_) => Ok(()),
        Err(error) => serde_json::from_str::<Response>(text).map(|_| ()).map_err(|_| error),
    }
}

fn malformed(reason: &str) -> String {
    serde_json::json!({"jsonrpc": "2.0", "method": MALFORMED, "params": {"reason": reason}}).to_string()
}

/// Replaces escapes of unpaired surrogates by U+FFFD: one UTF-16 unit by another, so positions stay right.
fn mend_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let unit = |at: usize| -> Option<u32> {
        let escape = bytes.get(at..at + 6)?;
        if &escape[..2] != b"\\u" {
            return None;
        }
        u32::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
    };
    let mut mended = String::new();
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let high = matches!(unit(at), Some(0xD800..=0xDBFF));
        let low = matches!(unit(at), Some(0xDC00..=0xDFFF));
        if high && matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) {
            at += 12;
        } else if high || low {
            mended.push_str(&text[copied..at]);
            mended.push_str("\\ufffd");
            at += 6;
            copied = at;
        } else {
            at += 2;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(&text[copied..]);
    Cow::Owned(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"jsonrpc":"2.0","method":"exit"}"#;

    fn frame(body: &str) -> Vec<u8> {
        format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    /// What the sieve passes on, read in pieces of every size up to the whole.
    fn check_sieve(input: &[u8], expected: &[&str]) {
        for piece in [1, 3, 7, input.len().max(1)] {
            let mut sieve = Sieve::default();
            let mut bodies = Vec::new();
            for bytes in input.chunks(piece) {
                sieve.feed(bytes);
                while let Some(body) = sieve.next_body() {
                    let broken = body.contains(MALFORMED);
                    if !(broken && bodies.last().is_some_and(|last| last == "broken")) {
                        bodies.push(if broken { "broken".to_owned() } else { body.into_owned() });
                    }
                }
            }
            assert_eq!(bodies, expected, "in pieces of {piece} bytes: {:?}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn good_frames_pass_and_broken_ones_are_named() {
        check_sieve(&frame(GOOD), &[GOOD]);
        check_sieve(&[frame(GOOD), frame(GOOD)].concat(), &[GOOD, GOOD]);
        check_sieve(&[frame("{\"jsonrpc\":"), frame(GOOD)].concat(), &["broken", GOOD]);
        check_sieve(&[frame("[1,2]"), frame(GOOD)].concat(), &["broken", GOOD]);
        check_sieve(&[frame(r#"{"jsonrpc":"1.0","method":"exit"}"#), frame(GOOD)].concat(), &["broken", GOOD]);
        check_sieve(&[frame(r#"{"jsonrpc":"2.0","method":"x","id":[1]}"#), frame(GOOD)].concat(), &["broken", GOOD]);
        check_sieve(&[b"garbage without any header ".to_vec(), frame(GOOD)].concat(), &["broken", GOOD]);
        check_sieve(&[b"Content-Length: many\r\n\r\n".to_vec(), frame(GOOD)].concat(), &["broken", GOOD]);
        check_sieve(&[b"Content-Type: x\r\n\r\n".to_vec(), frame(GOOD)].concat(), &["broken", GOOD]);
        check_sieve(&[frame(""), frame(GOOD)].concat(), &[GOOD]);
        let typed = format!("content-type: x\r\nA: b\r\nC: d\r\ncontent-LENGTH:{}\r\n\r\n{GOOD}", GOOD.len());
        check_sieve(typed.as_bytes(), &[GOOD]);
        let not_utf8 = [b"Content-Length: 2\r\n\r\n\xff\xfe".to_vec(), frame(GOOD)].concat();
        check_sieve(&not_utf8, &["broken", GOOD]);
        let deep = format!(r#"{{"jsonrpc":"2.0","method":"x","params":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
        check_sieve(&[frame(&deep), frame(GOOD)].concat(), &["broken", GOOD]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived_and_what_follows_them_is_read(junk in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), piece in 1usize..400) {
            // Only a header inside the junk could claim what follows as its body.
            let claims = junk.windows(NAME.len()).any(|window| window.eq_ignore_ascii_case(NAME));
            let input = [junk, b"\n".to_vec(), frame(GOOD), frame(GOOD)].concat();
            let mut sieve = Sieve::default();
            let mut bodies = Vec::new();
            for bytes in input.chunks(piece) {
                sieve.feed(bytes);
                while let Some(body) = sieve.next_body() {
                    bodies.push(body.into_owned());
                }
            }
            let good = bodies.iter().filter(|body| *body == GOOD).count();
            proptest::prop_assert!(claims || good == 2, "{bodies:?}");
        }
    }

    #[test]
    fn a_frame_longer_than_the_cap_is_skipped() {
        let mut sieve = Sieve::default();
        sieve.feed(format!("Content-Length: {}\r\n\r\nabc", BODY_BYTES + 1).as_bytes());
        assert!(sieve.next_body().is_some_and(|body| body.contains(MALFORMED)));
        let mut left = BODY_BYTES + 1 - 3;
        let chunk = vec![b'x'; 1 << 20];
        while left > 0 {
            let now = left.min(chunk.len());
            sieve.feed(&chunk[..now]);
            left -= now;
        }
        assert!(sieve.rest().is_empty(), "the long body is not kept");
        sieve.feed(&frame(GOOD));
        assert_eq!(sieve.next_body().as_deref(), Some(GOOD));
    }

    #[test]
    fn the_room_of_a_long_frame_is_given_back() {
        let long = format!(r#"{{"jsonrpc":"2.0","method":"{}"}}"#, "x".repeat(4 * ROOM_BYTES));
        let mut sieve = Sieve::default();
        sieve.feed(&frame(&long));
        assert_eq!(sieve.next_body().as_deref(), Some(long.as_str()));
        sieve.feed(&frame(GOOD));
        assert_eq!(sieve.next_body().as_deref(), Some(GOOD));
        assert!(sieve.bytes.capacity() <= ROOM_BYTES);
    }

    #[test]
    fn half_of_a_surrogate_pair_becomes_the_replacement_character() {
        let with = |text: &str| format!(r#"{{"jsonrpc":"2.0","method":"x","params":{{"t":"{text}"}}}}"#);
        check_sieve(&frame(&with(r"a\ud800b")), &[&with(r"a\ufffdb")]);
        check_sieve(&frame(&with(r"\udc00")), &[&with(r"\ufffd")]);
        check_sieve(&frame(&with(r"\ud83d\ude00 \\ud800")), &[&with(r"\ud83d\ude00 \\ud800")]);
        check_sieve(&frame(&with(r"\ud83d\ude00\ud83d")), &[&with(r"\ud83d\ude00\ufffd")]);
    }
}
