//! From flags to a filter: times, and files named as people name them.
//!
//! Absent on purpose: matching events, which the hub does; it only asks which kind of session an id is of.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use codi2_protocol::{Call, EventBody, Filter, Reply};
use jiff::Zoned;

use super::args::Wanted;
use super::failure::{Code, Failure};
use super::link::{Hub, LinkError};
use super::when;

/// The filter that flags ask for.
pub fn filter(wanted: &Wanted, now: &Zoned) -> Result<Filter> {
    let time = |text: &Option<String>| text.as_deref().map(|text| when::parse(text, now)).transpose();
    if let Some(kind) = wanted.kind.iter().find(|kind| !EventBody::KINDS.contains(&kind.as_str())) {
        let known = EventBody::KINDS.join(", ");
        return Err(anyhow!("{kind:?} is no kind of event; there are {known}")).code(Failure::Usage);
    }
    let mut filter = Filter {
        since_ms: time(&wanted.since).code(Failure::Usage)?,
        until_ms: time(&wanted.until).code(Failure::Usage)?,
        tool_session: wanted.session.clone(),
        actor: wanted.actor.clone(),
        kinds: wanted.kind.clone(),
        grep: wanted.grep.clone(),
        ..Filter::default()
    };
    if let Some(file) = &wanted.file {
        let (worktree, path) = locate(file)?;
        filter.worktree = Some(worktree);
        filter.file = Some(path);
    }
    Ok(filter)
}

/// Takes a session's id for codi2's own where the log knows it as one: a tool's may look the same.
///
/// # Errors
/// Whatever the hub says.
pub fn settle(filter: &mut Filter, hub: &mut dyn Hub) -> Result<()> {
    let Some(id) = filter.tool_session.as_ref().and_then(|id| id.parse().ok()) else { return Ok(()) };
    let own = Filter { session: Some(id), ..Filter::default() };
    match hub.call(Call::Log { filter: own, cursor: None, newest_first: true, limit: 1 })? {
        Reply::Events { events, .. } if events.is_empty() => {}
        Reply::Events { .. } => (filter.session, filter.tool_session) = (Some(id), None),
        _ => return Err(LinkError::Odd("no events").into()),
    }
    Ok(())
}

/// Worktree and path of a file that need not exist any more.
fn locate(file: &Path) -> Result<(codi2_protocol::WorktreeId, String)> {
    let full = std::path::absolute(file).context("no working folder")?;
    let place = codi2_workspace::identify(&full).code(Failure::NotFound)?;
    let path = codi2_workspace::relative(&place, &full)
        .with_context(|| format!("{} is no file below {}", file.display(), place.root.display()))
        .code(Failure::NotFound)?;
    Ok((place.worktree, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-11-22T12:00:00+00:00[UTC]".parse().unwrap()
    }

    #[test]
    fn flags_become_conditions() {
        let wanted = Wanted {
            since: Some("1h".into()),
            until: Some("2026-11-22T11:30:00Z".into()),
            session: Some("s1".into()),
            actor: Some("agent".into()),
            file: None,
            kind: vec!["edit".into(), "note".into()],
            grep: Some("x".into()),
        };
        let noon = now().timestamp().as_millisecond() as u64;
        let expected = Filter {
            since_ms: Some(noon - 3_600_000),
            until_ms: Some(noon - 1_800_000),
            tool_session: Some("s1".into()),
            actor: Some("agent".into()),
            kinds: vec!["edit".into(), "note".into()],
            grep: Some("x".into()),
            ..Filter::default()
        };
        assert_eq!(filter(&wanted, &now()).unwrap(), expected);
    }

    #[test]
    fn a_wrong_time_is_a_usage_error() {
        let wanted = Wanted { since: Some("soon".into()), ..Wanted::default() };
        let error = filter(&wanted, &now()).unwrap_err();
        assert_eq!(crate::cli::failure::exit_code(&error), 2);
    }

    #[test]
    fn a_kind_that_there_is_none_of_is_a_usage_error() {
        let wanted = Wanted { kind: vec!["edit".into(), "dream".into()], ..Wanted::default() };
        let error = filter(&wanted, &now()).unwrap_err();
        assert_eq!(crate::cli::failure::exit_code(&error), 2);
        assert!(error.to_string().contains("\"dream\"") && error.to_string().contains("session-started"), "{error}");
    }

    #[test]
    fn a_file_is_found_by_its_worktree_even_when_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let wanted = Wanted { file: Some(folder.path().join("sub/gone.rs")), ..Wanted::default() };
        let filter = filter(&wanted, &now()).unwrap();
        assert!(filter.worktree.is_some());
        assert!(filter.file.unwrap().ends_with("gone.rs"));
    }
}
