//! One sample of every message and of every variant, the same in every run.

use std::collections::BTreeMap;

use codi2_protocol::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

pub fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 + n)
}
pub fn producer() -> ProducerId {
    ProducerId::from_uuid(uuid(1))
}
pub fn session() -> SessionId {
    SessionId::from_uuid(uuid(2))
}
pub fn group() -> GroupId {
    GroupId::from_uuid(uuid(3))
}
pub fn event_id() -> EventId {
    EventId::from_uuid(uuid(4))
}
pub fn worktree() -> WorktreeId {
    WorktreeId { repository: RepositoryId::from_uuid(uuid(5)), name: String::new() }
}
pub fn file() -> FileId {
    FileId { worktree: worktree(), path: "src/main.rs".into() }
}
pub fn digest(n: u8) -> Digest {
    Digest::new([n; 32])
}
pub fn stamp(n: u8) -> Stamp {
    Stamp { incarnation: 1, bytes: [0, 0, 0, 0, 0, 0, 0, n, 0, 0, 0, 0] }
}
pub fn person() -> Actor {
    Actor::named(ActorKind::Person, "Ada <ada@example.org>")
}
pub fn agent() -> Actor {
    Actor {
        tool: Some("my-agent".into()),
        model: Some("model-1".into()),
        session: Some("conv-1".into()),
        parent: Some(Box::new(Actor::named(ActorKind::Orchestrator, "conductor"))),
        parent_by: Some(KnownBy::Hook),
        ..Actor::named(ActorKind::Agent, "my-agent")
    }
}
pub fn verdict() -> Verdict {
    Verdict {
        modifier: Some(Actor::named(ActorKind::Tool, "rustfmt")),
        acceptor: Some(person()),
        ..Verdict::new(agent(), Class::Exact, EvidenceKind::IntentExact, "announced through agent-v1")
    }
}
pub fn info() -> SessionInfo {
    SessionInfo {
        session: session(),
        actor: person(),
        editor: Editor { name: "Neovim".into(), version: Some("0.11.4".into()) },
        pid: 4242,
        process: Some(Process { pid: 4243, start: Some(123_456) }),
        host: Some(HostId::from_uuid(uuid(6))),
        worktree: Some(worktree()),
        root: Some("/home/ada/project".into()),
        branch: Some("main".into()),
        base: Some("0f00".repeat(10)),
    }
}
pub fn touched() -> Touched {
    Touched { session: session(), file: file(), base: digest(1), start: 10, end: 12, at_ms: 1_700_000_000_123 }
}
pub fn heartbeat() -> Heartbeat {
    Heartbeat { session: session(), at_ms: 1_700_000_000_000, file: Some(file()), open: 2, last_edit_ms: Some(1) }
}
pub fn hook() -> HookRecord {
    HookRecord {
        id: event_id(),
        at_ms: 1_700_000_000_000,
        phase: HookPhase::After,
        format: "agent-v1".into(),
        actor: Some(agent()),
        parent_pid: 77,
        parent_start: Some(123_456),
        call: Some("call-1".into()),
        pair: Some("conv-1/edit".into()),
        folder: "/home/ada/project".into(),
        files: vec!["/home/ada/project/src/main.rs".into()],
        found: vec![HookFound { file: 0, digest: Some(digest(1)), put: Some(vec![(0, 12)]), lines: Some(vec![1, 2]) }],
    }
}
pub fn said() -> Said {
    Said {
        action: Some("plan".into()),
        message: "split the parser".into(),
        by: KnownBy::Surroundings,
        marks: vec!["CLAUDE_CODE_CHILD_SESSION".into()],
    }
}
pub fn note() -> NoteRecord {
    NoteRecord {
        id: event_id(),
        at_ms: 1_700_000_000_000,
        actor: agent(),
        said: said(),
        folder: "/home/ada/project".into(),
        file: Some("/home/ada/project/src/main.rs".into()),
    }
}
pub fn gap() -> Gap {
    Gap { first_seq: 5, last_seq: 9, facts: 5, bytes: 900, reason: GapReason::SpoolFull }
}
pub fn edit_group() -> EditGroup {
    EditGroup {
        group: group(),
        file: file(),
        part: 0,
        parts: 1,
        before: digest(1),
        after: digest(2),
        edits: vec![Edit {
            at: 4,
            deleted: 0,
            inserted: 7,
            line: 2,
            lines_deleted: 0,
            lines_inserted: 1,
            shape: Shape::Insert,
            source: Some(Source { kind: SourceKind::Paste, name: Some("register +".into()), detail: None }),
            restored: vec![Restored { at: 0, len: 7, group: group(), edit: 0, from: 0 }],
            copied: vec![Copied { at: 0, len: 7, file: Some(file()), digest: digest(1), from: 3 }],
        }],
        first_ms: 1_700_000_000_000,
        last_ms: 1_700_000_000_200,
    }
}
pub fn change() -> Change {
    Change {
        before: Some(digest(1)),
        after: Some(digest(2)),
        ranges: vec![Range {
            at: 4,
            deleted: 0,
            inserted: 7,
            line: 2,
            lines_deleted: 0,
            lines_inserted: 1,
            verdict: 0,
        }],
        verdicts: vec![verdict()],
        truncated: false,
    }
}
pub fn event(body: EventBody) -> Event {
    Event {
        id: event_id(),
        producer: producer(),
        seq: 7,
        occurred_ms: 1_700_000_000_000,
        received_ms: 1_700_000_000_005,
        host: Some(HostId::from_uuid(uuid(6))),
        session: Some(session()),
        worktree: Some(worktree()),
        file: Some("src/main.rs".into()),
        actor: person(),
        body: body.into(),
    }
}
pub fn filter() -> Filter {
    Filter {
        since_ms: Some(1),
        until_ms: Some(2),
        session: Some(session()),
        tool_session: Some("s1".into()),
        actor: Some("person".into()),
        worktree: Some(worktree()),
        file: Some("src/main.rs".into()),
        kinds: vec!["edit".into()],
        grep: Some("needle".into()),
    }
}
pub fn watch_status() -> WatchStatus {
    WatchStatus {
        worktree: worktree(),
        root: "/home/ada/project".into(),
        state: WatchState::Watching,
        files: 12,
        branch: Some("main".into()),
        detail: String::new(),
    }
}
pub fn owners() -> OwnersReply {
    OwnersReply {
        digest: digest(2),
        spans: vec![Span { len: 11, owner: 0 }],
        owners: vec![Owner { verdict: verdict(), at_ms: Some(1_699_999_980_000), event: Some(event_id()) }],
        text: Some("fn main(){}".into()),
    }
}
pub fn stamped() -> StampedEvent {
    StampedEvent { stamp: stamp(1), event: event(EventBody::Private) }
}

