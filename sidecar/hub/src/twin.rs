//! Whether another hub that lives says that it is this machine, as after a machine or a state folder was copied.
//!
//! A hub ends the sessions that it finds under its host, and whose sidecars it cannot find: of a twin's it would find
//! none. So it looks before it does anything. Only for stores that others have, too. Absent on purpose: a twin that
//! begins while neither can reach the store (`peers` finds that and says it).

use std::time::{Duration, Instant};

use codi2_protocol::HostId;
use codi2_store::{Store, StoreError, Subspace};

use crate::peers::{BEAT_MS, HubRow};

/// A hub that lives has beaten by then.
const WAIT: Duration = Duration::from_millis(BEAT_MS * 5 / 2);

/// Where this process runs: nothing that ran there earlier under the same lock still lives. Empty where that is not known.
///
/// Source: proc(5), `/proc/sys/kernel/random/boot_id`, and namespaces(7) of process ids, which containers have of their own.
pub fn ground() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let processes = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    if boot.trim().is_empty() { String::new() } else { format!("{} {}", boot.trim(), processes.display()) }
}

/// Whether the row of this host moves, though no hub of this `ground` writes it any more. Takes up to 5 s where the last
/// hub of this host ran on another ground (before a restart of the machine, say), and no time where there was none.
///
/// # Errors
/// What the store says.
pub fn lives(store: &Store, host: HostId, ground: &str) -> Result<bool, StoreError> {
    moves(store, host, ground, WAIT)
}

fn moves(store: &Store, host: HostId, ground: &str, wait: Duration) -> Result<bool, StoreError> {
    let row = || store.get::<HubRow>(Subspace::Hub, &[host.into()]);
    // Before the read: what moves from here on rings.
    let mut watch = store.watch_row(Subspace::Hub, &[host.into()])?;
    let Some(before) = row()? else { return Ok(false) };
    if !ground.is_empty() && before.ground == ground {
        return Ok(false);
    }
    let until = Instant::now() + wait;
    loop {
        // A watch may ring for nothing, for what was read already, or be lost: what the row says counts.
        watch.wait(until.saturating_duration_since(Instant::now()));
        let is_over = Instant::now() >= until;
        watch = store.watch_row(Subspace::Hub, &[host.into()])?;
        let Some(after) = row()? else { return Ok(false) };
        let moved = (after.hub, after.beat) != (before.hub, before.beat);
        if moved || is_over {
            return Ok(moved);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use codi2_ipc::Places;
    use codi2_protocol::{Actor, ActorKind, Editor, Process, ProducerId, SessionId, SessionInfo};
    use codi2_store::Row;
    use codi2_store::memory::Memory;

    use super::*;
    use crate::peers::Peers;

    #[test]
    fn a_twin_is_one_that_beats_elsewhere() {
        let engine: Arc<dyn codi2_store::Engine> = Arc::new(Memory::shared());
        let (store, other) = (Store::on(Arc::clone(&engine)).unwrap(), Store::on(engine).unwrap());
        let host = HostId::new();
        assert!(!lives(&store, host, "here").unwrap(), "nobody was there");
        let mut peers = Peers::new(host, ProducerId::new(), "codi2 test".into(), 5, "there".into());
        peers.look(&other, 0, 0).unwrap();
        assert!(!lives(&store, host, "there").unwrap(), "what ran there under our lock is dead");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    peers.look(&other, 0, 0).unwrap();
                    std::thread::yield_now();
                }
            });
            let found = lives(&store, host, "here").unwrap();
            let unknown = lives(&store, host, "").unwrap();
            done.store(true, Ordering::Relaxed);
            assert!(found && unknown);
        });
        assert!(!moves(&store, host, "here", Duration::ZERO).unwrap(), "it stands still");
    }

    /// A whole hub, with a state folder that was copied from a machine whose hub is at work elsewhere.
    #[test]
    fn a_hub_does_not_begin_beside_its_twin_and_ends_none_of_its_sessions() {
        let engine: Arc<dyn codi2_store::Engine> = Arc::new(Memory::shared());
        let folder = tempfile::tempdir().unwrap();
        let places = Places::at(folder.path().join("state"), folder.path().join("run"));
        places.prepare().unwrap();
        let (host, _) = crate::host::host(places.state()).unwrap();
        let hub = || {
            crate::run(crate::Options {
                places: places.clone(),
                store: crate::StoreSpec::Shared(crate::Shared(Arc::clone(&engine))),
                idle_ms: 1,
                watch: codi2_workspace::WatchOptions::default(),
                notes: false,
                build: "codi2 test".into(),
                remarks: crate::Remarks::default(),
                tools: Arc::new(crate::NoTools),
            })
        };
        let store = Store::on(Arc::clone(&engine)).unwrap();
        let mut twin = Peers::new(host, ProducerId::new(), "codi2 test".into(), 5, "there".into());
        twin.look(&store, 0, 0).unwrap();
        let info = SessionInfo {
            session: SessionId::new(),
            actor: Actor::named(ActorKind::Person, "Ada"),
            editor: Editor { name: "nvim".into(), version: None },
            pid: 1,
            process: Some(Process { pid: u32::MAX, start: Some(1) }),
            host: Some(host),
            worktree: None,
            root: None,
            branch: None,
            base: None,
        };
        store.write(&[Row::set(Subspace::Session, &[info.session.into()], &info).unwrap()]).unwrap();
        let sessions = || store.scan::<SessionInfo>(Subspace::Session, &[]).count();
        let done = AtomicBool::new(false);
        let begun = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    twin.look(&store, 0, 0).unwrap();
                    std::thread::yield_now();
                }
            });
            let begun = hub();
            done.store(true, Ordering::Relaxed);
            begun
        });
        let said = begun.unwrap_err().to_string();
        assert!(said.contains("says it is this machine") && said.contains(&host.to_string()), "{said}");
        assert_eq!((sessions(), store.events().unwrap()), (1, 0), "they are the twin's");
        // The row stands still: it was this machine, before it was started again.
        hub().unwrap();
        assert_eq!((sessions(), store.events().unwrap()), (0, 1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_stands_somewhere() {
        assert!(!ground().is_empty());
        assert_eq!(ground(), ground());
    }
}
