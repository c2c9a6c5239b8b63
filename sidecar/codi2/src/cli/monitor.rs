//! `codi2 monitor`: watches a worktree and prints who changes what, until Ctrl-C.
//!
//! Events go to standard output, words about the watch and the connection to standard error, so that the feed can be
//! piped. The watch lasts as long as the connection. Absent on purpose: a screen of its own.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use codi2_config::Globs;
use codi2_protocol::{Call, Filter, Reply, WatchStatus};
use jiff::Zoned;

use super::Surroundings;
use super::args::Monitor;
use super::failure::{Code, Failure};
use super::feed;
use super::follow::Follow;
use super::link::{Hub, LinkError};
use super::printer::{Printer, complain};
use super::status;
use super::tail::again_and_again;

/// Watches and prints.
pub fn run(monitor: &Monitor, printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    let include = globs(&monitor.include)?;
    let exclude = globs(&monitor.exclude)?;
    let shown = |file: Option<&str>| match file {
        None => true,
        Some(file) => {
            let file = codi2_workspace::shown(file);
            (monitor.include.is_empty() || include.matches(&file)) && !exclude.matches(&file)
        }
    };
    let path = std::path::absolute(&monitor.path).context("no working folder")?;
    if !path.exists() {
        return Err(anyhow!("{} is not there; name a folder of the worktree to watch", monitor.path.display()))
            .code(Failure::NotFound);
    }
    // The hub polls where its settings say so; the flag is for this watch.
    let poll = monitor.poll;
    let mut hub = surroundings.connect_or_start()?;
    let mut follow = Follow { filter: Filter::default(), after: None };
    // Before the watch begins, so that what it finds at once is shown.
    follow.mark(&mut *hub)?;
    let watch = watch(&mut *hub, &path, poll)?;
    complain(&describe(&watch));
    follow.filter.worktree = Some(watch.worktree);
    let mut greet = |hub: &mut dyn Hub| {
        let again = self::watch(hub, &path, poll)?;
        complain(&describe(&again));
        Ok(())
    };
    let here = surroundings.here();
    again_and_again(follow, hub, surroundings, &mut greet, &mut |events| {
        let now = Zoned::now();
        let mut wanted = events.iter().filter(|event| shown(event.event.file.as_deref()));
        wanted.try_for_each(|event| feed::print(printer, event, &now, here))?;
        printer.flush()
    })
}

fn globs(patterns: &[String]) -> Result<Globs> {
    Globs::new(patterns).code(Failure::Usage)
}

fn watch(hub: &mut dyn Hub, path: &Path, poll: bool) -> Result<WatchStatus> {
    let path = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    match hub.call(Call::Watch { path: path.to_owned(), poll }) {
        Ok(Reply::Watch(status)) => Ok(status),
        Ok(_) => Err(LinkError::Odd("no watch").into()),
        Err(error) => Err(error).with_context(|| format!("{path} cannot be watched")),
    }
}

/// `watching /home/ada/repo on main: 120 files; Ctrl-C ends`
fn describe(watch: &WatchStatus) -> String {
    let branch = watch.branch.as_deref().map(|branch| format!(" on {branch}")).unwrap_or_default();
    let files = if watch.files == 0 { String::new() } else { format!(": {}", status::count(watch.files, "file")) };
    let detail = if watch.detail.is_empty() { String::new() } else { format!(" ({})", watch.detail) };
    format!("{} {}{branch}{files}{detail}; Ctrl-C ends", feed::watch_state(watch.state), watch.root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use codi2_protocol::{RepositoryId, WatchState, WorktreeId};

    #[test]
    fn what_is_watched_is_said() {
        let worktree = WorktreeId { repository: RepositoryId::new(), name: String::new() };
        let mut watch = WatchStatus {
            worktree,
            root: "/r".into(),
            state: WatchState::Watching,
            files: 3,
            branch: Some("main".into()),
            detail: String::new(),
        };
        assert_eq!(describe(&watch), "watching /r on main: 3 files; Ctrl-C ends");
        watch = WatchStatus { state: WatchState::Degraded, files: 0, branch: None, detail: "limit".into(), ..watch };
        assert_eq!(describe(&watch), "degraded /r (limit); Ctrl-C ends");
    }
}
