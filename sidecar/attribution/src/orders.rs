//! Save, watcher, hook after and git may come in any order: the ruling that stands in the end is the same.
//!
//! A small hub with nothing but the pieces of this crate takes the facts of one change in every order. The hook before
//! comes first in all of them, as an agent runs it before it writes.

use codi2_protocol::{Digest, HookPhase};
use codi2_text::Text;

use crate::fixtures::{KEY, digest, file, library, of, record, worktree};
use crate::{
    Calls, Change, DiskFacts, DiskRuling, GitFact, Hook, Moment, Observed, OpenBook, Reading, Rung, Transition,
    judge_disk,
};

/// A fact about the one file.
#[derive(Debug, Clone)]
enum Fact {
    /// The watcher saw a step.
    Watcher { before: Digest, after: Digest, at_ms: u64 },
    /// A buffer with this text was saved.
    Save(Digest),
    /// A hook ran, and the hub read the file.
    Hook { phase: HookPhase, agent: u32, at_ms: u64, read: Digest },
    /// Git explains these bytes.
    Git { operation: &'static str, after: Digest },
}

/// The ledger, the book and the calls of a hub that has one file.
#[derive(Default)]
struct Hub {
    calls: Calls,
    book: OpenBook,
    saves: Vec<Digest>,
    git: Vec<(Digest, GitFact)>,
    upgrades: usize,
}

impl Hub {
    fn on(&mut self, fact: &Fact, texts: &dyn Fn(Digest) -> Option<Text>) {
        let path = file("a");
        match fact {
            Fact::Watcher { before, after, at_ms } => {
                let step = Transition {
                    before: Some(*before),
                    after: Some(*after),
                    from: Moment::earliest(at_ms - 50),
                    to: Moment::earliest(*at_ms),
                };
                let change = Change {
                    event: codi2_protocol::EventId::new(),
                    before: step.before,
                    after: step.after,
                    from: step.from,
                    to: step.to,
                    observed: Observed::Live,
                    ruling: self.judge(&step, texts),
                };
                self.book.note(&path, change, *at_ms);
            }
            Fact::Save(digest) => self.saves.push(*digest),
            Fact::Hook { phase, agent, at_ms, read } => {
                let name = (*phase == HookPhase::After).then(|| format!("agent-{agent}"));
                let record = record(*phase, name.as_deref(), *agent, *at_ms, &["a"]);
                let files = [(path.clone(), Reading::Content(*read))];
                let at = Moment::earliest(*at_ms);
                self.calls
                    .on(Hook { record: &record, files: &files, said: &[], worktree: Some(&worktree()), at }, *at_ms);
            }
            Fact::Git { operation, after } => {
                let fact = GitFact { operation: (*operation).to_owned(), what: "new-head".to_owned() };
                self.git.push((*after, fact));
            }
        }
        let changes: Vec<Change> = self.book.on(&path).cloned().collect();
        for change in changes {
            let ruling = self.judge(&change.transition(), texts);
            if ruling.supersedes(&change.ruling) {
                self.upgrades += 1;
                self.book.rule(&path, change.event, ruling);
            }
        }
    }

    fn judge(&self, step: &Transition, texts: &dyn Fn(Digest) -> Option<Text>) -> DiskRuling {
        let path = file("a");
        let is_after = |digest: &Digest| Some(*digest) == step.after;
        let mut transitions = self.book.transitions(&path);
        transitions.push(*step);
        judge_disk(&DiskFacts {
            before: step.before,
            after: step.after,
            from: step.from,
            to: step.to,
            written: None,
            observed: Observed::Live,
            saved: self.saves.iter().any(is_after),
            git: self.git.iter().find(|(after, _)| is_after(after)).map(|(_, fact)| fact),
            seen: None,
            intents: &self.calls.intents(&path),
            calls: &self.calls.open_on(&path),
            transitions: &transitions,
            texts,
            key: &KEY,
        })
    }

    /// The rulings that stand, by the states they lead to.
    fn standing(&self) -> Vec<(Option<Digest>, DiskRuling)> {
        let mut standing: Vec<_> =
            self.book.on(&file("a")).map(|change| (change.after, change.ruling.clone())).collect();
        standing.sort_by_key(|(after, _)| *after);
        standing
    }
}

/// All orders of `0..count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let insert = |order: &Vec<usize>, at: usize| [&order[..at], &[count - 1], &order[at..]].concat();
    shorter.iter().flat_map(|order| (0..count).map(move |at| insert(order, at))).collect()
}

