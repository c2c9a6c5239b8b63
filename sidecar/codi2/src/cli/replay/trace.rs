//! A recorded editing history: the sequential format of josephg/editing-traces, plain or compressed with gzip.
//!
//! Source: `sequential_traces/README.md` there. Positions and lengths are Unicode characters. Absent on purpose: times
//! (many histories have none, or to the second only), and concurrent histories, which are to be made flat first.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cli::failure::{Code, Failure};

/// Longest history read, in bytes after decompression.
const TRACE_BYTES: u64 = 1 << 30;

/// What was done to one text, from an empty or given beginning to its end.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Trace {
    /// The text at the beginning.
    #[serde(rename = "startContent")]
    pub start: String,
    /// The text at the end.
    #[serde(rename = "endContent")]
    pub end: String,
    /// What was done, each in one go.
    #[serde(rename = "txns")]
    pub transactions: Vec<Transaction>,
}

/// Patches made in one go: one key with several cursors, a refactoring.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Transaction {
    /// Each applies to the result of the one before.
    pub patches: Vec<Patch>,
}

/// At `at`, `deleted` characters gave way to `inserted`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Patch {
    /// Characters before it.
    pub at: usize,
    /// Characters removed.
    pub deleted: usize,
    /// Text put in.
    pub inserted: String,
}

impl Trace {
    /// Reads a history.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
        let bytes = bytes.code(Failure::NotFound)?;
        Self::parse(&bytes).with_context(|| format!("{} is no editing history", path.display())).code(Failure::Usage)
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let mut text = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let unpacked = flate2::read::MultiGzDecoder::new(bytes).take(TRACE_BYTES + 1).read_to_end(&mut text);
            unpacked.context("it cannot be decompressed")?;
        } else {
            text.extend_from_slice(bytes);
        }
        if text.len() as u64 > TRACE_BYTES {
            bail!("it is longer than {} MiB", TRACE_BYTES >> 20);
        }
        serde_json::from_slice(&text).context(
            "a sequential history of josephg/editing-traces is expected (startContent, endContent, txns with patches); \
             a concurrent one must be made flat first",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const SMALL: &str = r#"{"startContent": "a", "endContent": "bé", "kind": "x", "txns": [
        {"time": "1970-01-01T00:00:00Z", "patches": [[1, 0, "é"], [0, 1, "b"]]}]}"#;

    #[test]
    fn plain_and_compressed_are_one() {
        let trace = Trace::parse(SMALL.as_bytes()).unwrap();
        assert_eq!((trace.start.as_str(), trace.end.as_str()), ("a", "bé"));
        assert_eq!(trace.transactions[0].patches[1], Patch { at: 0, deleted: 1, inserted: "b".to_owned() });
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(SMALL.as_bytes()).unwrap();
        assert_eq!(Trace::parse(&packed.finish().unwrap()).unwrap(), trace);
    }

    #[test]
    fn what_is_no_history_is_named() {
        for (bytes, expected) in [
            (&b"{}"[..], "startContent"),
            (b"", "a sequential history"),
            (br#"{"kind": "concurrent", "endContent": "", "numAgents": 2, "txns": []}"#, "made flat first"),
            (br#"{"startContent": "", "endContent": "", "txns": [{"patches": [[-1, 0, ""]]}]}"#, "invalid value"),
            (b"\x1f\x8bnothing", "cannot be decompressed"),
        ] {
            let error = format!("{:#}", Trace::parse(bytes).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }
}
