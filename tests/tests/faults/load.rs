//! Clients under load, and whether the log has what was acknowledged to them.

use std::time::Duration;

use codi2_ipc::blocking::Link;
use codi2_ipc::{Client, Flushed, Options, Places, SpawnSpec};
use codi2_protocol::{Body, Call, EventBody, Fact, Filter, Gap, GapReason, HubStatus, Reply, StampedEvent};
use codi2_tests::{World, program, wait_for};
use tokio::runtime::Runtime;

/// How a hub's folders are named to clients in this process.
pub fn places(world: &World) -> Places {
    Places::at(world.state(), world.runtime())
}

/// How clients in this process start the real hub.
pub fn spec(world: &World) -> SpawnSpec {
    let home = world.home();
    let variables = [("HOME", home.clone()), ("XDG_CONFIG_HOME", home.join("config"))];
    SpawnSpec {
        program: program().to_owned(),
        args: ["hub", "start", "--foreground"].map(Into::into).to_vec(),
        variables: variables.map(|(name, value)| (name.into(), value.into())).to_vec(),
    }
}

/// The runtime that clients live on.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// A client that reports numbered facts, each of which becomes one event.
pub struct Producer {
    pub client: Client,
    reported: u64,
}

impl Producer {
    pub fn start(runtime: &Runtime, world: &World, start: Option<SpawnSpec>) -> Self {
        let _inside = runtime.enter();
        // Whoever drops the news does not want them.
        let (client, _) = Client::spawn(places(world), start, Options::new("faults"));
        Self { client, reported: 0 }
    }

    /// Reports this many facts more.
    pub fn report(&mut self, count: u64) {
        for _ in 0..count {
            self.reported += 1;
            let n = self.reported;
            let gap = Gap { first_seq: n, last_seq: n, facts: 1, bytes: n, reason: GapReason::Other };
            self.client.report(None, n, Fact::Gap(gap));
        }
    }

    /// Facts acknowledged; those just reported may not be counted as pending yet.
    pub fn acknowledged(&self) -> u64 {
        self.reported.saturating_sub(self.client.status().pending)
    }

    /// Waits until everything reported is acknowledged, however often the hub goes away.
    pub fn settle(&self, runtime: &Runtime) {
        wait_for(
            "everything to be durable",
            || format!("{:?}", self.client.status()),
            || (runtime.block_on(self.client.flush(Duration::from_secs(5))) == Flushed::Durable).then_some(()),
        );
    }

    /// The log must have each of its facts once, in order, as it was reported.
    pub fn check(&self, log: &[StampedEvent]) {
        let own: Vec<&Gap> = log
            .iter()
            .filter(|stored| stored.event.producer == self.client.producer())
            .map(|stored| match &stored.event.body {
                Body::Known(EventBody::Gap(gap)) => gap,
                other => panic!("not what was reported: {other:?}"),
            })
            .collect();
        let numbers: Vec<u64> = own.iter().map(|gap| gap.first_seq).collect();
        assert_eq!(numbers, (1..=self.reported).collect::<Vec<_>>(), "each once and in order");
        let same = |gap: &&Gap| gap.first_seq == gap.last_seq && gap.facts == 1 && gap.reason == GapReason::Other;
        assert!(own.iter().all(same), "some were told as lost");
    }
}

/// The whole log, oldest first.
pub fn log(world: &World) -> Vec<StampedEvent> {
    let mut link = Link::connect_or_start(&places(world), &spec(world), "faults").expect("a hub");
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let call = Call::Log { filter: Filter::default(), cursor, newest_first: false, limit: 1_000 };
        match link.call(call).expect("a page") {
            Reply::Events { events, next } => {
                all.extend(events);
                cursor = next;
            }
            other => panic!("{other:?}"),
        }
        if cursor.is_none() {
            return all;
        }
    }
}

/// The hub's own account over a connection that stands.
pub fn status(link: &mut Link) -> HubStatus {
    match link.call(Call::Status) {
        Ok(Reply::Status(status)) => *status,
        other => panic!("{other:?}"),
    }
}
