//! `codi2 tail`, and the following that log and monitor share: reconnects, says so, loses and repeats nothing.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use codi2_protocol::StampedEvent;
use jiff::Zoned;

use super::args::Tail;
use super::follow::{Follow, Stopped};
use super::link::Hub;
use super::printer::{Printer, complain};
use super::{Surroundings, feed, wanted};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Prints events as they become durable, until interrupted.
pub fn run(tail: &Tail, printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    let mut filter = wanted::filter(&tail.wanted, &Zoned::now())?;
    let mut hub = surroundings.connect_or_start()?;
    wanted::settle(&mut filter, &mut *hub)?;
    follow(Follow { filter, after: tail.from }, hub, printer, surroundings)
}

/// Follows on this connection and the next ones.
pub fn follow(follow: Follow, hub: Box<dyn Hub>, printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    let here = surroundings.here();
    again_and_again(follow, hub, surroundings, &mut |_| Ok(()), &mut |events| {
        let now = Zoned::now();
        events.iter().try_for_each(|event| feed::print(printer, event, &now, here))?;
        printer.flush()
    })
}

/// Follows; after a loss connects again (starting a hub where there is none), lets `greet` do what each connection
/// needs, and goes on.
pub fn again_and_again(
    mut follow: Follow,
    mut hub: Box<dyn Hub>,
    surroundings: &Surroundings,
    greet: &mut dyn FnMut(&mut dyn Hub) -> Result<()>,
    take: &mut dyn FnMut(&[StampedEvent]) -> Result<()>,
) -> Result<()> {
    loop {
        let Err(stopped) = follow.run(&mut *hub, take);
        match stopped {
            Stopped::Again(reason) => complain(&format!("{reason}; connecting again")),
            Stopped::Link(error) => return Err(error).context("the log cannot be followed"),
            Stopped::Taker(error) => return Err(error),
        }
        let mut pause = FIRST_PAUSE;
        loop {
            // Even before the first attempt: a hub that ends at once must not be started in a tight loop.
            thread::sleep(pause);
            let greeted = surroundings.connect_or_start().and_then(|mut hub| greet(&mut *hub).map(|()| hub));
            match greeted {
                Ok(connected) => {
                    hub = connected;
                    complain("connected again, nothing was missed");
                    break;
                }
                Err(error) => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    complain(&format!("{error:#}; trying again in {:.1} s", pause.as_secs_f32()));
                }
            }
        }
    }
}
