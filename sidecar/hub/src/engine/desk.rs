//! The core's desk: what lies before the core goes in, and what it wants done goes where it belongs.
//!
//! Once the store is not waited for any more nothing leaves it: what was decided without what is stored is never written.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use codi2_protocol::{Call, ErrorCode, Fact, HubError, Numbered};
use codi2_store::{Store, StoreError};

use super::{Known, Outlets, Output, Problems, now_ms};
use crate::core::{Asked, Core, Effect, Input, Why};
use crate::dead::{Dead, Piece};
use crate::measures::Measures;
use crate::notes::Wish;
use crate::world::World;
use crate::writer::{Order, Road};

/// The core, and where its effects go.
pub(super) struct Desk<'a> {
    pub core: &'a mut Core,
    pub world: &'a mut World,
    pub outlets: &'a Outlets,
    pub measures: &'a Measures,
    pub output: &'a Arc<dyn Fn(Output) + Send + Sync>,
    pub problems: Problems,
    pub given_up: &'a OnceLock<StoreError>,
}

impl Desk<'_> {
    /// Gives the core an input that came at `came`.
    pub fn take(&mut self, input: Input, came: Instant) {
        // Not acknowledged, it comes again.
        if self.has_given_up() {
            return;
        }
        self.count(&input);
        let hook = matches!(input, Input::Called(_, _, Call::Hook(_)));
        // Whoever leaves a note leaves: it has no number by which it would hear that it is durable.
        let note = matches!(input, Input::Called(_, _, Call::Note(_)));
        let road = match input {
            Input::Called(_, _, Call::Report { .. }) => Some((Road::Fact, came)),
            Input::Watched(..) => Some((Road::Watch, came)),
            _ => None,
        };
        let begun = Instant::now();
        let effects = self.core.on(input, now_ms(), self.world);
        self.world.taken();
        self.measures.turn.took(begun.elapsed());
        if matches!(road, Some((Road::Fact, _))) {
            self.measures.decide.took(begun.elapsed());
        }
        if hook {
            self.measures.hook.took(came.elapsed());
        }
        if self.has_given_up() {
            // Decided without what is stored.
            return;
        }
        self.carry_out(effects, road, note);
    }

    /// Tells what is known of a committed content.
    pub fn ask(&mut self, asked: &Asked) -> Known {
        let begun = Instant::now();
        let (answer, effects) = self.core.committed(asked, now_ms(), self.world);
        self.world.taken();
        self.measures.turn.took(begun.elapsed());
        if self.has_given_up() {
            return Err("the store is away".into());
        }
        self.carry_out(effects, None, false);
        answer
    }

    /// `waits`: whoever called hears of it once all before it is durable.
    fn carry_out(&self, effects: Vec<Effect>, road: Option<(Road, Instant)>, waits: bool) {
        for effect in effects {
            match effect {
                Effect::Commit(entry) => self.order(Order::Write(Box::new(entry), road)),
                Effect::Reply(ticket, answer) if waits => {
                    let output = Arc::clone(self.output);
                    self.order(Order::Barrier(Box::new(move || output(Output::Reply(ticket, answer)))));
                }
                Effect::Reply(ticket, answer) => (self.output)(Output::Reply(ticket, answer)),
                Effect::Notify(producer, notice) => (self.output)(Output::Notify(producer, notice)),
                Effect::Look(worktree, why) => {
                    if let Some(place) = self.world.place(&worktree).cloned() {
                        let notes = self.outlets.notes.clone();
                        // A thread of notes that is gone has ended with the hub.
                        self.order(Order::Barrier(Box::new(move || drop(notes.send(Wish { place, why })))));
                    } else if let Why::Asked(ticket) = why {
                        let message = "that worktree is not watched any more".to_owned();
                        (self.output)(Output::Reply(ticket, Err(HubError { code: ErrorCode::NotFound, message })));
                    }
                }
                Effect::Problem(problem) => self.problems.note(problem),
            }
        }
    }

    /// Counts the gaps that an input tells of.
    fn count(&self, input: &Input) {
        let (Input::Called(_, _, Call::Report { facts }) | Input::Drained(_, _, facts)) = input else { return };
        for Numbered { fact, .. } in facts {
            if let Fact::Gap(gap) = fact {
                self.measures.gaps.add(1);
                self.measures.gap_facts.add(gap.facts);
            }
        }
    }

    pub fn drain(&mut self, dead: &mut Dead, store: &Store, whole: bool) {
        dead.drain(store, whole, now_ms(), &mut |piece| match piece {
            Piece::Input(input) => self.take(input, Instant::now()),
            Piece::Write(entry) => self.order(Order::Write(Box::new(entry), None)),
            Piece::Durable(tell) => self.order(Order::Barrier(tell)),
            Piece::Problem(problem) => self.problems.note(problem),
            Piece::GivenUp(error) => self.world.give_up(error),
        });
    }

    /// Whether the store is not waited for any more, so that nothing may be written.
    fn has_given_up(&self) -> bool {
        self.world.given_up().is_some_and(|error| {
            self.given_up.get_or_init(|| error);
            true
        })
    }

    pub fn order(&self, order: Order) {
        // Nor is anything durable that was dropped before it.
        if self.has_given_up() {
            return;
        }
        self.measures.writer_queue.add(1);
        // A writer that is gone has said so, and the hub ends.
        let _ = self.outlets.orders.send(order);
    }
}
