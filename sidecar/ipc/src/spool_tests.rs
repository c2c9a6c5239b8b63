//! Tests of spools: what is appended comes back, torn tails and damage are told.

use proptest::prelude::*;

use super::*;

fn places() -> (tempfile::TempDir, Places) {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::at(folder.path().join("state"), folder.path().join("run"));
    places.prepare().unwrap();
    (folder, places)
}

fn facts(seqs: std::ops::RangeInclusive<u64>) -> Vec<Arc<Numbered>> {
    let fact = |seq: u64| Numbered {
        seq,
        occurred_ms: seq,
        session: None,
        fact: Fact::SessionEnded { reason: "x".repeat(seq as usize % 40) },
    };
    seqs.map(|seq| Arc::new(fact(seq))).collect()
}

fn plain(facts: Vec<Arc<Numbered>>) -> Vec<Numbered> {
    facts.into_iter().map(Arc::unwrap_or_clone).collect()
}

fn read_all(spool: &mut DeadSpool) -> Vec<Numbered> {
    let mut all = Vec::new();
    loop {
        let batch = spool.next_batch().unwrap();
        if batch.is_empty() {
            return all;
        }
        assert!(batch.len() <= BATCH_FACTS + 1);
        all.extend(batch);
    }
}

fn one(places: &Places) -> DeadSpool {
    let mut spools: Vec<_> = drain(places, |_| false).unwrap().collect();
    assert_eq!(spools.len(), 1);
    spools.remove(0)
}

#[test]
fn the_living_keep_their_spool_and_the_dead_give_it_up() {
    let (_folder, places) = places();
    let producer = ProducerId::new();
    let mut spool = SpoolFile::new(&places, producer);
    spool.append(&facts(1..=3)).unwrap();
    spool.append(&facts(4..=2_500)).unwrap();
    assert_eq!(drain(&places, |_| false).unwrap().count(), 0, "its lock is held");
    drop(spool);
    assert_eq!(drain(&places, |id| id == producer).unwrap().count(), 0, "it is connected");
    let mut dead = one(&places);
    assert_eq!(dead.producer(), producer);
    assert_eq!(read_all(&mut dead), plain(facts(1..=2_500)));
    assert_eq!(dead.damage(), Damage::default());
    assert_eq!(drain(&places, |_| false).unwrap().count(), 0, "another drain leaves it alone");
    drop(dead);
    // Not removed: it was not durable, and comes again.
    let mut dead = one(&places);
    assert_eq!(read_all(&mut dead).len(), 2_500);
    assert_eq!(dead.remove().unwrap(), None);
    assert_eq!(waiting(&places).unwrap(), []);
}

#[test]
fn rewriting_replaces_and_clearing_removes() {
    let (_folder, places) = places();
    let mut spool = SpoolFile::new(&places, ProducerId::new());
    spool.append(&facts(1..=100)).unwrap();
    let long = spool.bytes();
    spool.rewrite(&facts(90..=100)).unwrap();
    assert!(spool.bytes() < long);
    spool.append(&facts(101..=102)).unwrap();
    spool.sync().unwrap();
    assert_eq!(waiting(&places).unwrap(), [(spool.path.clone(), spool.bytes())]);
    assert_eq!(drain(&places, |_| false).unwrap().count(), 0, "the new file is locked too");
    spool.clear().unwrap();
    assert_eq!(waiting(&places).unwrap(), []);
    spool.append(&facts(103..=103)).unwrap();
    drop(spool);
    assert_eq!(read_all(&mut one(&places)), plain(facts(103..=103)));
}

#[test]
fn a_spool_deleted_under_a_producer_is_noticed() {
    let (_folder, places) = places();
    let mut spool = SpoolFile::new(&places, ProducerId::new());
    spool.append(&facts(1..=1)).unwrap();
    std::fs::remove_file(&spool.path).unwrap();
    assert!(spool.append(&facts(2..=2)).is_err());
    spool.rewrite(&facts(1..=2)).unwrap();
    drop(spool);
    assert_eq!(read_all(&mut one(&places)), plain(facts(1..=2)));
}

#[test]
fn a_half_written_rewrite_is_dropped_and_the_former_file_read() {
    let (_folder, places) = places();
    let producer = ProducerId::new();
    let mut spool = SpoolFile::new(&places, producer);
    spool.append(&facts(1..=2)).unwrap();
    drop(spool);
    std::fs::write(path(&places, producer).with_extension(FRESH), b"codi2s").unwrap();
    assert_eq!(read_all(&mut one(&places)), plain(facts(1..=2)));
    assert_eq!(waiting(&places).unwrap().len(), 1);
}

#[test]
fn what_is_no_spool_is_left_alone() {
    let (_folder, places) = places();
    for name in ["notes.txt", "x.spool", "hooks.spool"] {
        std::fs::write(places.spool().join(name), "codi2").unwrap();
    }
    assert_eq!(drain(&places, |_| false).unwrap().count(), 0);
    assert_eq!(waiting(&places).unwrap().len(), 3);
}

