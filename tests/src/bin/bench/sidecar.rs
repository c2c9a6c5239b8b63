//! The reporting half of a sidecar, in this process: the real client (`codi2_ipc::Client`) with one open buffer.
//!
//! Absent on purpose: the session machine and its sealing (digests of the text and evidence), which `did-change` and
//! `windows` measure.

use std::time::{Duration, Instant};

use codi2_ipc::{Client, Flushed, Options};
use codi2_protocol::{
    Actor, ActorKind, Call, Digest, Edit, EditGroup, Editor, Fact, FileId, GroupId, Reply, SessionId, SessionInfo,
    Shape, Text, WorktreeId,
};
use tokio::runtime::Runtime;

use crate::ground::{BUILD, Ground};
use crate::samples::Samples;

/// Keys of a group.
const KEYS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(30);

/// One sidecar for each file, and the runtime they share.
pub fn sidecars(ground: &Ground, names: &[String], text: &str) -> (Runtime, Vec<Sidecar>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime for the sidecars");
    let sidecars = runtime.block_on(async {
        let mut sidecars = Vec::new();
        for name in names {
            sidecars.push(Sidecar::start(ground, name, text).await);
        }
        sidecars
    });
    (runtime, sidecars)
}

/// Each sidecar has `each` groups made durable, one after the other, all sidecars at once.
pub async fn all_at_once(sidecars: Vec<Sidecar>, each: usize, into: &mut Samples) -> Vec<Sidecar> {
    let running: Vec<_> = sidecars
        .into_iter()
        .map(|mut sidecar| {
            tokio::spawn(async move {
                let mut times = Samples::default();
                for _ in 0..each {
                    times.add(sidecar.group().await);
                }
                (sidecar, times)
            })
        })
        .collect();
    let mut back = Vec::new();
    for sidecar in running {
        let (sidecar, times) = sidecar.await.expect("a sidecar does not break");
        into.append(times);
        back.push(sidecar);
    }
    back
}

/// A sidecar with one open buffer.
pub struct Sidecar {
    client: Client,
    session: SessionId,
    file: FileId,
    text: String,
    digest: Digest,
}

impl Sidecar {
    async fn start(ground: &Ground, name: &str, text: &str) -> Self {
        let mut options = Options::new(BUILD);
        options.capabilities = vec!["text".to_owned(), "owners".to_owned()];
        let (client, _) = Client::spawn(ground.places.clone(), None, options);
        let root = ground.world.repository().to_string_lossy().into_owned();
        let worktree = match client.call(Call::Watch { path: root.clone(), poll: false }).await {
            Ok(Reply::Watch(watch)) => watch.worktree,
            other => panic!("the repository is not watched: {other:?}"),
        };
        let (session, digest) = (SessionId::new(), digest(text));
        let file = FileId { worktree: worktree.clone(), path: name.to_owned() };
        let sidecar = Self { client, session, file: file.clone(), text: text.to_owned(), digest };
        sidecar.report(Fact::SessionStarted { info: info(session, worktree, root, ground.world.person()) });
        sidecar.report(Fact::Opened { file, digest, bytes: text.len() as u64 });
        assert_eq!(sidecar.client.flush(PATIENCE).await, Flushed::Durable);
        sidecar
    }

    fn report(&self, fact: Fact) {
        self.client.report(self.session, now_ms(), fact);
    }

    /// Types a few keys and gives the time from their report to the hub's word.
    pub async fn group(&mut self) -> Duration {
        let (before, at) = (self.digest, self.text.len() / 2);
        let edits = (0..KEYS).map(|key| Edit {
            at: (at + key) as u64,
            deleted: 0,
            inserted: 1,
            line: 1,
            lines_deleted: 0,
            lines_inserted: 0,
            shape: Shape::Keystroke,
            source: None,
            restored: Vec::new(),
            copied: Vec::new(),
        });
        let edits: Vec<Edit> = edits.collect();
        self.text.insert_str(at, &"x".repeat(KEYS));
        self.digest = digest(&self.text);
        let group = GroupId::new();
        let (file, after, now) = (self.file.clone(), self.digest, now_ms());
        let inserted = vec!["x".to_owned(); KEYS];
        let text = Text::Group { session: self.session, group, part: 0, inserted };
        let sealed = EditGroup { group, file, part: 0, parts: 1, before, after, edits, first_ms: now, last_ms: now };
        let start = Instant::now();
        self.client.text(text);
        self.report(Fact::Edits(sealed));
        let flushed = self.client.flush(PATIENCE).await;
        let time = start.elapsed();
        assert_eq!(flushed, Flushed::Durable);
        time
    }
}

fn info(session: SessionId, worktree: WorktreeId, root: String, person: &str) -> SessionInfo {
    SessionInfo {
        session,
        actor: Actor::named(ActorKind::Person, person),
        editor: Editor { name: BUILD.to_owned(), version: None },
        pid: std::process::id(),
        process: None,
        host: None,
        worktree: Some(worktree),
        root: Some(root),
        branch: Some("main".to_owned()),
        base: None,
    }
}

fn digest(text: &str) -> Digest {
    Digest::new(codi2_text::digest_of(text.as_bytes()))
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
