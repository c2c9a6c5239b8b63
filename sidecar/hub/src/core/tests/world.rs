//! The world of the tests: core, people and the outside together, and a log that drops duplicates like the store does.
//!
//! Every event and every state of the ledger is checked as it comes, whatever the scenario is about.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use codi2_protocol::{
    Actor, ActorKind, Body, Call, Change, Digest, Event, EventBody, EventId, HookPhase, HookRecord, HubError, Notice,
    Numbered, OwnersReply, ProducerId, Reply,
};
use codi2_text::{Text, lines_by};
use codi2_workspace::{Cause, GitExplanation, GitSource, Oid, WatchEvent};

use super::super::{Core, Effect, Input, Ticket};
pub use super::fake::{Fake, MOVED, ROOT, file, host, of, worktree};
use super::sidecar::Sidecar;

/// A core that knows nothing yet.
pub fn core() -> Core {
    Core::new(ProducerId::new(), host(), SECRET)
}

/// The hub's secret.
pub const SECRET: [u8; 32] = [7; 32];

/// Everything: the core, the world around it, the people, the log.
pub struct World {
    pub ports: Fake,
    pub core: Core,
    pub events: Vec<Event>,
    pub notices: Vec<(ProducerId, Notice)>,
    pub replies: Vec<(u64, Result<Reply, HubError>)>,
    pub problems: Vec<String>,
    pub people: BTreeMap<&'static str, Sidecar>,
    /// Numbers of producers as they were acknowledged.
    pub acknowledged: HashMap<ProducerId, u64>,
    /// Length of the text behind each digest ever seen.
    pub lengths: HashMap<Digest, usize>,
    pub texts: HashMap<Digest, Vec<u8>>,
    pub asked: u64,
    /// Whether hooks and looks take no time that the clock could tell.
    pub stands_still: bool,
}