/// Where each record of a spool of `facts` begins and ends.
fn layout(facts: &[Arc<Numbered>]) -> Vec<std::ops::Range<usize>> {
    let mut at = MAGIC.len();
    let mut layout = Vec::new();
    for fact in facts {
        let length = encode(std::slice::from_ref(fact)).unwrap().len();
        layout.push(at..at + length);
        at += length;
    }
    layout
}

#[test]
fn a_damaged_record_between_others_becomes_a_gap_with_its_count() {
    let (_folder, places) = places();
    let producer = ProducerId::new();
    let written = facts(5..=10);
    SpoolFile::new(&places, producer).append(&written).unwrap();
    let layout = layout(&written);
    let path = path(&places, producer);
    let mut bytes = std::fs::read(&path).unwrap();
    for record in &layout[2..=3] {
        bytes[record.end - 1] ^= 1;
    }
    std::fs::write(&path, &bytes).unwrap();
    let mut dead = one(&places);
    let read = read_all(&mut dead);
    let lost = (layout[2].len() + layout[3].len()) as u64;
    let gap = Gap { first_seq: 7, last_seq: 8, facts: 2, bytes: lost, reason: GapReason::SpoolDamaged };
    let mut expected = plain(written);
    expected.splice(2..4, [Numbered { seq: 8, occurred_ms: 9, session: None, fact: Fact::Gap(gap) }]);
    assert_eq!(read, expected);
    let kept = dead.remove().unwrap().expect("the bytes are kept");
    assert_eq!(std::fs::read(kept).unwrap(), bytes);
    assert_eq!(drain(&places, |_| false).unwrap().count(), 0);
}

proptest! {
    #[test]
    fn a_torn_tail_costs_only_the_record_it_cuts(count in 1u64..20, cut in any::<prop::sample::Index>()) {
        let (_folder, places) = places();
        let producer = ProducerId::new();
        let written = facts(1..=count);
        SpoolFile::new(&places, producer).append(&written).unwrap();
        let path = path(&places, producer);
        let cut = cut.index(std::fs::metadata(&path).unwrap().len() as usize + 1);
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut as u64).unwrap();
        let layout = layout(&written);
        let whole = layout.iter().filter(|record| record.end <= cut).count();
        let mut dead = one(&places);
        prop_assert_eq!(read_all(&mut dead), plain(written[..whole].to_vec()));
        prop_assert!(!dead.damage().is_serious());
        let read = layout[..whole].last().map_or(if cut < MAGIC.len() { 0 } else { MAGIC.len() }, |record| record.end);
        prop_assert_eq!(dead.damage().torn as usize, cut - read);
        prop_assert_eq!(dead.remove().unwrap(), None);
    }

    #[test]
    fn a_flipped_bit_is_never_read_as_a_fact(count in 1u64..12, at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (_folder, places) = places();
        let producer = ProducerId::new();
        let written = facts(1..=count);
        SpoolFile::new(&places, producer).append(&written).unwrap();
        let path = path(&places, producer);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, bytes).unwrap();
        let mut dead = one(&places);
        let read = read_all(&mut dead);
        let written = plain(written);
        prop_assert!(read.len() < written.len() || read.iter().any(|fact| matches!(fact.fact, Fact::Gap(_))));
        for fact in read {
            match &fact.fact {
                Fact::Gap(gap) => prop_assert_eq!((gap.first_seq, gap.facts), (fact.seq, 1)),
                _ => prop_assert!(written.contains(&fact)),
            }
        }
        prop_assert!(dead.damage() != Damage::default());
    }
}

#[test]
fn a_damaged_length_costs_its_record_alone() {
    let written = facts(1..=9);
    let layout = layout(&written);
    // Shorter, longer, longer than the file, longer than any record.
    for (byte, value) in [(0, 0), (0, 0xff), (1, 0x10), (3, 0x7f)] {
        let (_folder, places) = places();
        let producer = ProducerId::new();
        SpoolFile::new(&places, producer).append(&written).unwrap();
        let path = path(&places, producer);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[layout[3].start + byte] = value;
        std::fs::write(&path, bytes).unwrap();
        let mut dead = one(&places);
        let read = read_all(&mut dead);
        let lost = layout[3].len() as u64;
        let gap = Gap { first_seq: 4, last_seq: 4, facts: 1, bytes: lost, reason: GapReason::SpoolDamaged };
        let mut expected = plain(written.clone());
        expected[3] = Numbered { seq: 4, occurred_ms: 5, session: None, fact: Fact::Gap(gap) };
        assert_eq!(read, expected, "byte {byte} of the length is {value}");
        assert!(dead.remove().unwrap().is_some(), "the bytes are kept");
    }
}
