//! Real hubs in temporary places, a client without any help of `ipc`'s, and waiting for conditions.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::roles::ROLE;
use codi2_ipc::frame::{self, FromHub, Greeting};
use codi2_ipc::{Client, Options, Places, SpawnSpec};
use codi2_protocol::{
    Body, Call, ClientFrame, EventBody, Fact, Filter, Gap, GapReason, Hello, HubError, HubFrame, HubStatus, Notice,
    Numbered, ProducerId, Reply, Stamp, StampedEvent,
};

/// Longest wait for a condition; only ever reached by a failure.
pub const LONG: Duration = Duration::from_secs(60);
/// How long a hub stays without clients, in ms.
pub const IDLE: &str = "CODI2_TEST_IDLE";

/// The hub that a process of this binary runs in the role `hub`.
pub fn hub() {
    codi2_ipc::detach();
    let places = Places::find().unwrap();
    let store = places.state().join("store.redb");
    let idle = std::env::var(IDLE).ok().and_then(|idle| idle.parse().ok());
    let options = codi2_hub::Options {
        places,
        store: codi2_hub::StoreSpec::File(store),
        idle_ms: idle.unwrap_or(600_000),
        watch: codi2_workspace::WatchOptions::default(),
        notes: true,
        build: "test hub".into(),
        remarks: codi2_hub::Remarks::default(),
        tools: std::sync::Arc::new(codi2_hub::NoTools),
    };
    if let Err(error) = codi2_hub::run(options) {
        eprintln!("{error}");
        std::process::exit(3);
    }
}

/// A temporary home of hubs.
pub struct Home {
    folder: tempfile::TempDir,
    pub places: Places,
    variables: Vec<(&'static str, String)>,
}

impl Home {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// Its hubs get these variables.
    pub fn with(variables: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("hub").tempdir().unwrap();
        let places = Places::at(folder.path().join("s"), folder.path().join("r"));
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { folder, places, variables }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn store(&self) -> PathBuf {
        self.places.state().join("store.redb")
    }

    /// How clients start a hub here.
    pub fn spec(&self) -> SpawnSpec {
        let mut spec = SpawnSpec::this_program([] as [&str; 0]).unwrap();
        spec.variables = self.variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        spec.variables.push((ROLE.into(), "hub".into()));
        spec
    }

    /// Runs a hub and waits for its first line.
    pub fn start(&self) -> (Running, String) {
        Running::begin(&mut self.command())
    }

    /// What runs a hub.
    pub fn command(&self) -> Command {
        let errors = std::fs::File::options().append(true).create(true).open(self.errors()).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(ROLE, "hub").envs(self.places.variables()).envs(self.variables.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        command
    }

    /// Runs a hub that must become ready.
    pub fn ready(&self) -> Running {
        let (hub, line) = self.start();
        assert_eq!(line, "ready", "{}", self.said());
        hub
    }

    fn errors(&self) -> PathBuf {
        self.folder.path().join("errors")
    }

    /// What hubs wrote to standard error.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.errors()).unwrap_or_default()
    }

    /// A connection that reports as this producer.
    pub fn producer(&self, producer: ProducerId) -> Wire {
        Wire::greet(&self.places, Some(producer)).unwrap()
    }

    /// A connection that only asks.
    pub fn wire(&self) -> Wire {
        Wire::greet(&self.places, None).unwrap()
    }

    /// Stops the hub that runs and waits for its end.
    pub fn stop(&self, hub: Running) {
        assert_eq!(self.wire().call(Call::Stop), Ok(Reply::Done));
        assert_eq!(hub.ended(), Some(0), "{}", self.said());
    }

    /// A spool, as a client leaves it that ends while no hub runs: this many facts.
    pub fn leave_spool(&self, facts: u64) -> ProducerId {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let producer = runtime.block_on(async {
            let (client, _) = Client::spawn(self.places.clone(), None, Options::new("dying client"));
            (1..=facts).for_each(|n| client.report(None, n, fact(n)));
            client.flush(LONG).await;
            client.producer()
        });
        drop(runtime);
        // The keeper's thread may still be letting go of the lock.
        producer
    }
}

/// A hub's process. Killed when dropped.
pub struct Running(Child);

impl Running {
    /// Runs a hub and waits for its first line.
    pub fn begin(command: &mut Command) -> (Self, String) {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line.trim().to_owned())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// Its memory in RAM.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }

