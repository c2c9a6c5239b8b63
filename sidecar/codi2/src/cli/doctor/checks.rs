//! The checks. Each says what it saw; what is missing because codi2 was never used is well.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use codi2_config::Settings;
use codi2_ipc::{ConnectError, HubInfo, Places, spool};
use codi2_protocol::{ErrorCode, HubStatus, WatchState, WatchStatus};
use codi2_workspace::past::Past;

use super::{Finding, store};
use crate::cli::surroundings::{BUILD, Surroundings};
use crate::cli::{feed, status, when};
use crate::settings::Loaded;

/// The oldest git that codi2 is meant to work with.
const LEAST_GIT: (u32, u32) = (2, 34);

/// Folders counted at most: more than any watch limit in use.
const COUNT_FOLDERS: u64 = 2_000_000;

/// What is wrong with the settings, the repository's included.
pub fn of_settings(loaded: &Loaded, folder: &Path) -> Vec<Finding> {
    let mut mistakes = loaded.mistakes.clone();
    let place = std::path::absolute(folder).ok().and_then(|path| codi2_workspace::identify(&path).ok());
    mistakes.extend(place.map(|place| codi2_workspace::repository_settings(&place.root).1).unwrap_or_default());
    if mistakes.is_empty() {
        let there = loaded.file.as_ref().filter(|file| file.exists());
        let found =
            there.map_or_else(|| "the defaults".to_owned(), |file| format!("{} has no mistakes", file.display()));
        return vec![Finding::well("settings", found)];
    }
    let wrong = |mistake: &codi2_config::Mistake| {
        Finding::wrong("settings", format!("{}: {}", mistake.origin, mistake.found), mistake.todo.clone())
    };
    mistakes.iter().map(wrong).collect()
}

/// Folders, hub, store, spool.
pub fn of_places(surroundings: &Surroundings, settings: &Settings, findings: &mut Vec<Finding>) {
    let places = &surroundings.places;
    let usable = match places.check().map(|()| places.writable()) {
        Ok(Err(error)) => {
            let found = format!("{} cannot be written: {error}", places.state().display());
            let todo = "make it writable, or set CODI2_STATE_DIR to another folder; nothing is recorded until then";
            findings.push(Finding::wrong("folders", found, todo));
            false
        }
        Ok(Ok(())) => {
            let found = format!("{} and {}", places.state().display(), places.runtime().display());
            findings.push(Finding::well("folders", found));
            true
        }
        Err(error) => {
            findings.push(Finding::told(
                "folders",
                &error.to_string(),
                "correct its rights; nothing is recorded until then",
            ));
            false
        }
    };
    findings.extend(places.room().ok().map(|room| store::disk(places.state(), room)));
    let running = hub(surroundings, findings);
    match &running {
        Some(status) => {
            findings.extend(told(status));
            let named = surroundings.store(settings).ok().map(|chosen| chosen.place());
            findings.extend(named.filter(|named| *named != status.store).map(|named| {
                let found = format!("the hub uses {}, the settings name {named}", status.store);
                Finding::wrong(
                    "store",
                    found,
                    "run `codi2 hub stop`, or correct the settings: the next hub uses theirs",
                )
            }));
        }
        None if usable => findings.push(match surroundings.store(settings) {
            Ok(chosen) => store::chosen(&chosen),
            Err(error) => Finding::told("store", &format!("{error:#}"), "correct the settings"),
        }),
        None => {}
    }
    findings.push(spools(places, running.is_some()));
}

fn hub(surroundings: &Surroundings, findings: &mut Vec<Finding>) -> Option<HubStatus> {
    let places = &surroundings.places;
    let socket = codi2_ipc::address(places);
    match surroundings.try_connect() {
        Ok(mut hub) => match status::ask(&mut hub) {
            Ok(status) => {
                findings.push(Finding::well("hub", format!("runs, pid {}", status.pid)));
                findings.push(version(&status.build));
                Some(status)
            }
            Err(error) => {
                findings.push(Finding::wrong(
                    "hub",
                    format!("does not say how it is: {error:#}"),
                    "run `codi2 hub stop`; the next use starts another",
                ));
                None
            }
        },
        Err(ConnectError::Absent { .. }) => {
            findings.push(absent(places, &socket));
            None
        }
        Err(ConnectError::Refused(error)) if error.code == ErrorCode::ProtocolVersion => {
            findings.push(Finding::wrong(
                "version",
                error.message,
                "run `codi2 hub stop` with the older program, then use one version only",
            ));
            None
        }
        Err(error) => {
            findings.push(Finding::told("hub", &error.to_string(), "run `codi2 hub start`, which says more"));
            None
        }
    }
}

