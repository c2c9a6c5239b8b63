//! Wishes to look that wait for their turn, one look for each worktree, however many came.
//!
//! While git makes one commit after the other (a rebase, patches, picks) each step moves it, and a look at each would take
//! the processor from the next step, and find what the end does away with. So one look follows the whole, or as much of it
//! as is there when git has stopped for somebody to edit. Pure: times and what git is at come in. Absent on purpose: looking.

use std::time::{Duration, Instant};

use codi2_workspace::Place;

use super::Wish;
use crate::core::Why;

/// Git has stopped amid its commits where it has not moved for so long.
const STOPPED: Duration = Duration::from_secs(2);
/// No wish waits longer, however long git goes on.
const LONGEST: Duration = Duration::from_secs(30);

/// Those that wait.
#[derive(Default)]
pub(super) struct Wishes(Vec<Waiting>);

struct Waiting {
    place: Place,
    whys: Vec<Why>,
    /// When the first of them came.
    first: Instant,
    /// When the last of them came.
    last: Instant,
}

impl Waiting {
    fn until(&self) -> Instant {
        (self.last + STOPPED).min(self.first + LONGEST)
    }
}

impl Wishes {
    /// One more.
    pub fn add(&mut self, Wish { place, why }: Wish, now: Instant) {
        match self.0.iter_mut().find(|waiting| waiting.place.worktree == place.worktree) {
            Some(waiting) => {
                waiting.whys.push(why);
                waiting.last = now;
            }
            None => self.0.push(Waiting { place, whys: vec![why], first: now, last: now }),
        }
    }

    /// Takes those whose turn it is, and why. Nobody waits who asked for it, nor where git is not `amid` its commits.
    pub fn due(&mut self, now: Instant, amid: impl Fn(&Place) -> bool) -> Vec<(Place, Vec<Why>)> {
        let is_due = |waiting: &mut Waiting| {
            let asked = waiting.whys.iter().any(|why| matches!(why, Why::Asked(_)));
            asked || now >= waiting.until() || !amid(&waiting.place)
        };
        self.0.extract_if(.., is_due).map(|waiting| (waiting.place, waiting.whys)).collect()
    }

    /// When the next one's turn is, whatever git does; none where none waits.
    pub fn next(&self) -> Option<Instant> {
        self.0.iter().map(Waiting::until).min()
    }
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{EventId, RepositoryId, WorktreeId};

    use super::*;
    use crate::core::Ticket;

    fn place(name: &str) -> Place {
        let repository: RepositoryId = "00000000-0000-7000-8000-000000000001".parse().expect("a UUID");
        Place {
            root: "/w".into(),
            worktree: WorktreeId { repository, name: name.to_owned() },
            git_dir: None,
            common_dir: None,
            branch: None,
            head: None,
            person: String::new(),
            is_git_identity: false,
        }
    }

    /// Plays wishes (at so many ms, of a worktree, why), asks at each of `looks` (ms), and shows what was due then.
    fn check(wishes: &[(u64, &str, Why)], amid: &[&str], looks: &[u64], expected: &[&str]) {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let (mut all, mut wishes) = (Wishes::default(), wishes.iter().peekable());
        let shown = looks.iter().map(|look| {
            while let Some((ms, name, why)) = wishes.next_if(|(ms, ..)| ms <= look) {
                all.add(Wish { place: place(name), why: *why }, at(*ms));
            }
            let due = all.due(at(*look), |place| amid.contains(&place.worktree.name.as_str()));
            let due = due.iter().map(|(place, whys)| format!("{}{}", place.worktree.name, whys.len()));
            let next = all.next().map(|next| format!(" until {}", (next - begun).as_millis()));
            due.collect::<Vec<_>>().join(",") + &next.unwrap_or_default()
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_comes_amid_commits_is_one_look() {
        let moved = |ms, name| (ms, name, Why::Moved);
        check(&[moved(0, "a"), moved(0, "b"), moved(0, "a")], &[], &[0], &["a2,b1"]);
        check(&[moved(0, "a"), moved(0, "b")], &["a"], &[0], &["b1 until 2000"]);
        let steps: Vec<_> = (0..4).map(|step| moved(step * 1_900, "a")).collect();
        let waits = [" until 2000", " until 3900", " until 5800", " until 7700", " until 7700", "a4"];
        check(&steps, &["a"], &[0, 1_900, 3_800, 5_700, 7_699, 7_700], &waits);
        let learned = (100, "a", Why::Learned(EventId::new()));
        check(&[moved(0, "a"), learned], &["a"], &[2_000, 2_100], &[" until 2100", "a2"]);
    }

    #[test]
    fn nobody_waits_who_asked_and_nobody_for_long() {
        let asked = Why::Asked(Ticket { connection: 1, id: 1 });
        check(&[(0, "a", Why::Moved), (10, "a", asked)], &["a"], &[0, 10], &[" until 2000", "a2"]);
        let steps: Vec<_> = (0..31).map(|step| (step * 1_000, "a", Why::Moved)).collect();
        check(&steps, &["a"], &[29_000, 30_000], &[" until 30000", "a31"]);
    }
}
