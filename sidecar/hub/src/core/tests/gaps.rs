//! Facts lost on the way: what was owned before the gap and still stands keeps its owner, what was typed after it is its
//! typist's, and only what the gap swallowed is unknown, and says so. Never is anybody named who did not write.

use codi2_protocol::{Call, Fact, Gap, GapReason};

use super::super::Input;
use super::sidecar::info;
use super::world::{World, core, of, view};

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";
const LOST: &str = "unknown unknown Gap";

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Ada's spool is full: what it holds becomes a gap, and her sidecar says again what stands there.
fn folds(w: &mut World, path: &str) {
    let held = w.person("ada").held.take().unwrap();
    let lost: Vec<_> = held
        .into_iter()
        .filter_map(|input| match input {
            Input::Called(_, _, Call::Report { facts }) => Some(facts),
            _ => None,
        })
        .flatten()
        .collect();
    let (first_seq, last_seq, facts) = (lost[0].seq, lost[lost.len() - 1].seq, lost.len() as u64);
    let gap = Fact::Gap(Gap { first_seq, last_seq, facts, bytes: 100 * facts, reason: GapReason::SpoolFull });
    w.holds("ada");
    let seq = std::mem::replace(&mut w.person("ada").seq, last_seq - 1);
    w.report("ada", gap);
    w.person("ada").seq = seq;
    let info = info(&w.people["ada"]);
    w.report("ada", Fact::SessionStarted { info });
    says_again(w, path);
}

fn says_again(w: &mut World, path: &str) {
    let text = w.people["ada"].buffers[path].clone();
    w.opens_with("ada", path, &text);
}

/// The next hub begins, over the same store.
fn begins(w: &mut World) {
    w.core = core();
    w.ports.watched.clear();
    w.feed(Input::Begin);
    w.feed(Input::CaughtUp);
}

/// The sidecar comes back: facts, without the texts that were beside them; then the whole text, if it is asked for.
fn comes_back(w: &mut World, path: &str) {
    let (connection, producer) = (w.people["ada"].connection, w.people["ada"].producer);
    w.joins(connection, producer);
    let held = w.person("ada").held.take().unwrap();
    for input in held.into_iter().filter(|input| matches!(input, Input::Called(_, _, Call::Report { .. }))) {
        w.feed(input);
    }
    if w.wanted() > 0 {
        w.sends_whole("ada", path, 1_000);
    }
}

/// Ada typed a line that the hub has; then it is away.
fn away(tracked: bool, text: &str) -> World {
    let mut w = World::bare();
    w.put("a.rs", text);
    if tracked {
        w.staged("a.rs");
    }
    w.scan();
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "before\n");
    w.holds("ada");
    w
}

/// The gap, with lines typed before, in and after it, saved at none, some or all of these places.
#[test]
fn lines_around_a_gap_keep_their_owners() {
    for case in 0..64 {
        let has = |bit: u32| case >> bit & 1 == 1;
        let [tracked, dies, saved_before, saved_in, saved_after, scans_first] = [0, 1, 2, 3, 4, 5].map(has);
        let mut w = away(tracked, "one\ntwo\n");
        if saved_before {
            w.arrives("ada");
            w.saves("ada", "a.rs");
            w.holds("ada");
        }
        w.appends("ada", "a.rs", "in the gap\n");
        if saved_in {
            w.writes_file("ada", "a.rs");
            w.says_saved("ada", "a.rs");
        }
        folds(&mut w, "a.rs");
        w.appends("ada", "a.rs", "after\n");
        w.types("ada", "a.rs", 4, "after too\n");
        if saved_after {
            w.writes_file("ada", "a.rs");
            w.says_saved("ada", "a.rs");
        }
        if dies {
            begins(&mut w);
        }
        if scans_first {
            w.scan();
        }
        comes_back(&mut w, "a.rs");
        w.scan();
        let name = format!("{case:06b}");
        assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, TYPED, OLD, TYPED, LOST, TYPED], "{name}");
        assert_eq!(w.count("gap"), 1, "{name}");
        w.saves("ada", "a.rs");
        assert_eq!(w.blame("a.rs"), [OLD, TYPED, OLD, TYPED, LOST, TYPED], "{name}, saved");
    }
}

/// Groups that came after the gap and before her sidecar could say again what stands there.
#[test]
fn groups_right_behind_a_gap_are_placed() {
    for dies in [false, true] {
        let mut w = away(true, "one\n");
        w.appends("ada", "a.rs", "in the gap\n");
        folds(&mut w, "a.rs");
        // What says again was lost too: the next group leads from a text that nobody ever told of.
        let held = w.person("ada").held.as_mut().unwrap();
        held.truncate(1);
        let seq = w.people["ada"].facts.iter().map(|fact| fact.seq).max().unwrap();
        w.person("ada").seq = seq - 2;
        w.appends("ada", "a.rs", "after\n");
        w.types("ada", "a.rs", 0, "first\n");
        if dies {
            begins(&mut w);
            w.scan();
        }
        comes_back(&mut w, "a.rs");
        assert_eq!(w.blame_buffer("ada", "a.rs"), [TYPED, OLD, TYPED, LOST, TYPED], "dies: {dies}");
        w.saves("ada", "a.rs");
        assert_eq!(w.blame("a.rs"), [TYPED, OLD, TYPED, LOST, TYPED], "dies: {dies}");
    }
}