fn absent(places: &Places, socket: &Path) -> Finding {
    let beside = if places.hub_err().metadata().is_ok_and(|found| found.len() > 0) {
        format!("; {} may say why the last one ended", places.hub_err().display())
    } else {
        String::new()
    };
    if socket.symlink_metadata().is_ok() {
        let pid = HubInfo::read(places).map(|info| format!(" of process {}", info.pid)).unwrap_or_default();
        let found = format!("stale socket {}{pid}: nobody listens{beside}", socket.display());
        return Finding::wrong("hub", found, "run `codi2 hub start`: it replaces the socket");
    }
    Finding::well("hub", "does not run; an editor or `codi2 monitor` starts it, and takes in what hooks have kept")
}

fn version(hub: &str) -> Finding {
    if hub == BUILD {
        return Finding::well("version", BUILD);
    }
    let found = format!("the hub is {hub}, this program is {BUILD}");
    Finding::wrong("version", found, "run `codi2 hub stop`; the next use starts the hub of this program")
}

/// What a running hub says is wrong.
fn told(status: &HubStatus) -> Vec<Finding> {
    let reached = match &status.reach {
        Some(reach) if reach.ok => format!(", reached since {}", when::rfc3339(reach.since_ms)),
        Some(reach) => format!(", not reached since {}", when::rfc3339(reach.since_ms)),
        None => String::new(),
    };
    let mut findings = vec![Finding::well("store", format!("{}, {} events{reached}", status.store, status.events))];
    // What is wrong with a watch is told once, with it.
    let of_watch = |problem: &str| {
        let is_it = |watch: &WatchStatus| problem == format!("{}: {}", watch.root, watch.detail);
        status.watches.iter().any(is_it)
    };
    let problems = status.problems.iter().filter(|problem| !of_watch(problem));
    findings.extend(
        problems.map(|problem| Finding::told("hub", problem, "look into the hub's log, hub.err in the state folder")),
    );
    for watch in &status.watches {
        let found =
            format!("{}: {} {}", watch.root, feed::watch_state(watch.state), watch.detail).trim_end().to_owned();
        findings.push(match watch.state {
            WatchState::Stopped => {
                Finding::wrong("watch", found, "bring the folder back, or close the windows and commands that watch it")
            }
            WatchState::Degraded => Finding::wrong(
                "watch",
                found,
                "raise fs.inotify.max_user_watches (sysctl), exclude folders with watch.exclude, or poll with watch.poll",
            ),
            _ => Finding::well("watch", found),
        });
    }
    findings
}

fn spools(places: &Places, running: bool) -> Finding {
    match spool::waiting(places) {
        Err(error) => Finding::wrong(
            "spool",
            format!("{}: {error}", places.spool().display()),
            "make the folder readable for you",
        ),
        Ok(waiting) => {
            let bytes = waiting.iter().map(|(_, bytes)| bytes).sum();
            let (files, bytes): (usize, u64) = (waiting.iter().filter(|(_, bytes)| *bytes > 0).count(), bytes);
            if bytes == 0 {
                return Finding::well("spool", "empty");
            }
            let found = format!("{} wait in {files} files in {}", status::bytes(bytes), places.spool().display());
            if running {
                return Finding::wrong(
                    "spool",
                    found,
                    "wait a moment and look again; if they stay, run `codi2 hub stop` and `codi2 hub start`",
                );
            }
            Finding::wrong("spool", found, "run `codi2 hub start`: the hub takes them in")
        }
    }
}

/// Git, file system, watch limits of the worktree at a path.
pub fn of_worktree(path: &Path, findings: &mut Vec<Finding>) {
    findings.push(git_program(&std::env::var_os("PATH").unwrap_or_default()));
    let place = std::path::absolute(path).map_err(|error| error.to_string());
    let place = place.and_then(|path| codi2_workspace::identify(&path).map_err(|error| error.to_string()));
    match place {
        Err(error) => findings.push(Finding::wrong("worktree", error, "name another folder with --path")),
        Ok(place) => {
            findings.push(match &place.git_dir {
                Some(_) => Finding::well("worktree", format!("{}, {}", place.root.display(), place.person)),
                None => Finding::wrong(
                    "worktree",
                    format!("{} is in no git repository", place.root.display()),
                    "run `git init`; without git, owners do not follow commits, branches and moves",
                ),
            });
            findings.extend(partial(&place.root));
            findings.push(file_system(codi2_workspace::silent_file_system(&place.root)));
            findings.extend(watch_limits(Path::new("/proc/sys/fs/inotify"), folders(&place.root)));
        }
    }
}

/// What is known less of in a partial clone.
fn partial(root: &Path) -> Option<Finding> {
    Past::open(root).is_ok_and(|past| past.is_partial()).then(|| {
        let found = "a partial clone: commands fetch the texts they need; the hub does not, and knows no line by a text \
                     that is not here (`git fetch --refetch --no-filter` gets all)";
        Finding::well("clone", found)
    })
}

