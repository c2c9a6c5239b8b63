//! `codi2 status` and `codi2 hub status`: how the hub is, who works where. Never starts a hub.

use std::path::Path;

use anyhow::Result;
use codi2_protocol::{Call, HostId, HubPresence, HubStatus, Presence, Reach, Reply, WatchStatus};
use jiff::Zoned;
use serde_json::json;

use super::args::Format;
use super::failure::{Code, Failure};
use super::feed;
use super::link::{Hub, LinkError};
use super::printer::Printer;
use super::{Surroundings, when};

/// Prints the hub's state; exit code 4 where none runs.
pub fn run(printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    match surroundings.connect_if_running()? {
        Some(mut hub) => {
            let mut status = ask(&mut *hub)?;
            status.problems.extend(status.watches.iter().filter_map(|watch| mistaken(Path::new(&watch.root))));
            print(&status, printer)?;
            printer.flush()
        }
        None => {
            match printer.format() {
                Format::Json | Format::Jsonl => printer.json(&json!({"running": false, "status": null}))?,
                Format::Compact => printer.fields(&["hub", "not running"])?,
                Format::Human => printer.line("No hub runs; an editor or `codi2 monitor` starts it.")?,
            }
            printer.flush()?;
            Err(anyhow::anyhow!("no hub runs")).code(Failure::NotRunning)
        }
    }
}

/// What is wrong with the settings that a repository brings along; the hub leaves out what is wrong, and goes on.
fn mistaken(root: &Path) -> Option<String> {
    let (_, mistakes) = codi2_workspace::repository_settings(root);
    let first = mistakes.first()?;
    let more = match mistakes.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more: `codi2 config check`)"),
    };
    Some(format!("settings of the repository: {first}{more}"))
}

/// The hub's own account of itself.
pub fn ask(hub: &mut dyn Hub) -> Result<HubStatus> {
    match hub.call(Call::Status)? {
        Reply::Status(status) => Ok(*status),
        _ => Err(LinkError::Odd("no status").into()),
    }
}

fn print(status: &HubStatus, printer: &mut Printer) -> Result<()> {
    match printer.format() {
        Format::Json | Format::Jsonl => printer.json(&json!({"running": true, "status": status})),
        Format::Compact => compact(status, printer),
        Format::Human => human(status, &Zoned::now()).iter().try_for_each(|line| printer.line(line)),
    }
}

fn human(status: &HubStatus, now: &Zoned) -> Vec<String> {
    let mut lines = vec![
        format!(
            "hub       {}, pid {}, since {}, {}",
            status.build,
            status.pid,
            when::show(status.started_ms, now),
            count(status.connections.into(), "connection")
        ),
        format!(
            "store     {}, {}, {}{}",
            status.store,
            count(status.events, "event"),
            bytes(status.store_bytes),
            status.reach.as_ref().map(|reach| reached(reach, now)).unwrap_or_default()
        ),
    ];
    for (at, hub) in status.hubs.iter().enumerate() {
        lines.push(format!("{:<8}  {}", if at == 0 { "hubs" } else { "" }, among_others(hub, now)));
    }
    let this = status.hubs.iter().find(|hub| hub.is_this).map(|hub| hub.host);
    for (at, watch) in status.watches.iter().enumerate() {
        lines.push(format!("{:<8}  {}", if at == 0 { "watches" } else { "" }, watched(watch)));
    }
    for (at, presence) in status.sessions.iter().enumerate() {
        lines.push(format!("{:<8}  {}", if at == 0 { "sessions" } else { "" }, session(presence, this, now)));
    }
    for (at, problem) in status.problems.iter().enumerate() {
        lines.push(format!("{:<8}  {problem}", if at == 0 { "problems" } else { "" }));
    }
    lines
}

fn watched(watch: &WatchStatus) -> String {
    let branch = watch.branch.as_deref().map(|branch| format!(" on {branch}")).unwrap_or_default();
    let detail = if watch.detail.is_empty() { String::new() } else { format!(" ({})", watch.detail) };
    format!("{}{branch}: {}, {}{detail}", watch.root, feed::watch_state(watch.state), count(watch.files, "file"))
}

fn reached(reach: &Reach, now: &Zoned) -> String {
    let state = if reach.ok { "reached" } else { "NOT reached" };
    format!(", {state} since {}", when::show(reach.since_ms, now))
}

fn among_others(hub: &HubPresence, now: &Zoned) -> String {
    let this = if hub.is_this { "this one, " } else { "" };
    let lost = if hub.lost { ", lost" } else { "" };
    format!("{this}machine {}, {}, since {}{lost}", hub.host, hub.build, when::show(hub.started_ms, now))
}

fn session(presence: &Presence, this: Option<HostId>, now: &Zoned) -> String {
    let info = &presence.info;
    let version = info.editor.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let root = info.root.as_deref().map(|root| format!(", in {root}")).unwrap_or_default();
    let branch = info.branch.as_deref().map(|branch| format!(" on {branch}")).unwrap_or_default();
    let beat = presence.heartbeat.as_ref();
    let file = presence.touched.as_ref().map(|touched| &touched.file).or_else(|| beat?.file.as_ref());
    let file = file.map(|file| format!(", at {}", file.path)).unwrap_or_default();
    let seen = beat.map(|beat| format!(", alive {}", when::show(beat.at_ms, now))).unwrap_or_default();
    let elsewhere = info.host.filter(|host| this.is_some_and(|this| this != *host));
    let elsewhere = elsewhere.map(|host| format!(", machine {host}")).unwrap_or_default();
    let lost = if presence.lost { ", lost" } else { "" };
    let (actor, editor, pid) = (&info.actor, &info.editor.name, info.pid);
    format!("{actor} with {editor}{version}, pid {pid}{elsewhere}{root}{branch}{file}{seen}{lost}")
}