fn stats() -> ProcessStats {
    ProcessStats {
        part: "sidecar".into(),
        pid: 4242,
        measured: vec![Measured {
            name: "change".into(),
            unit: "ns".into(),
            count: 12,
            p50: 20_479,
            p99: 52_111,
            max: 52_111,
        }],
        counts: vec![Count { name: "spool_bytes".into(), value: 0 }],
    }
}

pub fn facts() -> Vec<Fact> {
    vec![
        Fact::SessionStarted { info: info() },
        Fact::SessionEnded { reason: "exit".into() },
        Fact::Opened { file: file(), digest: digest(1), bytes: 12 },
        Fact::Edits(edit_group()),
        Fact::Saved { file: file(), digest: digest(2) },
        Fact::Closed { file: file(), digest: digest(2) },
        Fact::Hook(hook()),
        Fact::Gap(gap()),
    ]
}

pub fn calls() -> Vec<Call> {
    let numbered =
        |(n, fact)| Numbered { seq: n as u64 + 1, occurred_ms: 1_700_000_000_000, session: Some(session()), fact };
    vec![
        Call::Report { facts: facts().into_iter().enumerate().map(numbered).collect() },
        Call::Text(Text::Group { session: session(), group: group(), part: 0, inserted: vec!["let x;\n".into()] }),
        Call::Touched(touched()),
        Call::Heartbeat(heartbeat()),
        Call::Measured(stats()),
        Call::Hook(hook()),
        Call::Note(note()),
        Call::Watch { path: "/home/ada/project".into(), poll: false },
        Call::Owners { file: file(), digest: Some(digest(2)), buffer: true },
        Call::Notes { worktree: worktree() },
        Call::Log { filter: filter(), cursor: Some(stamp(3)), newest_first: true, limit: 50 },
        Call::Tail { filter: filter(), from: Some(stamp(3)) },
        Call::Status,
        Call::Stats,
        Call::Stop,
    ]
}

