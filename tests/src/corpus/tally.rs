//! What cases came to, as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a case came to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) lines: usize,
    /// Lines checked that have a token.
    pub(super) owned: usize,
    /// Lines that became somebody's who was not their owner.
    pub(super) wrong: Vec<String>,
    /// Lines that lost their owner.
    pub(super) lost: Vec<String>,
    pub(super) broken: Option<String>,
    pub(super) ms: u128,
}

/// The table, and whether all is well.
pub(super) fn table(title: &str, results: &BTreeMap<String, Tally>) -> (String, bool) {
    let mut out =
        format!("{title}\n{:<36} {:>6} {:>6} {:>6} {:>6} {:>7}\n", "script", "lines", "owned", "wrong", "lost", "ms");
    let mut details = String::new();
    let mut total = Tally::default();
    for (name, tally) in results {
        let Tally { lines, owned, wrong, lost, broken, ms } = tally;
        let mark = if broken.is_some() { "  broken" } else { "" };
        let _ = writeln!(out, "{name:<36} {lines:>6} {owned:>6} {:>6} {:>6} {ms:>7}{mark}", wrong.len(), lost.len());
        total.lines += lines;
        total.owned += owned;
        for (what, findings) in [("wrong", wrong), ("lost", lost)] {
            for finding in findings {
                let _ = writeln!(details, "{name}: {what}: {finding}");
            }
        }
        if let Some(broken) = broken {
            let _ = writeln!(details, "{name}: broken: {broken}");
        }
    }
    let sum = |count: fn(&Tally) -> usize| results.values().map(count).sum::<usize>();
    let (wrong, lost) = (sum(|tally| tally.wrong.len()), sum(|tally| tally.lost.len()));
    let broken = sum(|tally| usize::from(tally.broken.is_some()));
    let _ = writeln!(
        out,
        "{:<36} {:>6} {:>6} {wrong:>6} {lost:>6}",
        format!("{} scripts", results.len()),
        total.lines,
        total.owned
    );
    (out + &details, wrong + lost + broken == 0 && total.owned > 0)
}