    /// Its exit code, once it has ended; none after a signal.
    pub fn ended(mut self) -> Option<i32> {
        let mut code = None;
        until("the hub ends", || {
            code = self.0.try_wait().unwrap();
            code.is_some()
        });
        code.unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A bare connection: what is sent and read is the test's choice.
pub struct Wire {
    pub stream: UnixStream,
    pub hub: Hello,
    last_id: u64,
    /// Notices that came while an answer was waited for.
    pub notices: Vec<Notice>,
}

impl Wire {
    pub fn connect(places: &Places) -> UnixStream {
        let stream = UnixStream::connect(places.socket()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream
    }

    pub fn greet(places: &Places, producer: Option<ProducerId>) -> Result<Self, HubError> {
        let mut stream = Self::connect(places);
        stream.write_all(&frame::encode(&codi2_ipc::hello("test", &[], producer)).unwrap()).unwrap();
        let body = frame::read_blocking(&mut stream).unwrap().unwrap();
        match frame::decode_greeting(&body).unwrap() {
            Greeting::Hello(hub) => Ok(Self { stream, hub, last_id: 0, notices: Vec::new() }),
            Greeting::Refused(error) => Err(error),
        }
    }

    pub fn send(&mut self, id: Option<u64>, call: Call) {
        self.stream.write_all(&frame::encode(&ClientFrame { id, call }).unwrap()).unwrap();
    }

    /// The next frame; none where the hub has closed.
    pub fn next(&mut self) -> Option<HubFrame> {
        let body = match frame::read_blocking(&mut self.stream) {
            Ok(body) => body?,
            Err(frame::FrameError::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("{error}"),
        };
        match frame::decode_from_hub(&body).unwrap() {
            FromHub::Frame(frame) => Some(frame),
            other => panic!("{other:?}"),
        }
    }

    pub fn notice(&mut self) -> Option<Notice> {
        if !self.notices.is_empty() {
            return Some(self.notices.remove(0));
        }
        match self.next()? {
            HubFrame::Notice(notice) => Some(notice),
            other => panic!("{other:?}"),
        }
    }

    /// Asks and waits for the answer.
    pub fn call(&mut self, call: Call) -> Result<Reply, HubError> {
        self.last_id += 1;
        self.send(Some(self.last_id), call);
        self.answer(self.last_id)
    }

    pub fn answer(&mut self, wanted: u64) -> Result<Reply, HubError> {
        loop {
            match self.next().expect("an answer") {
                HubFrame::Reply { id, reply } if id == wanted => return Ok(reply),
                HubFrame::Error { id, error } if id == Some(wanted) => return Err(error),
                HubFrame::Notice(notice) => self.notices.push(notice),
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn report(&mut self, numbers: std::ops::RangeInclusive<u64>) {
        let facts: Vec<_> =
            numbers.map(|n| Numbered { seq: n, occurred_ms: n, session: None, fact: fact(n) }).collect();
        for facts in facts.chunks(codi2_protocol::limits::BATCH_FACTS) {
            self.send(None, Call::Report { facts: facts.to_vec() });
        }
    }

    /// Reads acknowledgements up to this number; what they said.
    pub fn durable(&mut self, upto: u64) -> Vec<u64> {
        let mut said = Vec::new();
        while said.last().is_none_or(|last| *last < upto) {
            match self.notice().expect("an acknowledgement") {
                Notice::Durable { seq } => said.push(seq),
                other => panic!("{other:?}"),
            }
        }
        said
    }

    pub fn status(&mut self) -> HubStatus {
        match self.call(Call::Status) {
            Ok(Reply::Status(status)) => *status,
            other => panic!("{other:?}"),
        }
    }

    /// A page of the log.
    pub fn page(
        &mut self,
        cursor: Option<Stamp>,
        newest_first: bool,
        limit: u32,
    ) -> (Vec<StampedEvent>, Option<Stamp>) {
        match self.call(Call::Log { filter: Filter::default(), cursor, newest_first, limit }) {
            Ok(Reply::Events { events, next }) => (events, next),
            other => panic!("{other:?}"),
        }
    }

    /// The whole log.
    pub fn log(&mut self, newest_first: bool, limit: u32) -> Vec<StampedEvent> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let (events, next) = self.page(cursor, newest_first, limit);
            all.extend(events);
            match next {
                Some(next) => cursor = Some(next),
                None => return all,
            }
        }
    }

    /// Events of a tail, until there are this many; other frames are left out.
    pub fn tailed(&mut self, count: usize) -> Vec<StampedEvent> {
        let mut all = Vec::new();
        while all.len() < count {
            match self.notice().expect("events") {
                Notice::Events { events } => all.extend(events),
                other => panic!("{other:?}"),
            }
        }
        all
    }
}

/// A fact that becomes one event with its number in it.
pub fn fact(n: u64) -> Fact {
    Fact::Gap(Gap { first_seq: n, last_seq: n, facts: 1, bytes: n, reason: GapReason::Other })
}

/// The numbers of a producer's events, in the order of the log.
pub fn numbers(events: &[StampedEvent], producer: ProducerId) -> Vec<u64> {
    events.iter().filter(|event| event.event.producer == producer).map(|event| event.event.seq).collect()
}

/// The gaps in the log that were not reported as [`fact`]s.
pub fn gaps(events: &[StampedEvent]) -> Vec<Gap> {
    let gap = |event: &StampedEvent| match &event.event.body {
        Body::Known(EventBody::Gap(gap)) if gap.reason != GapReason::Other => Some(gap.clone()),
        _ => None,
    };
    events.iter().filter_map(gap).collect()
}

/// Waits until it holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
