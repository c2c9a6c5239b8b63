//! Following the log: every event after a place once, whatever happens to the connection.
//!
//! The place is that of the last event handed over (or of the newest there was at the start); after a loss the tail
//! begins again after it. Absent on purpose: connecting and
//! waiting between attempts, which the caller does.

use codi2_protocol::{Call, Filter, Notice, Reply, Stamp, StampedEvent};

use super::link::{Hub, LinkError};

/// Where the log begins: before every event.
const BEGINNING: Stamp = Stamp { incarnation: 0, bytes: [0; 12] };

/// Why following stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The connection is of no use any more: connect and follow again.
    #[error("{0}")]
    Again(String),
    /// The hub refuses, or its answers make no sense.
    #[error(transparent)]
    Link(LinkError),
    /// Whoever takes the events cannot go on.
    #[error("{0}")]
    Taker(anyhow::Error),
}

impl From<LinkError> for Stopped {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Lost(reason) => Self::Again(reason),
            other => Self::Link(other),
        }
    }
}

/// A place in the log, and what is wanted after it.
#[derive(Debug, Clone)]
pub struct Follow {
    /// What is wanted.
    pub filter: Filter,
    /// The last event handed over; absent until the first connection says what "now" is.
    pub after: Option<Stamp>,
}

impl Follow {
    /// Fixes "now", so that a connection lost before the first event loses nothing.
    pub fn mark(&mut self, hub: &mut dyn Hub) -> Result<(), LinkError> {
        if self.after.is_none() {
            let newest = Call::Log { filter: Filter::default(), cursor: None, newest_first: true, limit: 1 };
            let Reply::Events { events, .. } = hub.call(newest)? else { return Err(LinkError::Odd("no events")) };
            self.after = Some(events.first().map_or(BEGINNING, |event| event.stamp));
        }
        Ok(())
    }

    /// Hands over batches of events until something ends it.
    pub fn run(
        &mut self,
        hub: &mut dyn Hub,
        take: &mut dyn FnMut(&[StampedEvent]) -> anyhow::Result<()>,
    ) -> Result<std::convert::Infallible, Stopped> {
        self.mark(hub)?;
        match hub.call(Call::Tail { filter: self.filter.clone(), from: self.after })? {
            Reply::Done => {}
            _ => return Err(LinkError::Odd("tail").into()),
        }
        loop {
            match hub.news()? {
                Notice::Events { events } => {
                    let fresh = events.iter().position(|event| Some(event.stamp) > self.after).unwrap_or(events.len());
                    let events = &events[fresh..];
                    if let Some(last) = events.last() {
                        take(events).map_err(Stopped::Taker)?;
                        self.after = Some(last.stamp);
                    }
                }
                Notice::Ending { reason } => return Err(Stopped::Again(format!("the hub is ending: {reason}"))),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codi2_protocol::{Actor, Event, EventBody, EventId, ProducerId};

    fn event(number: u8) -> StampedEvent {
        let event = Event {
            id: EventId::new(),
            producer: ProducerId::new(),
            seq: 0,
            occurred_ms: 0,
            received_ms: 0,
            host: None,
            session: None,
            worktree: None,
            file: None,
            actor: Actor::unknown(),
            body: EventBody::Private.into(),
        };
        StampedEvent { stamp: stamp(number), event }
    }

    fn stamp(number: u8) -> Stamp {
        let mut bytes = [0; 12];
        bytes[11] = number;
        Stamp { incarnation: 1, bytes }
    }

    /// A hub whose tail ends after `news`.
    struct Played {
        log: Vec<StampedEvent>,
        news: Vec<Notice>,
        tailed_from: Vec<Option<Stamp>>,
    }

    impl Hub for Played {
        fn call(&mut self, call: Call) -> Result<Reply, LinkError> {
            match call {
                Call::Log { limit: 1, newest_first: true, .. } => {
                    Ok(Reply::Events { events: self.log.last().cloned().into_iter().collect(), next: None })
                }
                Call::Tail { from, .. } => {
                    self.tailed_from.push(from);
                    Ok(Reply::Done)
                }
                other => panic!("{other:?}"),
            }
        }
        fn news(&mut self) -> Result<Notice, LinkError> {
            if self.news.is_empty() { Err(LinkError::Lost("killed".into())) } else { Ok(self.news.remove(0)) }
        }
    }

    fn followed(follow: &mut Follow, log: &[u8], news: Vec<Notice>) -> (Vec<u8>, Vec<Option<Stamp>>, Stopped) {
        let mut hub = Played { log: log.iter().map(|&n| event(n)).collect(), news, tailed_from: Vec::new() };
        let mut seen = Vec::new();
        let stopped = follow.run(&mut hub, &mut |events| {
            seen.extend(events.iter().map(|event| event.stamp.bytes[11]));
            Ok(())
        });
        (seen, hub.tailed_from, stopped.unwrap_err())
    }

    fn events(numbers: &[u8]) -> Notice {
        Notice::Events { events: numbers.iter().map(|&n| event(n)).collect() }
    }

    #[test]
    fn a_lost_connection_neither_loses_nor_repeats() {
        let mut follow = Follow { filter: Filter::default(), after: None };
        let (seen, from, stopped) = followed(&mut follow, &[1, 2], vec![events(&[3, 4])]);
        assert_eq!((seen, from), (vec![3, 4], vec![Some(stamp(2))]));
        assert!(matches!(stopped, Stopped::Again(_)));
        // The next hub sends one of them again.
        let (seen, from, _) =
            followed(&mut follow, &[1, 2, 3, 4, 5], vec![events(&[4, 5]), events(&[5]), events(&[6])]);
        assert_eq!((seen, from), (vec![5, 6], vec![Some(stamp(4))]));
    }

    #[test]
    fn now_is_fixed_before_the_first_event() {
        let mut follow = Follow { filter: Filter::default(), after: None };
        assert_eq!(followed(&mut follow, &[], vec![]).1, [Some(BEGINNING)]);
        assert_eq!(followed(&mut follow, &[1], vec![events(&[1])]).0, [1]);
        let mut follow = Follow { filter: Filter::default(), after: Some(stamp(7)) };
        assert_eq!(followed(&mut follow, &[9], vec![]).1, [Some(stamp(7))]);
    }

    #[test]
    fn a_taker_that_fails_ends_it() {
        let mut follow = Follow { filter: Filter::default(), after: Some(stamp(1)) };
        let mut hub = Played { log: vec![], news: vec![events(&[2])], tailed_from: vec![] };
        let stopped = follow.run(&mut hub, &mut |_| anyhow::bail!("full")).unwrap_err();
        assert!(matches!(stopped, Stopped::Taker(_)));
        assert_eq!(follow.after, Some(stamp(1)));
    }
}