impl World {
    /// A watched worktree with these files, older than codi2.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let mut world = Self::bare();
        for (path, text) in files {
            world.put(path, text);
        }
        world.scan();
        world
    }

    /// A world that nobody watches yet.
    pub fn bare() -> Self {
        let ports = Fake::new();
        let mut world = Self {
            ports,
            core: core(),
            events: Vec::new(),
            notices: Vec::new(),
            replies: Vec::new(),
            problems: Vec::new(),
            people: BTreeMap::new(),
            acknowledged: HashMap::new(),
            lengths: HashMap::new(),
            texts: HashMap::new(),
            asked: 0,
            stands_still: false,
        };
        world.know("");
        world
    }

    /// Watches, and looks at everything once.
    pub fn scan(&mut self) {
        self.feed(Input::Called(None, 1, Call::Watch { path: ROOT.into(), poll: false }));
        let page = self.ports.files.keys().filter(|path| !self.ports.private.contains(*path));
        let page = page.map(|path| self.ports.observe(path, Cause::Scan)).collect::<Vec<_>>();
        let files = page.len() as u64;
        self.feed(Input::Watched(worktree(), WatchEvent::Scan(page)));
        self.feed(Input::Watched(worktree(), WatchEvent::ScanDone { files }));
    }

    /// The hub ends and another one starts over the same store. Editors stay, and connect again.
    pub fn hub_restarts(&mut self) {
        self.core = core();
        self.ports.watched.clear();
        self.feed(Input::Begin);
        self.feed(Input::CaughtUp);
        self.tick(1_000);
        let people: Vec<_> = self.people.values().map(|person| (person.connection, person.producer)).collect();
        people.into_iter().for_each(|(connection, producer)| self.joins(connection, producer));
    }

    /// A sidecar connects; the greeting tells what the store has of it.
    pub fn joins(&mut self, connection: u64, producer: ProducerId) {
        self.feed(Input::Joined(connection, producer, self.ports.durable(producer)));
    }

    /// The spool of a dead sidecar is taken in.
    pub fn drained(&mut self, producer: ProducerId, facts: Vec<Numbered>) {
        self.feed(Input::Drained(producer, self.ports.durable(producer), facts));
    }

    /// A text that exists somewhere: its length is remembered for the checks.
    pub fn know(&mut self, text: impl AsRef<[u8]>) -> Digest {
        let bytes = text.as_ref();
        let digest = of(bytes);
        let decoded = codi2_workspace::decode(bytes);
        let text = if bytes.len() > self.ports.max_bytes { String::new() } else { decoded.text };
        self.lengths.insert(digest, text.len());
        if of(&text) != digest {
            self.lengths.insert(of(&text), text.len());
        }
        self.texts.insert(digest, bytes.to_vec());
        digest
    }

    /// Gives the core an input and does what it wants done.
    pub fn feed(&mut self, input: Input) {
        let effects = self.core.on(input, self.ports.now, &mut self.ports);
        for effect in effects {
            match effect {
                Effect::Commit(entry) => {
                    let mut fresh = true;
                    if let Some((producer, seq)) = entry.fact {
                        let durable = self.ports.producers.entry(producer).or_default();
                        fresh = seq > *durable;
                        *durable = seq.max(*durable);
                    }
                    if let (true, Some((id, _))) = (fresh, entry.hook) {
                        fresh = self.ports.hooks.insert(id);
                    }
                    if fresh {
                        for event in entry.events {
                            self.check_event(&event);
                            self.events.push(event);
                        }
                        entry.rows.into_iter().for_each(|row| self.ports.apply(row));
                    }
                    for (producer, notice) in entry.then {
                        self.notice(producer, notice);
                    }
                }
                Effect::Reply(ticket, reply) => self.replies.push((ticket.id, reply)),
                Effect::Notify(producer, notice) => self.notice(producer, notice),
                // Nobody looks at commits here.
                Effect::Look(..) => {}
                Effect::Problem(problem) => self.problems.push(problem),
            }
        }
        self.check_ledger();
    }

    fn notice(&mut self, producer: ProducerId, notice: Notice) {
        if let Notice::Durable { seq } = notice {
            let known = self.acknowledged.entry(producer).or_default();
            assert!(seq >= *known, "acknowledgements never go back: {seq} after {known}");
            let durable = self.ports.producers.get(&producer).copied().unwrap_or(0);
            assert!(seq <= durable, "{seq} is acknowledged, but only {durable} is durable");
            *known = seq;
        }
        self.notices.push((producer, notice));
    }

    fn check_event(&self, event: &Event) {
        let body = event.body.known().unwrap();
        assert!(self.events.iter().all(|other| other.id != event.id), "an event id is used once");
        let change = match body {
            EventBody::Edit { change, .. } | EventBody::Disk { change, .. } | EventBody::Upgrade { change, .. } => {
                Some(change)
            }
            _ => None,
        };
        if change.is_some() || matches!(body, EventBody::Saved { .. }) {
            assert!(event.worktree.is_some() && event.file.is_some(), "a change is of a file: {event:?}");
        }
        if matches!(body, EventBody::Edit { parts: 2.., .. }) {
            return;
        }
        if let Some(change) = change {
            self.check_change(change, event);
        }
    }

    /// The ranges lead from the length before to the length after.
    fn check_change(&self, change: &Change, event: &Event) {
        let length = |digest: Option<Digest>| digest.map_or(Some(0), |digest| self.lengths.get(&digest).copied());
        let (Some(before), Some(after)) = (length(change.before), length(change.after)) else {
            panic!("a digest nobody knows: {event:?}")
        };
        assert!(!change.verdicts.is_empty() || change.ranges.is_empty());
        let mut len = before as u64;
        for range in &change.ranges {
            assert!(range.at + range.deleted <= len, "{range:?} in a text of {len} bytes: {event:?}");
            assert!((range.verdict as usize) < change.verdicts.len());
            assert!(range.deleted + range.inserted > 0, "a range that is nothing: {event:?}");
            assert!(range.line >= 1);
            len = len - range.deleted + range.inserted;
        }
        assert!(change.truncated || len == after as u64, "{len} bytes instead of {after}: {event:?}");
        for verdict in &change.verdicts {
            assert!(!verdict.evidence.is_empty(), "a verdict has a reason: {verdict:?}");
        }
    }

    /// The owners of every known state cover exactly its text.
    fn check_ledger(&self) {
        for (file, on_disk) in &self.core.ledger.disk {
            let Some(on_disk) = on_disk else { continue };
            let len = on_disk.known.owners.len();
            assert_eq!(Some(&len), self.lengths.get(&on_disk.known.digest), "owners of {} on disk", file.path);
            if let Some(text) = on_disk.known.text() {
                assert_eq!(Digest::new(text.digest()), on_disk.known.digest);
            }
        }
        for ((file, _), branch) in &self.core.ledger.branches {
            if branch.is_lost() {
                continue;
            }
            let len = branch.known.owners.len();
            assert_eq!(Some(&len), self.lengths.get(&branch.known.digest), "owners of the buffer of {}", file.path);
            if let Some(text) = branch.known.text() {
                assert_eq!(Digest::new(text.digest()), branch.known.digest);
            }
        }
    }

    /// Time passes.
    pub fn tick(&mut self, ms: u64) {
        self.ports.now += ms;
        self.feed(Input::Tick);
    }

    /// A hook or a look takes its time.
    fn takes(&mut self, ms: u64) {
        self.ports.now += if self.stands_still { 0 } else { ms };
    }

    /// Puts a file there; nobody has seen it yet.
    pub fn put(&mut self, path: &str, bytes: impl AsRef<[u8]>) {
        self.know(&bytes);
        let now_ns = self.ports.now * 1_000_000;
        let written = self.ports.writes.entry(path.to_owned()).or_default();
        *written = now_ns.max(*written + 1);
        self.ports.files.insert(path.to_owned(), bytes.as_ref().to_vec());
    }

    /// The watch sees a file as it is now.
    pub fn watch_sees(&mut self, path: &str) {
        self.takes(30);
        let observation = self.ports.observe(path, Cause::Event);
        self.feed(Input::Watched(worktree(), WatchEvent::Observed(vec![observation])));
    }

    /// A program that nobody announced writes a file.
    pub fn program_writes(&mut self, path: &str, bytes: impl AsRef<[u8]>) {
        self.put(path, bytes);
        self.watch_sees(path);
    }

    /// A file goes.
    pub fn removes(&mut self, path: &str) {
        self.ports.files.remove(path);
        self.watch_sees(path);
    }

    /// A file gets another path, and the watch pairs the two.
    pub fn renames(&mut self, from: &str, to: &str) {
        let bytes = self.ports.files.remove(from).unwrap();
        self.ports.files.insert(to.to_owned(), bytes);
        self.ports.now += 30;
        let mut observation = self.ports.observe(to, Cause::Event);
        observation.from = Some(from.to_owned());
        self.feed(Input::Watched(worktree(), WatchEvent::Observed(vec![observation])));
    }

    /// Git writes a file and the watch can explain it.
    pub fn git_writes(&mut self, path: &str, bytes: Option<&str>, operation: &str, what: GitSource, sources: &[&str]) {
        match bytes {
            Some(bytes) => self.put(path, bytes),
            None => drop(self.ports.files.remove(path)),
        }
        self.git_explains(path, operation, what, sources);
    }

    /// Git's index takes the file as it is now; nobody has seen it yet.
    pub fn staged(&mut self, path: &str) {
        let bytes = self.ports.files[path].clone();
        self.ports.objects.insert(Oid::of_blob(&bytes).unwrap(), bytes.clone());
        self.ports.index.insert(path.to_owned(), bytes);
    }

    /// The watch explains a file as it is now by git.
    pub fn git_explains(&mut self, path: &str, operation: &str, what: GitSource, sources: &[&str]) {
        self.ports.now += 30;
        if what != GitSource::Passed && self.ports.files.contains_key(path) {
            self.staged(path);
        }
        let mut observation = self.ports.observe(path, Cause::Event);
        let sources = sources.iter().map(|text| text.as_bytes().into()).collect();
        observation.git = Some(GitExplanation { operation: operation.to_owned(), what, sources });
        self.feed(Input::Watched(worktree(), WatchEvent::Observed(vec![observation])));
    }

    /// An agent's hook runs and waits for the hub.
    pub fn hook(&mut self, phase: HookPhase, agent: &str, paths: &[&str]) -> HookRecord {
        self.takes(5);
        let record = self.hook_record(phase, agent, paths);
        self.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record.clone())));
        record
    }

    /// What an agent's hook says.
    pub fn hook_record(&self, phase: HookPhase, agent: &str, paths: &[&str]) -> HookRecord {
        let pid = agent.bytes().map(u32::from).sum();
        HookRecord {
            id: EventId::new(),
            at_ms: self.ports.now,
            phase,
            format: "agent-v1".into(),
            // Like agent-v1: the agent names itself afterwards only.
            actor: (phase != HookPhase::Before).then(|| Actor::named(ActorKind::Agent, agent)),
            parent_pid: pid,
            parent_start: Some(u64::from(pid) * 10),
            call: None,
            pair: None,
            folder: ROOT.into(),
            files: paths.iter().map(|path| Path::new(ROOT).join(path).to_str().unwrap().to_owned()).collect(),
            found: Vec::new(),
        }
    }

    pub fn agent_before(&mut self, agent: &str, path: &str) {
        self.hook(HookPhase::Before, agent, &[path]);
    }

    pub fn agent_after(&mut self, agent: &str, path: &str) {
        self.hook(HookPhase::After, agent, &[path]);
    }

    /// The agent's edit failed.
    pub fn agent_fails(&mut self, agent: &str, path: &str) {
        self.hook(HookPhase::Failed, agent, &[path]);
    }

    /// Asks for owners.
    pub fn owners(&mut self, path: &str, digest: Option<Digest>, buffer: bool) -> Result<OwnersReply, HubError> {
        self.asked += 1;
        let ticket = Ticket { connection: 8, id: self.asked };
        self.feed(Input::Called(Some(ticket), 8, Call::Owners { file: file(path), digest, buffer }));
        match self.replies.pop() {
            Some((id, Ok(Reply::Owners(reply)))) if id == self.asked => Ok(reply),
            Some((id, Err(error))) if id == self.asked => Err(error),
            other => panic!("no answer: {other:?}"),
        }
    }

    /// Who owns each line of a text: kind, name, class, first reason.
    pub fn blame(&mut self, path: &str) -> Vec<String> {
        let reply = self.owners(path, None, false).unwrap();
        let bytes = self.ports.files.get(path).cloned().unwrap_or_default();
        let text = codi2_workspace::decode(&bytes).text;
        view(&text, &reply)
    }

    /// The same for somebody's buffer.
    pub fn blame_buffer(&mut self, who: &'static str, path: &str) -> Vec<String> {
        let text = self.people[who].buffers[path].clone();
        let reply = self.owners(path, Some(of(&text)), false).unwrap();
        view(&text, &reply)
    }

    /// The events as `kind actor session?` in short, from number `from` on.
    pub fn log(&self, from: usize) -> Vec<String> {
        let session = |event: &Event| event.session.map_or("", |_| " in a session");
        self.events[from..].iter().map(|event| format!("{} {}{}", event.kind(), event.actor, session(event))).collect()
    }

    /// How many events of a kind there are.
    pub fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| event.kind() == kind).count()
    }

    /// The body of the last event of a kind.
    pub fn last(&self, kind: &str) -> &Event {
        self.events.iter().rev().find(|event| event.kind() == kind).unwrap()
    }

    /// How often the hub asked for a whole text.
    pub fn wanted(&self) -> usize {
        self.notices.iter().filter(|(_, notice)| matches!(notice, Notice::WantText { .. })).count()
    }
}

/// The body of an event of ours.
pub fn body(event: &Event) -> &EventBody {
    match &event.body {
        Body::Known(body) => body,
        Body::Other(_) => panic!("our own events are known"),
    }
}

pub fn view(text: &str, reply: &OwnersReply) -> Vec<String> {
    assert_eq!(reply.digest, of(text), "the answer is about the text asked for");
    let len: u64 = reply.spans.iter().map(|span| span.len).sum();
    assert_eq!(len, text.len() as u64, "the spans cover the text");
    assert!(reply.spans.iter().all(|span| span.len > 0 && (span.owner as usize) < reply.owners.len()));
    let spans = reply.spans.iter().map(|span| (span.len as usize, span.owner));
    let who = |owner: &u32| {
        let verdict = &reply.owners[*owner as usize].verdict;
        (verdict.origin.clone(), verdict.class)
    };
    let lines = lines_by(&Text::new(text), spans, who);
    let line = |line: &codi2_text::LineOwner<u32>| {
        let verdict = &reply.owners[line.owner as usize].verdict;
        let mixed = if line.mixed { " mixed" } else { "" };
        format!("{} {} {:?}{mixed}", verdict.origin, verdict.class, verdict.evidence[0].kind)
    };
    lines.iter().map(line).collect()
}
