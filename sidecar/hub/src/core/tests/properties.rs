//! Random days of several writers. Each writes letters of its own, so any byte tells who wrote it: whatever happens in
//! whatever order, nobody gets a byte of somebody else's. What the world checks anyway (owners cover the text exactly,
//! ranges lead from one length to the other, acknowledgements never run ahead) is checked at every step too.

use codi2_protocol::{ActorKind, HookPhase, Shape, SourceKind};
use proptest::prelude::*;

use super::world::{World, of};

const PATH: &str = "a.rs";
const PEOPLE: [&str; 2] = ["ada", "bea"];

#[derive(Debug, Clone, Copy)]
enum Step {
    Types(usize, usize),
    Cuts(usize, usize, usize),
    Undoes(usize),
    Saves(usize),
    /// The watch sees the file before the sidecar hears of the save.
    SavesLate(usize),
    Reloads(usize),
    /// The watch has not seen what is loaded.
    Program(usize, bool),
    ProgramCuts(usize),
    AgentBegins,
    AgentWrites(usize, bool),
    AgentEnds,
    Silent(usize, bool),
    Ticks,
    Restarts(bool),
    Whole(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..2_usize;
    let at = 0..40_usize;
    prop_oneof![
        6 => (who.clone(), at.clone()).prop_map(|(who, at)| Step::Types(who, at)),
        2 => (who.clone(), at.clone(), 1..6_usize).prop_map(|(who, at, len)| Step::Cuts(who, at, len)),
        2 => who.clone().prop_map(Step::Undoes),
        3 => who.clone().prop_map(Step::Saves),
        1 => who.clone().prop_map(Step::SavesLate),
        3 => who.clone().prop_map(Step::Reloads),
        2 => (at.clone(), any::<bool>()).prop_map(|(at, seen)| Step::Program(at, seen)),
        1 => at.clone().prop_map(Step::ProgramCuts),
        2 => Just(Step::AgentBegins),
        3 => (at, any::<bool>()).prop_map(|(at, seen)| Step::AgentWrites(at, seen)),
        2 => Just(Step::AgentEnds),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, text)| Step::Silent(who, text)),
        1 => Just(Step::Ticks),
        1 => any::<bool>().prop_map(Step::Restarts),
        1 => who.prop_map(Step::Whole),
    ]
}

struct Day {
    w: World,
    history: [Vec<String>; 2],
    agent_at_work: bool,
}

impl Day {
    fn new() -> Self {
        let mut w = World::new(&[(PATH, "....\n....\n")]);
        for who in PEOPLE {
            w.opens(who, PATH);
        }
        Self { w, history: Default::default(), agent_at_work: false }
    }

    fn buffer(&self, who: usize) -> String {
        self.w.people[PEOPLE[who]].buffers[PATH].clone()
    }

    fn on_disk(&self) -> String {
        String::from_utf8(self.w.ports.files[PATH].clone()).unwrap()
    }

    fn step(&mut self, step: Step) {
        // No two things happen in the same millisecond.
        self.w.ports.now += 3;
        match step {
            Step::Types(who, at) => {
                let text = self.buffer(who);
                self.history[who].push(text.clone());
                let letters = ["aa\n", "bb\n"][who];
                self.w.types(PEOPLE[who], PATH, at.min(text.len()), letters);
            }
            Step::Cuts(who, at, len) => {
                let text = self.buffer(who);
                let at = at.min(text.len());
                let len = len.min(text.len() - at);
                if len > 0 {
                    self.history[who].push(text);
                    self.w.cuts(PEOPLE[who], PATH, at, len);
                }
            }
            Step::Undoes(who) => {
                if let Some(text) = self.history[who].pop()
                    && text != self.buffer(who)
                {
                    self.w.becomes(PEOPLE[who], PATH, &text, SourceKind::Undo, Shape::Replace);
                }
            }
            Step::Saves(who) => self.w.saves(PEOPLE[who], PATH),
            Step::SavesLate(who) => {
                self.w.writes_file(PEOPLE[who], PATH);
                self.w.watch_sees(PATH);
                self.w.says_saved(PEOPLE[who], PATH);
            }
            Step::Reloads(who) => {
                let text = self.buffer(who);
                if text != self.on_disk() {
                    self.history[who].push(text);
                    self.w.reloads(PEOPLE[who], PATH);
                }
            }
            // Whoever writes unannounced while an agent's call is open cannot be told from the agent.
            Step::Program(at, seen) if !self.agent_at_work => self.writes(at, "xx\n", seen),
            Step::ProgramCuts(at) if !self.agent_at_work => {
                let mut text = self.on_disk();
                let at = at.min(text.len());
                text.truncate(at);
                self.w.program_writes(PATH, text);
            }
            Step::Program(..) | Step::ProgramCuts(_) => {}
            Step::AgentBegins => {
                self.agent_at_work = true;
                self.w.hook(HookPhase::Before, "bot", &[PATH]);
            }
            Step::AgentWrites(at, seen) => {
                if self.agent_at_work {
                    self.writes(at, "BB\n", seen);
                }
            }
            // A hook after without one before claims what was written just before it: so only in pairs.
            Step::AgentEnds => {
                if std::mem::take(&mut self.agent_at_work) {
                    self.w.hook(HookPhase::After, "bot", &[PATH]);
                }
            }
            Step::Silent(who, text) => self.w.person(PEOPLE[who]).sends_text = text,
            Step::Ticks => self.w.tick(70_000),
            Step::Restarts(scanned) => {
                self.w.hub_restarts();
                if scanned {
                    self.w.scan();
                }
            }
            Step::Whole(who) => self.w.sends_whole(PEOPLE[who], PATH, 7),
        }
    }

