//! Power cuts under the real writer: at any operation, with torn and reordered sectors, half of them a second time
//! while the file is being recovered. What was acknowledged is there, once, and in one piece.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::thread;

use super::*;

/// Threads that append at once, so that their appends share commits.
const PRODUCERS: usize = 3;
/// Appends of each in one run.
const APPENDS: u64 = 12;
/// Cuts of one run.
const CUTS: usize = 10;
/// Operations of one run, about.
const OPERATIONS: usize = 600;

type Acknowledged = [u64; PRODUCERS];

fn producer(number: usize) -> ProducerId {
    ProducerId::from_uuid(Uuid::from_u128(0x9000 + number as u128))
}

fn event(producer_number: usize, seq: u64) -> Event {
    let id = EventId::from_uuid(Uuid::from_u128(((producer_number as u128 + 1) << 64) + u128::from(seq)));
    Event { id, producer: producer(producer_number), seq, ..sample(seq) }
}

/// Appends as its producers do, and gives what cuts at random operations left, with what was acknowledged before.
fn run(seed: u64, lies: bool) -> Vec<(Acknowledged, Vec<u8>)> {
    let mut dice = Seed(seed);
    let disk = Disk::new();
    disk.change(|platter| platter.lies = lies);
    let at: Vec<usize> = (0..CUTS).map(|_| dice.below(OPERATIONS)).collect();
    let acknowledged: Arc<[AtomicU64; PRODUCERS]> = Arc::default();
    let cuts: Arc<Mutex<Vec<_>>> = Arc::default();
    let (told, kept) = (Arc::clone(&acknowledged), Arc::clone(&cuts));
    disk.watch(move |operation, platter| {
        for _ in at.iter().filter(|at| **at == operation) {
            let before = std::array::from_fn(|number| told[number].load(Ordering::SeqCst));
            kept.lock().unwrap().push((before, platter.cut(&mut dice)));
        }
    });
    let store = Store::on(Arc::new(disk.open().unwrap())).unwrap();
    thread::scope(|scope| {
        for (number, acknowledged) in acknowledged.iter().enumerate() {
            let store = &store;
            scope.spawn(move || {
                for seq in 1..=APPENDS {
                    let dedupe = Dedupe::fact(producer(number), seq);
                    store.append(&[Pending { event: Some(event(number, seq)), dedupe, rows: vec![] }]).unwrap();
                    acknowledged.store(seq, Ordering::SeqCst);
                }
            });
        }
    });
    drop(store);
    std::mem::take(&mut cuts.lock().unwrap())
}

/// What a second cut leaves, while the first one's file is being recovered.
fn cut_again(bytes: Vec<u8>, seed: &mut Seed) -> Vec<u8> {
    let disk = Disk::holding(bytes);
    let (at, mut dice) = (seed.below(16), Seed(seed.next()));
    let left: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let kept = Arc::clone(&left);
    disk.watch(move |operation, platter| {
        if operation == at {
            *kept.lock().unwrap() = Some(platter.cut(&mut dice));
        }
    });
    drop(disk.open());
    let left = left.lock().unwrap().take();
    // Recovered in fewer operations: cut after it.
    left.unwrap_or_else(|| disk.change(|platter| platter.cut(seed)))
}

/// Whether a store has what was acknowledged, nothing twice, nothing in pieces, and goes on.
fn check(acknowledged: &Acknowledged, bytes: Vec<u8>) -> Result<(), String> {
    let words = |error: StoreError| error.to_string();
    let store = Store::on(Arc::new(Disk::holding(bytes).open().map_err(words)?)).map_err(words)?;
    let stored = store.tail_after(None, 1_000).map_err(words)?;
    for (number, acknowledged) in acknowledged.iter().enumerate() {
        let own: Vec<_> = stored.iter().filter(|stored| stored.event.producer == producer(number)).collect();
        let expected = (1..=own.len() as u64).map(|seq| event(number, seq));
        if !expected.eq(own.iter().map(|stored| stored.event.clone())) {
            return Err(format!("producer {number} has not its first {} events, each once", own.len()));
        }
        let highest = store.producer(producer(number)).map_err(words)?;
        if highest != own.len() as u64 || highest < *acknowledged {
            return Err(format!(
                "producer {number}: {} stored, {highest} noted, {acknowledged} acknowledged",
                own.len()
            ));
        }
    }
    if store.events().map_err(words)? != stored.len() as u64 {
        return Err("the count is wrong".to_owned());
    }
    store.append(&[Pending { event: Some(event(PRODUCERS, 1)), ..Pending::default() }]).map_err(words)?;
    Ok(())
}

/// Cuts, those cut again among them, and what went wrong.
fn cut(runs: std::ops::Range<u64>, lies: bool) -> (usize, usize, Vec<String>) {
    let (mut cuts, mut again, mut wrong) = (0, 0, Vec::new());
    for seed in runs {
        let mut dice = Seed(seed ^ 0x5eed);
        for (acknowledged, bytes) in run(seed, lies) {
            cuts += 1;
            let bytes = if (cuts as u64 + seed).is_multiple_of(2) {
                again += 1;
                cut_again(bytes, &mut dice)
            } else {
                bytes
            };
            wrong.extend(check(&acknowledged, bytes).err().map(|what| format!("seed {seed}: {what}")));
        }
    }
    (cuts, again, wrong)
}

/// Runs until there were this many cuts, on all processors.
fn cuts(wanted: usize, lies: bool) -> (usize, usize, Vec<String>) {
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|part| {
                scope.spawn(move || {
                    let mut all = (0, 0, Vec::new());
                    for seed in (part..).step_by(threads as usize) {
                        let (cuts, again, wrong) = cut(seed..seed + 1, lies);
                        all = (all.0 + cuts, all.1 + again, [all.2, wrong].concat());
                        if all.0 >= wanted.div_ceil(threads as usize) {
                            break;
                        }
                    }
                    all
                })
            })
            .collect();
        parts
            .into_iter()
            .map(|part| part.join().unwrap())
            .fold((0, 0, Vec::new()), |all, part| (all.0 + part.0, all.1 + part.1, [all.2, part.2].concat()))
    })
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_operation() {
    let (cuts, again, wrong) = cuts(count(400, 10_000), false);
    assert!(wrong.is_empty(), "{} of {cuts}: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    let result = format!("0 acknowledged events lost, none twice; {again} were cut again while recovering");
    counted("P1", "simulated power cuts: torn, reordered, lost sectors", cuts, &result);
}

#[test]
fn a_power_cut_of_a_disk_that_lies_about_its_sync_loses_events() {
    let (cuts, _, wrong) = cuts(count(60, 200), true);
    assert!(wrong.len() * 10 > cuts, "the test would not notice a loss: {} of {cuts}", wrong.len());
    counted(
        "P1 control",
        "the same on a disk that lies about its sync",
        cuts,
        &format!("{} lost something", wrong.len()),
    );
}