/// Takes `first`, then `facts` in every order; all must end in rulings on these rungs, and in the same ones.
fn check(name: &str, first: &[Fact], facts: &[Fact], rungs: &[Rung]) -> Vec<(Option<Digest>, DiskRuling)> {
    let library = library(&["one\n", "one\nagent\n", "one\nagent\nother\n"]);
    let texts = |digest: Digest| library.get(&digest).cloned();
    let mut expected = None;
    for order in orders(facts.len()) {
        let mut hub = Hub::default();
        first.iter().for_each(|fact| hub.on(fact, &texts));
        order.iter().for_each(|at| hub.on(&facts[*at], &texts));
        let standing = hub.standing();
        assert_eq!(standing.iter().map(|(_, ruling)| ruling.rung()).collect::<Vec<_>>(), rungs, "{name}: {order:?}");
        assert_eq!(*expected.get_or_insert_with(|| standing.clone()), standing, "{name}: {order:?}");
        assert!(hub.upgrades <= facts.len() * rungs.len(), "{name}: {order:?} took {} upgrades", hub.upgrades);
    }
    expected.unwrap_or_default()
}

fn before(agent: u32, at_ms: u64, read: Digest) -> Fact {
    Fact::Hook { phase: HookPhase::Before, agent, at_ms, read }
}

fn after(agent: u32, at_ms: u64, read: Digest) -> Fact {
    Fact::Hook { phase: HookPhase::After, agent, at_ms, read }
}

fn watcher(before: u8, after: u8, at_ms: u64) -> Fact {
    Fact::Watcher { before: digest(before), after: digest(after), at_ms }
}

#[test]
fn one_step_with_every_kind_of_fact() {
    let (seen, hook, save) = (watcher(1, 2, 1_000), after(1, 1_010, digest(2)), Fact::Save(digest(2)));
    let git = |operation| Fact::Git { operation, after: digest(2) };
    let first = [before(1, 900, digest(1))];
    let rows: Vec<(&str, Vec<Fact>, Rung)> = vec![
        ("all", vec![seen.clone(), hook.clone(), save.clone(), git("checkout")], Rung::Echo),
        ("hook and git", vec![seen.clone(), hook.clone(), git("checkout")], Rung::Git),
        ("hook and commit", vec![seen.clone(), hook.clone(), git("commit")], Rung::IntentExact),
        ("hook", vec![seen.clone(), hook.clone()], Rung::IntentExact),
        ("save and hook", vec![seen.clone(), save.clone(), hook], Rung::Echo),
        ("save and git", vec![seen.clone(), save, git("rebase (continue)")], Rung::Echo),
        ("git", vec![seen.clone(), git("pull")], Rung::Git),
        ("commit", vec![seen, git("commit")], Rung::Candidates),
    ];
    for (name, facts, rung) in rows {
        check(name, &first, &facts, &[rung]);
    }
}

#[test]
fn a_person_saves_and_an_agent_writes_after() {
    let first = [before(1, 900, digest(2))];
    let facts = [watcher(1, 2, 1_000), Fact::Save(digest(2)), watcher(2, 3, 1_100), after(1, 1_110, digest(3))];
    check("person, then agent", &first, &facts, &[Rung::Echo, Rung::IntentExact]);
}

#[test]
fn two_agents_in_overlapping_calls() {
    let first = [before(1, 900, digest(1)), before(2, 910, digest(1))];
    let facts = [watcher(1, 2, 1_000), after(1, 1_010, digest(2)), watcher(2, 3, 1_100), after(2, 1_110, digest(3))];
    let standing = check("two agents", &first, &facts, &[Rung::IntentExact, Rung::IntentExact]);
    let names: Vec<&str> =
        standing.iter().map(|(_, ruling)| ruling.whole().map_or("", |verdict| verdict.origin.name.as_str())).collect();
    assert_eq!(names, ["agent-1", "agent-2"]);
    // One step that both claim.
    let facts = [watcher(1, 2, 1_000), after(1, 1_010, digest(2)), after(2, 1_020, digest(2))];
    check("both claim it", &first, &facts, &[Rung::Candidates]);
}

#[test]
fn an_agent_and_somebody_else_in_one_step() {
    let (old, claimed, new) = (of("one\n"), of("one\nagent\n"), of("one\nagent\nother\n"));
    let first = [before(1, 900, old)];
    let facts = [Fact::Watcher { before: old, after: new, at_ms: 1_000 }, after(1, 980, claimed)];
    let standing = check("in part", &first, &facts, &[Rung::IntentPartial]);
    let DiskRuling::New(shares) = &standing[0].1 else { panic!("no parts") };
    assert_eq!(shares.claimed().iter().map(|(range, _)| range.clone()).collect::<Vec<_>>(), vec![4..10]);
}
