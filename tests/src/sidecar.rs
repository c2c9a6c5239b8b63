//! The reporting half of a sidecar, in this process: the real client (`codi2_ipc::Client`) with one open buffer.
//!
//! Absent on purpose: the session machine and its sealing (digests of the text and evidence), which real sidecars have.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codi2_ipc::{Client, Flushed, Options};
use codi2_protocol::{
    Actor, ActorKind, Call, Digest, Edit, EditGroup, Editor, Fact, FileId, GroupId, Reply, SessionId, SessionInfo,
    Shape, Text, WorktreeId,
};

use crate::World;

/// Longest wait for the hub's word that all is durable.
const PATIENCE: Duration = Duration::from_secs(120);

/// A sidecar with one open buffer.
pub struct Sidecar {
    /// Its road to the hub.
    pub client: Client,
    /// The buffer's file.
    pub file: FileId,
    /// The buffer's text, sealed.
    pub text: String,
    /// Its digest.
    pub digest: Digest,
    session: SessionId,
}

impl Sidecar {
    /// Connects to the hub of this world and opens a file that holds `text`; the hub has both when this returns.
    pub async fn start(world: &World, name: &str, text: &str, options: Options) -> Self {
        let (client, news) = Client::spawn(world.places(), None, options);
        // Whoever drops the news does not want them.
        drop(news);
        let root = world.repository().to_string_lossy().into_owned();
        let worktree = match client.call(Call::Watch { path: root.clone(), poll: false }).await {
            Ok(Reply::Watch(watch)) => watch.worktree,
            other => panic!("the repository is not watched: {other:?}"),
        };
        let (session, digest) = (SessionId::new(), digest(text));
        let file = FileId { worktree: worktree.clone(), path: name.to_owned() };
        let sidecar = Self { client, file: file.clone(), text: text.to_owned(), digest, session };
        sidecar.report(Fact::SessionStarted { info: info(session, worktree, root, world.person()) });
        sidecar.report(Fact::Opened { file, digest, bytes: text.len() as u64 });
        assert_eq!(sidecar.flush().await, Flushed::Durable);
        sidecar
    }

    /// Reports a fact.
    pub fn report(&self, fact: Fact) {
        self.client.report(self.session, now_ms(), fact);
    }

    /// Waits until all that was reported is durable or spooled.
    pub async fn flush(&self) -> Flushed {
        self.client.flush(PATIENCE).await
    }

    /// Types so many keys from byte `at` on: the group to report, and the text that travels beside it.
    pub fn types(&mut self, at: usize, keys: usize) -> (Text, Fact) {
        let before = self.digest;
        let edits = (0..keys).map(|key| Edit {
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
        self.text.insert_str(at, &"x".repeat(keys));
        self.digest = digest(&self.text);
        let (group, file, after, now) = (GroupId::new(), self.file.clone(), self.digest, now_ms());
        let inserted = vec!["x".to_owned(); keys];
        let text = Text::Group { session: self.session, group, part: 0, inserted };
        let sealed = EditGroup { group, file, part: 0, parts: 1, before, after, edits, first_ms: now, last_ms: now };
        (text, Fact::Edits(sealed))
    }
}

fn info(session: SessionId, worktree: WorktreeId, root: String, person: &str) -> SessionInfo {
    SessionInfo {
        session,
        actor: Actor::named(ActorKind::Person, person),
        editor: Editor { name: "test".to_owned(), version: None },
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
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