/// Whether a search path leads to git.
fn git_program(search: &std::ffi::OsStr) -> Finding {
    let program = std::env::split_paths(search).map(|folder| folder.join("git")).find(|program| program.is_file());
    let run = program.and_then(|program| Command::new(program).arg("--version").stdin(Stdio::null()).output().ok());
    match run.filter(|output| output.status.success()) {
        Some(output) => git_version(String::from_utf8_lossy(&output.stdout).trim()),
        None => Finding::wrong(
            "git",
            "there is no git program in PATH",
            "install git; repositories libgit2 cannot read are refused without it",
        ),
    }
}

/// Whether a git that says this of itself is as new as codi2 needs it.
fn git_version(said: &str) -> Finding {
    let mut parts = said.trim_start_matches("git version ").split('.').map_while(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if (major, minor) < LEAST_GIT => {
            let (major, minor) = LEAST_GIT;
            let todo =
                format!("install git {major}.{minor} or newer; with an older one reports and notes may be missing");
            Finding::wrong("git", said, todo)
        }
        _ => Finding::well("git", said),
    }
}

fn file_system(silent: Option<String>) -> Finding {
    match silent {
        None => Finding::well("file system", "tells of changes"),
        Some(kind) => Finding::wrong(
            "file system",
            format!("{kind} does not tell of changes made elsewhere: its files are polled"),
            "keep the worktree on a local disk, or accept a delay of some seconds",
        ),
    }
}

/// Folders below a root, git's own and links left out. Ignored folders count, so this is an upper bound.
fn folders(root: &Path) -> u64 {
    let mut count = 0;
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        count += 1;
        if count >= COUNT_FOLDERS {
            break;
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let below = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        open.extend(below.filter(|entry| entry.file_name() != ".git").map(|entry| entry.path()));
    }
    count
}

/// The kernel's limits, from the folder that names them, against what a watch needs.
fn watch_limits(limits: &Path, folders: u64) -> Vec<Finding> {
    let limit = |name: &str| fs::read_to_string(limits.join(name)).ok()?.trim().parse::<u64>().ok();
    let mut findings = Vec::new();
    // Other systems have other limits, not known here.
    if let Some(most) = limit("max_user_watches") {
        findings.push(if folders > most {
            Finding::wrong(
                "watch limit",
                format!("up to {folders} folders to watch, fs.inotify.max_user_watches is {most}"),
                format!(
                    "sysctl fs.inotify.max_user_watches={}, or exclude folders with watch.exclude",
                    (folders * 2).next_power_of_two()
                ),
            )
        } else {
            Finding::well("watch limit", format!("up to {folders} folders, {most} allowed"))
        });
    }
    if let Some(most) = limit("max_user_instances")
        && most < 16
    {
        let found = format!("fs.inotify.max_user_instances is {most}; editors and the hub share them");
        findings.push(Finding::wrong("watch limit", found, "sysctl fs.inotify.max_user_instances=512"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_held_against_what_is_needed() {
        let limits = tempfile::tempdir().unwrap();
        let set = |name: &str, value: &str| fs::write(limits.path().join(name), value).unwrap();
        assert_eq!(watch_limits(limits.path(), 10), []);
        set("max_user_watches", "8\n");
        set("max_user_instances", "128\n");
        let findings = watch_limits(limits.path(), 10);
        assert!(!findings[0].ok && findings[0].todo.as_ref().unwrap().contains("max_user_watches=32"));
        assert!(watch_limits(limits.path(), 8)[0].ok);
        set("max_user_instances", "2\n");
        assert!(!watch_limits(limits.path(), 8)[1].ok);
    }

    #[test]
    fn a_git_that_is_too_old_is_named() {
        for (said, ok) in [
            ("git version 2.33.8", false),
            ("git version 1.9.5", false),
            ("git version 2.34.0", true),
            ("git version 2.39.5 (Apple Git-154)", true),
            ("git version 3.0", true),
            ("git version next", true),
        ] {
            assert_eq!(git_version(said).ok, ok, "{said}");
        }
    }

    #[test]
    fn folders_are_counted_without_git_and_links() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::create_dir_all(root.path().join(".git/objects")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.path(), root.path().join("loop")).unwrap();
        assert_eq!(folders(root.path()), 3);
    }

    #[test]
    fn each_finding_says_what_to_do() {
        let empty = tempfile::tempdir().unwrap();
        for finding in
            [git_program(empty.path().as_os_str()), file_system(Some("nfs4".into())), version("codi2 99.0.0")]
        {
            assert!(!finding.ok && finding.todo.is_some() && !finding.found.is_empty(), "{finding:?}");
        }
        assert!(version(BUILD).ok && file_system(None).ok);
    }
}