pub fn replies() -> Vec<Reply> {
    vec![
        Reply::Done,
        Reply::Watch(watch_status()),
        Reply::Owners(owners()),
        Reply::Events { events: vec![stamped()], next: Some(stamp(1)) },
        Reply::Status(Box::new(HubStatus {
            pid: 1,
            build: "0.1.0".into(),
            started_ms: 1_700_000_000_000,
            store: "redb".into(),
            events: 3,
            store_bytes: 4096,
            reach: Some(Reach { ok: false, since_ms: 1_700_000_000_000, detail: "no route".into() }),
            hubs: vec![HubPresence {
                host: HostId::from_uuid(uuid(6)),
                build: "0.1.0".into(),
                started_ms: 1_700_000_000_000,
                is_this: true,
                lost: true,
            }],
            connections: 2,
            sessions: vec![Presence {
                info: info(),
                heartbeat: Some(heartbeat()),
                touched: Some(touched()),
                lost: true,
            }],
            watches: vec![watch_status()],
            problems: vec!["the watch limit is reached".into()],
        })),
        Reply::Stats(vec![stats()]),
    ]
}

pub fn notices() -> Vec<Notice> {
    vec![
        Notice::Durable { seq: 9 },
        Notice::Judged { group: group(), verdict: Some(verdict()) },
        Notice::WantText { session: session(), file: file() },
        Notice::Events { events: vec![stamped()] },
        Notice::Sessions { sessions: 2, worktree: worktree() },
        Notice::Git { worktree: worktree() },
        Notice::Noted { worktree: worktree() },
        Notice::Ending { reason: "idle".into() },
    ]
}

pub fn bodies() -> Vec<EventBody> {
    vec![
        EventBody::SessionStarted { info: info() },
        EventBody::SessionEnded { reason: "exit".into() },
        EventBody::Edit { group: group(), part: 0, parts: 1, change: change() },
        EventBody::Disk { operation: DiskOperation::Rename, from: Some("old.rs".into()), size: 9, change: change() },
        EventBody::Saved { digest: digest(2) },
        EventBody::Git {
            operation: "checkout".into(),
            old_head: Some("aa".repeat(20)),
            new_head: Some("bb".repeat(20)),
            old_branch: Some("main".into()),
            new_branch: Some("topic".into()),
        },
        EventBody::Intent { phase: HookPhase::Before, format: "agent-v1".into(), files: vec!["src/main.rs".into()] },
        EventBody::Upgrade { of: event_id(), change: change() },
        EventBody::Gap(gap()),
        EventBody::Watch { state: WatchState::Degraded, detail: "812 of 1,000 folders".into() },
        EventBody::Private,
        EventBody::LogAi(said()),
        EventBody::Note(Said { action: None, by: KnownBy::GitIdentity, marks: Vec::new(), ..said() }),
    ]
}

/// The variant's name as the wire has it: a unit variant is a string, any other a map with one key or a tag.
pub fn tag(value: &Value, key: &str) -> String {
    match value {
        Value::String(name) => name.clone(),
        Value::Object(map) => match map.get(key).and_then(Value::as_str) {
            Some(name) => name.to_owned(),
            None => map.keys().next().expect("a message has a name").clone(),
        },
        other => panic!("not a message: {other}"),
    }
}