    fn writes(&mut self, at: usize, letters: &str, seen: bool) {
        let mut text = self.on_disk();
        text.insert_str(at.min(text.len()), letters);
        self.w.put(PATH, text);
        if seen {
            self.w.watch_sees(PATH);
        }
    }

    /// Nobody has a letter that is not theirs.
    fn check(&mut self) {
        let disk = self.on_disk();
        let mut texts = vec![disk];
        texts.extend((0..2).map(|who| self.buffer(who)));
        for text in texts {
            let Ok(reply) = self.w.owners(PATH, Some(of(&text)), false) else { continue };
            let mut at = 0;
            for span in &reply.spans {
                let verdict = &reply.owners[span.owner as usize].verdict;
                let end = at + span.len as usize;
                let letters: String = text[at..end].chars().filter(|letter| *letter != '\n').collect();
                let own = match (verdict.origin.kind, verdict.origin.name.as_str()) {
                    (ActorKind::Person, "ada") => 'a',
                    (ActorKind::Person, "bea") => 'b',
                    (ActorKind::Agent, "bot") => 'B',
                    (ActorKind::Person | ActorKind::Agent, name) => panic!("who is {name}?"),
                    _ => {
                        at = end;
                        continue;
                    }
                };
                assert!(letters.chars().all(|l| l == own), "{letters:?} is not {own}'s in {text:?}: {verdict:?}");
                at = end;
            }
            assert_eq!(at, text.len());
        }
    }

    fn end(mut self) {
        for who in PEOPLE {
            let person = &self.w.people[who];
            assert_eq!(self.w.acknowledged.get(&person.producer), Some(&person.seq), "{who}'s facts are acknowledged");
            let events: Vec<u64> =
                self.w.events.iter().filter(|e| e.producer == person.producer).map(|event| event.seq).collect();
            assert!(events.is_sorted() && events.windows(2).all(|pair| pair[0] < pair[1]), "{events:?}");
        }
        self.w.tick(3_600_000);
        assert!(self.w.core.kept.is_empty());
    }
}

/// What a call did is known from while it was open; an unannounced change before it, from the same state, holds nothing
/// of it. Days that random ones found.
#[test]
fn a_change_before_the_call_holds_nothing_of_it() {
    use Step::{AgentBegins, AgentEnds, AgentWrites, Program, Reloads, Saves, SavesLate, Types, Undoes};
    let days: [&[Step]; 2] = [
        // The call's one step was a save.
        &[Program(3, false), Reloads(0), SavesLate(1), AgentBegins, Saves(0), AgentEnds, Saves(1), Program(0, false)],
        // A save and a step of its own.
        &[
            Program(0, false),
            Reloads(0),
            Types(0, 0),
            Saves(1),
            AgentBegins,
            Saves(0),
            AgentWrites(0, false),
            Undoes(0),
            AgentEnds,
        ],
    ];
    for steps in days {
        let mut day = Day::new();
        for step in steps {
            day.step(*step);
            day.check();
        }
        day.end();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_gets_what_another_wrote(steps in prop::collection::vec(step(), 1..40)) {
        let mut day = Day::new();
        for step in steps {
            day.step(step);
            day.check();
        }
        day.end();
    }
}