fn compact(status: &HubStatus, printer: &mut Printer) -> Result<()> {
    let numbers = [status.events, status.store_bytes].map(|number| number.to_string());
    printer.fields(&["hub", "running", &status.pid.to_string(), &status.build, &when::rfc3339(status.started_ms)])?;
    printer.fields(&["store", &status.store, &numbers[0], &numbers[1]])?;
    for watch in &status.watches {
        let branch = watch.branch.as_deref().unwrap_or("");
        let files = watch.files.to_string();
        printer.fields(&["watch", &watch.root, branch, feed::watch_state(watch.state), &files, &watch.detail])?;
    }
    if let Some(Reach { ok, since_ms, detail }) = &status.reach {
        printer.fields(&["reach", if *ok { "yes" } else { "no" }, &when::rfc3339(*since_ms), detail])?;
    }
    for hub in &status.hubs {
        let (host, which) = (hub.host.to_string(), if hub.is_this { "this" } else { "" });
        let lost = if hub.lost { "lost" } else { "" };
        printer.fields(&["peer", &host, &hub.build, &when::rfc3339(hub.started_ms), which, lost])?;
    }
    for Presence { info, lost, .. } in &status.sessions {
        let [root, branch] = [&info.root, &info.branch].map(|it| it.as_deref().unwrap_or(""));
        let (id, pid) = (info.session.to_string(), info.pid.to_string());
        let actor = &info.actor;
        let (host, lost) =
            (info.host.map(|host| host.to_string()).unwrap_or_default(), if *lost { "lost" } else { "" });
        let editor = &info.editor.name;
        let kind = actor.kind.as_str();
        printer.fields(&["session", &id, kind, &actor.name, editor, &pid, root, branch, &host, lost])?;
    }
    status.problems.iter().try_for_each(|problem| printer.fields(&["problem", problem]))
}

/// `1 file`, `2 files`.
pub fn count(number: u64, of: &str) -> String {
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}

/// Bytes for people: `1.2 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return count(bytes, "byte");
    }
    let mut scaled = bytes as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use codi2_protocol::{Actor, ActorKind, Editor, RepositoryId, SessionId, SessionInfo, WatchState, WorktreeId};

    #[test]
    fn a_page_for_people() {
        let now: Zoned = "2026-11-22T12:00:00+00:00[UTC]".parse().unwrap();
        let worktree = WorktreeId { repository: RepositoryId::new(), name: String::new() };
        let [here, there] = [1, 2].map(|number| HostId::from_uuid(uuid::Uuid::from_u128(number)));
        let info = SessionInfo {
            session: SessionId::new(),
            actor: Actor::named(ActorKind::Person, "Ada"),
            editor: Editor { name: "nvim".into(), version: Some("0.11".into()) },
            pid: 9,
            process: None,
            host: Some(here),
            worktree: Some(worktree.clone()),
            root: Some("/r".into()),
            branch: Some("main".into()),
            base: None,
        };
        let status = HubStatus {
            pid: 7,
            build: "codi2 0.1.0".into(),
            started_ms: now.timestamp().as_millisecond() as u64 - 60_000,
            store: "redb /s/log.redb".into(),
            events: 1,
            store_bytes: 1_572_864,
            reach: Some(Reach {
                ok: true,
                since_ms: now.timestamp().as_millisecond() as u64 - 60_000,
                detail: String::new(),
            }),
            hubs: [here, there]
                .map(|host| HubPresence {
                    host,
                    build: "codi2 0.1.0".into(),
                    started_ms: now.timestamp().as_millisecond() as u64 - 60_000,
                    is_this: host == here,
                    lost: host == there,
                })
                .to_vec(),
            connections: 2,
            sessions: vec![
                Presence { info: info.clone(), heartbeat: None, touched: None, lost: false },
                Presence {
                    info: SessionInfo { host: Some(there), ..info },
                    heartbeat: None,
                    touched: None,
                    lost: true,
                },
            ],
            watches: vec![WatchStatus {
                worktree,
                root: "/r".into(),
                state: WatchState::Polling,
                files: 3,
                branch: None,
                detail: "asked for".into(),
            }],
            problems: vec!["disk full: free some".into()],
        };
        assert_eq!(
            human(&status, &now),
            [
                "hub       codi2 0.1.0, pid 7, since 11:59:00, 2 connections",
                "store     redb /s/log.redb, 1 event, 1.5 MiB, reached since 11:59:00",
                "hubs      this one, machine 00000000-0000-0000-0000-000000000001, codi2 0.1.0, since 11:59:00",
                "          machine 00000000-0000-0000-0000-000000000002, codi2 0.1.0, since 11:59:00, lost",
                "watches   /r: polling, 3 files (asked for)",
                "sessions  person Ada with nvim 0.11, pid 9, in /r on main",
                "          person Ada with nvim 0.11, pid 9, machine 00000000-0000-0000-0000-000000000002, in /r on main, lost",
                "problems  disk full: free some",
            ]
        );
    }

    #[test]
    fn mistakes_of_a_repository_are_named() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(mistaken(root.path()), None);
        std::fs::write(root.path().join(".codi2.toml"), "[watch]\nprivat = []\npoll = true\n").unwrap();
        let words = mistaken(root.path()).unwrap();
        assert!(
            words.contains(".codi2.toml:2:1: ") && words.ends_with("(and 1 more: `codi2 config check`)"),
            "{words}"
        );
    }

    #[test]
    fn sizes_for_people() {
        for (size, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (64 << 20, "64.0 MiB"),
            (3 << 40, "3.0 TiB"),
        ] {
            assert_eq!(bytes(size), expected);
        }
    }
}
