//! Random histories of real git against a model that never reads our answers.
//!
//! A seed makes a repository, people and programs that write lines, and git operations; after each the owner of every
//! line, as the hub tells it and as the notes on commits do, is compared with who wrote it. A wrong owner is a failure. One that
//! is unknown though no rule allows it is told with its seed, and hardly any may be. `CODI2_HISTORIES` says how many are played,
//! `CODI2_SEED` plays one and tells it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "test code")]

mod by_hand;
mod compare;
mod copies;
mod dice;
mod editor;
mod equal;
mod git;
mod history;
mod hub;
mod model;
mod notes;
mod operations;
mod others;
mod reading;
mod real;
mod rewriting;
#[path = "../../../ipc/tests/support/roles.rs"]
mod roles;
mod stories;
mod storing;
#[path = "../hubs/support.rs"]
#[allow(dead_code, reason = "the other tests of hubs use the rest")]
mod support;
mod writing;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use history::{How, Outcome, play};

/// Operations of a history.
const LENGTH: usize = 24;
/// Histories at work at once: each waits most of its time, for git and for the kernel's clock.
const AT_ONCE: usize = 8;
/// Of a hundred histories so many may lose the owner of a line for a reason that is not among the excuses (`model::Excuse`): each
/// is printed with its seed, and nobody is named in its author's place. One of four hundred does; more than ten times as many
/// would be a new fault, not chance.
const LOST_AT_MOST: usize = 3;
/// Seeds that are the same each time.
const FIXED: u64 = 100;
/// How often a long run says how far it is.
const TOLD_EACH: usize = 250;
/// Failures told in full at the end.
const TOLD: usize = 3;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// A history in which something panics fails.
fn played(seed: u64) -> Outcome {
    std::panic::catch_unwind(|| play(seed, LENGTH, How::default())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Outcome { failures: vec![format!("panicked: {}", text.unwrap_or_default())], ..Outcome::default() }
    })
}

/// Leaves out what the failure does not need.
fn shrink(seed: u64) -> (Vec<usize>, Outcome) {
    let (mut skip, mut found) = (Vec::new(), play(seed, LENGTH, How::default()));
    for left_out in (0..LENGTH).rev() {
        let mut more = skip.clone();
        more.push(left_out);
        let outcome = play(seed, LENGTH, How { skip: &more, ..How::default() });
        if !outcome.failures.is_empty() {
            (skip, found) = (more, outcome);
        }
    }
    (skip, found)
}

fn words(seed: u64, outcome: &Outcome) -> String {
    format!("CODI2_SEED={seed}\n{}\n  {}\n", outcome.log.join("\n"), outcome.failures.join("\n  "))
}

const TESTS: &[(&str, fn())] = &[
    ("no_line_has_a_wrong_owner", no_line_has_a_wrong_owner),
    ("a_real_hub_says_the_same", a_real_hub_says_the_same),
    ("stories_lose_nothing", stories::stories_lose_nothing),
    ("copies_are_not_one_line", copies::copies_are_not_one_line),
];

fn main() {
    match roles::role().as_deref() {
        Some("hub") => support::hub(),
        _ => roles::run(TESTS),
    }
}

/// The same seeds with a real hub: its threads, its sockets, its store, real time.
fn a_real_hub_says_the_same() {
    let count = if std::env::var_os("CODI2_SOAK").is_some() { 100 } else { 3 };
    let (mut lines, mut operations, mut lost) = (0, 0, 0);
    for seed in 0..count {
        let outcome = play(seed, LENGTH, How { real: true, ..How::default() });
        // What it sees of what comes and goes between two looks is a matter of time.
        let told = words(seed, &outcome);
        assert!(!is_wrong(&told), "with a real hub, {told}");
        lost += usize::from(!outcome.failures.is_empty());
        lines += outcome.lines;
        operations += outcome.operations.values().sum::<usize>();
    }
    println!(
        "COUNT histories | with a real hub: {operations} operations, {lines} lines compared | {count} | 0 wrong, {lost} with a lost line"
    );
}

fn no_line_has_a_wrong_owner() {
    if let Some(seed) = number("CODI2_SEED") {
        let outcome = play(seed, LENGTH, How::default());
        println!("{}", words(seed, &outcome));
        if !outcome.failures.is_empty() {
            let (skip, least) = shrink(seed);
            panic!("without {skip:?}:\n{}", words(seed, &least));
        }
        return;
    }
    let soak = std::env::var_os("CODI2_SOAK").is_some();
    let count = number("CODI2_HISTORIES").unwrap_or(if soak { 10_000 } else { 200 });
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() << 16;
    println!("fresh seeds from {fresh}");
    // Half of two hundred are the same each time.
    let fixed = count.min(FIXED);
    let seeds: Vec<u64> = (0..count).map(|at| if at < fixed { at } else { fresh + at }).collect();
    let (next, sums, failures) = (AtomicUsize::new(0), Mutex::new(Sums::default()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = played(*seed);
                    let mut sums = sums.lock().unwrap();
                    sums.add(&outcome);
                    if sums.histories % TOLD_EACH == 0 {
                        println!("{sums}");
                    }
                    if !outcome.failures.is_empty() {
                        println!("{}", words(*seed, &outcome));
                        failures.lock().unwrap().insert(*seed, words(*seed, &outcome));
                    }
                }
            });
        }
    });
    let (sums, failures) = (sums.into_inner().unwrap(), failures.into_inner().unwrap());
    let wrong: Vec<_> = failures.iter().filter(|(_, told)| is_wrong(told)).collect();
    let lost = failures.len() - wrong.len();
    println!("COUNT histories | {sums} | {count} | {} with a wrong owner, {lost} with a lost line", wrong.len());
    let seeds: Vec<_> = wrong.iter().map(|(seed, _)| seed).collect();
    let told: Vec<_> = wrong.iter().take(TOLD).map(|(_, told)| told.as_str()).collect();
    assert!(wrong.is_empty(), "{} of {count} failed: {seeds:?}\n{}", wrong.len(), told.join("\n"));
    let most = LOST_AT_MOST * count.div_ceil(100) as usize;
    assert!(lost <= most, "{lost} of {count} histories lost a line without an excuse");
}

/// Whether something else than a lost line was found.
fn is_wrong(told: &str) -> bool {
    told.lines().any(|line| line.starts_with("  ") && !line.trim().is_empty() && !line.contains(", Lost: "))
}

/// What was found of many histories.
#[derive(Default)]
struct Sums {
    histories: usize,
    operations: usize,
    lines: usize,
    known: usize,
    noted: usize,
    excused: BTreeMap<&'static str, usize>,
}

impl Sums {
    fn add(&mut self, outcome: &Outcome) {
        self.histories += 1;
        self.operations += outcome.operations.values().sum::<usize>();
        self.lines += outcome.lines;
        self.known += outcome.known;
        self.noted += outcome.noted;
        for (excuse, count) in &outcome.excused {
            *self.excused.entry(excuse.words()).or_default() += count;
        }
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { histories, operations, lines, known, noted, excused } = self;
        write!(
            f,
            "{histories} histories, {operations} operations, {lines} lines compared, of {known} the author is known; {noted} lines of notes;"
        )?;
        write!(f, " unknown by rule:")?;
        excused.iter().try_for_each(|(why, count)| write!(f, " {count} {why};"))
    }
}