pub fn samples() -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut add = |name: String, value: Value| {
        assert!(all.insert(name.clone(), value).is_none(), "two samples named {name}");
    };
    fn value<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(sample: &T) -> Value {
        let value = serde_json::to_value(sample).expect("serialises");
        let back: T = serde_json::from_value(value.clone()).expect("its own JSON reads back");
        assert_eq!(&back, sample);
        value
    }
    add(
        "hello".into(),
        value(&Hello {
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            build: "0.1.0".into(),
            capabilities: vec![
                Capability::Text.as_str().into(),
                Capability::Owners.as_str().into(),
                Capability::Tail.as_str().into(),
            ],
            producer: Some(producer()),
            pid: 4242,
            durable: Some(12),
        }),
    );
    for fact in facts() {
        let v = value(&fact);
        add(format!("fact-{}", tag(&v, "")), v);
    }
    for call in calls() {
        let v = value(&call);
        add(format!("call-{}", tag(&v, "method")), value(&ClientFrame { id: Some(1), call }));
    }
    add(
        "call-text-full".into(),
        value(&ClientFrame {
            id: None,
            call: Call::Text(Text::Full {
                session: session(),
                file: file(),
                digest: digest(2),
                part: 0,
                parts: 1,
                text: "fn main(){}".into(),
            }),
        }),
    );
    for reply in replies() {
        let v = value(&reply);
        add(format!("reply-{}", tag(&v, "kind")), value(&HubFrame::Reply { id: 1, reply }));
    }
    for notice in notices() {
        let v = value(&notice);
        add(format!("notice-{}", tag(&v, "kind")), value(&HubFrame::Notice(notice)));
    }
    add(
        "error".into(),
        value(&HubFrame::Error {
            id: Some(1),
            error: HubError { code: ErrorCode::NotFound, message: "no such file is recorded".into() },
        }),
    );
    for body in bodies() {
        add(format!("event-{}", body.kind()), value(&event(body)));
    }
    add(
        "lsp-capabilities".into(),
        value(&lsp::ClientCapabilities { status: true, edit_hint: true, document_text: true, blame: true }),
    );
    add(
        "lsp-status".into(),
        value(&lsp::StatusParams {
            health: lsp::Health::Ok,
            message: "codi2: 2 editors".into(),
            connected: true,
            session: session().to_string(),
            sessions: 2,
            pending: 0,
            spool_bytes: 0,
            heartbeat: 3,
        }),
    );
    add(
        "lsp-edit-hint".into(),
        value(&lsp::EditHintParams {
            uri: "file:///home/ada/project/src/main.rs".into(),
            version: 7,
            source: Source { kind: SourceKind::Format, name: Some("stylua".into()), detail: Some("on save".into()) },
        }),
    );
    add("lsp-document-text".into(), value(&lsp::DocumentTextParams { uri: "file:///a.rs".into() }));
    add("lsp-document-text-result".into(), value(&lsp::DocumentTextResult { version: 7, text: "x".into() }));
    add("lsp-blame".into(), value(&lsp::BlameParams { uri: "file:///a.rs".into(), start: 0, end: Some(4) }));
    add(
        "lsp-blame-result".into(),
        value(&lsp::BlameResult {
            version: 7,
            count: 5,
            out_of_step: false,
            start: 0,
            lines: [(0, false), (1, true), (2, false), (3, false)]
                .map(|(owner, mixed)| lsp::BlameLine { owner, mixed })
                .to_vec(),
            owners: vec![
                lsp::LineOwner::Judged(Owner::before_codi2()),
                lsp::LineOwner::Pending { at_ms: 1_700_000_000_000 },
                lsp::LineOwner::Loading,
                lsp::LineOwner::NoAnswer,
            ],
        }),
    );
    add("lsp-owners-changed".into(), value(&lsp::OwnersChangedParams {}));
    all
}