/// Her sidecar died after the save: nobody can be asked, and the file has the text.
#[test]
fn a_gap_in_the_spool_of_the_dead() {
    for tracked in [false, true] {
        let mut w = away(tracked, "one\n");
        w.appends("ada", "a.rs", "in the gap\n");
        folds(&mut w, "a.rs");
        w.appends("ada", "a.rs", "after\n");
        w.writes_file("ada", "a.rs");
        w.says_saved("ada", "a.rs");
        w.core = core();
        w.ports.watched.clear();
        w.feed(Input::Begin);
        let person = w.person("ada");
        let (producer, held) = (person.producer, person.held.take().unwrap());
        for input in held {
            if let Input::Called(_, _, Call::Report { facts }) = input {
                w.drained(producer, facts);
            }
        }
        w.feed(Input::Spent(producer));
        w.feed(Input::CaughtUp);
        w.scan();
        assert_eq!(w.blame("a.rs"), [OLD, TYPED, LOST, TYPED], "tracked: {tracked}");
    }
}

/// Of a long buffer the lines are not written with every group: those of the file serve.
#[test]
fn a_gap_in_a_long_file() {
    let old = "line\n".repeat(1_500);
    let mut w = away(false, &old);
    w.arrives("ada");
    w.saves("ada", "a.rs");
    w.appends("ada", "a.rs", "not saved\n");
    w.holds("ada");
    w.appends("ada", "a.rs", "in the gap\n");
    folds(&mut w, "a.rs");
    w.types("ada", "a.rs", 0, "after\n");
    begins(&mut w);
    comes_back(&mut w, "a.rs");
    let lines = w.blame_buffer("ada", "a.rs");
    assert_eq!(lines[..2], [TYPED, OLD]);
    assert_eq!(lines[1_500..], [OLD, TYPED, LOST, LOST]);
}

/// Random typing and deleting before, in and after a gap, each character typed once: who is named is who typed it.
#[test]
fn nobody_is_named_for_what_others_typed() {
    for seed in 0..150 {
        let mut dice = Dice(seed);
        // Who typed each character: '0' old, 'b' before, 'g' in the gap, 'a' after it.
        let mut who: Vec<char> = vec!['0'; 12];
        let mut fresh = 0x4e00_u32;
        let mut unique = || {
            fresh += 1;
            char::from_u32(fresh).unwrap()
        };
        let lines = |text: &mut dyn FnMut() -> char, n: usize| -> String {
            (0..n).flat_map(|_| [text(), text(), '\n']).collect()
        };
        let old = lines(&mut unique, 4);
        let mut w = World::new(&[("a.rs", &old)]);
        w.opens("ada", "a.rs");
        let saves = [dice.below(2) == 0, dice.below(2) == 0, dice.below(2) == 0];
        for (phase, by) in [(0, 'b'), (1, 'g'), (2, 'a')] {
            for _ in 0..1 + dice.below(4) {
                let text = &w.people["ada"].buffers["a.rs"];
                let chars: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                let at = dice.below(chars.len());
                let gone = dice.below(3).min(chars.len() - 1 - at);
                let (from, to) = (chars[at], chars[at + gone]);
                if gone > 0 && dice.below(2) == 0 {
                    w.cuts("ada", "a.rs", from, to - from);
                    who.drain(at..at + gone);
                } else {
                    let typed: String = (0..1 + dice.below(3)).map(|_| unique()).collect();
                    who.splice(at..at, typed.chars().map(|_| by));
                    w.types("ada", "a.rs", from, &typed);
                }
            }
            if saves[phase] {
                w.writes_file("ada", "a.rs");
                w.says_saved("ada", "a.rs");
            }
            match phase {
                0 => w.holds("ada"),
                1 => folds(&mut w, "a.rs"),
                _ => {}
            }
        }
        if dice.below(2) == 0 {
            begins(&mut w);
        }
        if dice.below(2) == 0 {
            w.scan();
        }
        comes_back(&mut w, "a.rs");
        for saved in [false, true] {
            if saved {
                w.saves("ada", "a.rs");
            }
            let text = w.people["ada"].buffers["a.rs"].clone();
            let digest = (!saved).then(|| of(&text));
            let reply = w.owners("a.rs", digest, false).unwrap();
            drop(view(&text, &reply));
            let mut at = 0;
            let mut spans = reply.spans.iter().flat_map(|span| std::iter::repeat_n(span.owner, span.len as usize));
            let owners: Vec<u32> = spans.by_ref().collect();
            for (character, by) in text.chars().zip(&who) {
                let verdict = &reply.owners[owners[at] as usize].verdict;
                let words = format!("{} {:?}", verdict.origin, verdict.evidence[0].kind);
                let right: &[&str] = match by {
                    '0' => &["unknown BeforeCodi2", "unknown Gap"],
                    'b' => &["person ada EditorDeclared", "unknown Gap"],
                    'g' => &["unknown Gap"],
                    _ => &["person ada EditorDeclared"],
                };
                assert!(right.contains(&words.as_str()), "seed {seed}, saved {saved}: {by} at {at} is {words}");
                at += character.len_utf8();
            }
        }
    }
}
