//! Damaged spools: what was not damaged comes back, in order, and what is gone is told with its count.
//!
//! An input chooses how many facts a spool holds and what happens to its bytes. The spool is made here, by hand from
//! the format's description. Promises: every record whose bytes are as they were is read, whatever happened to the
//! others; nothing is read that was never written; gaps count exactly what is missing between what was read; a spool
//! with damage in its middle is kept for a person to look at.

use std::sync::OnceLock;

use codi2_ipc::spool::{self, DeadSpool};
use codi2_ipc::{Places, frame};
use codi2_protocol::{Fact, GapReason, Numbered, ProducerId};

use crate::Choices;
use crate::corpus::golden_as;

const MAGIC: &[u8; 8] = b"codi2sp1";

/// A record in the file: where it lies, and what it says.
struct Record {
    range: std::ops::Range<usize>,
    fact: Numbered,
}

pub(crate) fn run(input: &[u8]) {
    let mut choices = Choices(input);
    let (mut bytes, records) = written(&mut choices);
    let clean = bytes.clone();
    // Where each byte of the file stood before the damage, so that what is whole can be told.
    let mut origin: Vec<Option<usize>> = (0..bytes.len()).map(Some).collect();
    while !choices.is_empty() {
        damage(&mut choices, &mut bytes, &mut origin);
    }
    let whole = |record: &Record| {
        let start = origin.iter().position(|at| *at == Some(record.range.start))?;
        let run = origin.get(start..start + record.range.len())?;
        let same = run.iter().zip(record.range.clone()).all(|(at, was)| *at == Some(was));
        let equal = bytes.get(start..start + record.range.len()) == Some(&clean[record.range.clone()]);
        (same && equal).then_some(record.fact.seq)
    };
    let magic = bytes.get(..MAGIC.len()) == Some(MAGIC);
    let kept: Vec<u64> = if magic { records.iter().filter_map(whole).collect() } else { Vec::new() };
    check(&bytes, &records, &kept, bytes == clean);
}

/// A spool of up to eight facts.
fn written(choices: &mut Choices<'_>) -> (Vec<u8>, Vec<Record>) {
    static SAMPLES: OnceLock<Vec<Fact>> = OnceLock::new();
    let samples = SAMPLES.get_or_init(|| {
        // A gap among the facts moves the numbers; the tests of ipc have those.
        let all = golden_as::<Fact>("fact-").into_iter();
        all.filter(|fact| !matches!(fact, Fact::Gap(_))).collect()
    });
    let mut bytes = MAGIC.to_vec();
    let mut records = Vec::new();
    for seq in 1..=u64::from(choices.byte() % 8 + 1) {
        let fact = samples[usize::from(choices.byte()) % samples.len()].clone();
        let fact = Numbered { seq, occurred_ms: seq, session: None, fact };
        let frame = frame::encode(&fact).expect("a sample fits a frame");
        let body = &frame[4..];
        let start = bytes.len();
        bytes.extend(u32::try_from(body.len()).expect("it fits").to_le_bytes());
        bytes.extend(crc32c::crc32c(body).to_le_bytes());
        bytes.extend(body);
        records.push(Record { range: start..bytes.len(), fact });
    }
    (bytes, records)
}

fn damage(choices: &mut Choices<'_>, bytes: &mut Vec<u8>, origin: &mut Vec<Option<usize>>) {
    let kind = choices.byte();
    let at = choices.below(bytes.len() + 1);
    let end = (at + choices.below(64)).min(bytes.len());
    match kind % 5 {
        0 if at < bytes.len() => {
            bytes[at] ^= choices.byte();
        }
        1 => {
            bytes.truncate(at);
            origin.truncate(at);
        }
        2 => {
            bytes.drain(at..end);
            origin.drain(at..end);
        }
        3 => {
            let count = end - at;
            bytes.splice(at..at, std::iter::repeat_n(choices.byte(), count));
            origin.splice(at..at, std::iter::repeat_n(None, count));
        }
        _ => bytes[at..end].fill(choices.byte()),
    }
}

fn check(bytes: &[u8], records: &[Record], kept: &[u64], clean: bool) {
    let producer = ProducerId::from_uuid("0199aaaa-0000-7000-8000-000000000001".parse().expect("a UUID"));
    let (_folder, places) = places();
    let path = spool::path(&places, producer);
    std::fs::write(&path, bytes).expect("a file to write");
    let mut dead: Vec<DeadSpool> = spool::drain(&places, |_| false).expect("a folder to read").collect();
    let mut dead = dead.pop().expect("the spool that was just written");
    let mut read = Vec::new();
    loop {
        let batch = dead.next_batch().expect("the file can be read");
        if batch.is_empty() {
            break;
        }
        read.extend(batch);
    }
    let mut told = Vec::new();
    let mut next = None;
    for fact in &read {
        let first = match &fact.fact {
            Fact::Gap(gap) => {
                assert_eq!(gap.reason, GapReason::SpoolDamaged);
                assert_eq!((gap.last_seq, gap.facts), (fact.seq, gap.last_seq - gap.first_seq + 1), "an exact count");
                gap.first_seq
            }
            _ => {
                let written = &records.iter().find(|record| record.fact.seq == fact.seq).expect("it was written").fact;
                assert_eq!(fact, written, "read as it was written");
                told.push(fact.seq);
                fact.seq
            }
        };
        assert!(next.is_none_or(|next| next == first), "numbers without gaps: {first} where {next:?} was due");
        next = Some(fact.seq + 1);
    }
    for seq in kept {
        assert!(told.contains(seq), "record {seq} is whole and was not read: {told:?}");
    }
    if clean {
        assert_eq!(told.len(), records.len());
        assert_eq!(dead.damage(), spool::Damage::default());
    }
    let serious = dead.damage().is_serious();
    let put_away = dead.remove().expect("the file can be put away");
    assert_eq!(put_away.is_some(), serious, "what could not be read is kept beside");
}

/// Fresh folders, in memory where there is such a place.
fn places() -> (tempfile::TempDir, Places) {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
    let places = Places::at(folder.path().join("state"), folder.path().join("run"));
    places.prepare().expect("fresh folders");
    (folder, places)
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![], vec![7, 0, 1, 2, 3, 4, 5, 6, 0]];
    // One damage of each kind, in the middle of each of a few records.
    for kind in 0..5 {
        for at in [4, 8, 12, 90, 400] {
            seeds.push([&[7, 0, 1, 2, 3, 4, 5, 6, 0][..], &[kind, (at >> 8) as u8, at as u8, 0, 9, 0x55]].concat());
        }
    }
    seeds
}
