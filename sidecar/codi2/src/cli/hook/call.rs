//! From a tool's payload to the record that every hook becomes: before or after, which files, who.
//!
//! A command may change any file, so a call that runs one names none: the hub takes every path of the worktree for
//! possible while it is open. Calls are paired by the tool's own id where it has one, else by session and tool. A call that
//! was refused, and the end of a turn, say that nothing more comes of what was announced.
//! Absent on purpose: what was run; judgement; any output.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use codi2_attribution::sessions::of_path;
use codi2_protocol::{Actor, ActorKind, EventId, HookPhase, HookRecord, KnownBy, Process, limits};
use codi2_text::Piece;

use super::bounds::{absolute, cut, files};
use super::payload::{Input, Outcome, Payload};
use super::tool::{HookTool, caller, plain};

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Edit,
    /// A completion that a person accepted.
    Complete,
    Run,
    /// Nothing more: its turn is over, and what it had announced and not ended will not happen.
    Stop,
}

/// What a payload tells: the record, and what the call puts into files, where its tool says so. That stays in this process.
#[derive(Debug)]
pub(super) struct Told {
    pub record: HookRecord,
    pub written: Option<Vec<Piece>>,
}

/// What a payload tells; nothing for an event that changes no file. `here` is where relative paths start if the payload
/// names no folder.
///
/// # Errors
/// The input is no payload of a known tool.
pub(super) fn record(
    hint: Option<&'static HookTool>,
    input: &[u8],
    at_ms: u64,
    parent: Process,
    here: &Path,
) -> Result<Option<Told>> {
    let payload = read(input)?;
    let tool = caller(&payload, hint).context(
        "the input is no payload that codi2 knows; `codi2 hook --help` names the tools whose hooks it reads",
    )?;
    let Some((phase, does, given)) = event(tool, &payload) else { return Ok(None) };
    if !tool.tells_after && does == Does::Run {
        return Ok(None);
    }
    let actor = actor(tool, &payload, does);
    // Whose turn is over must be known, or others' calls would end, too.
    if does == Does::Stop && actor.session.is_none() {
        return Ok(None);
    }
    let roots = [&payload.workspace_roots, &payload.camel_workspace_roots];
    let folders = [payload.cwd.get(), given.and_then(|given| given.cwd.as_deref())].into_iter().flatten();
    let folders = folders.chain(roots.into_iter().flat_map(|roots| roots.0.first()).map(String::as_str));
    let usable = |folder: &&str| Path::new(folder).is_absolute() && folder.len() <= limits::PATH_BYTES;
    let folder = folders.filter(usable).map(Path::new).next().unwrap_or(here);
    // Whatever else an edit holds may be the text of a patch, too, and names nothing.
    let takes_patch = tool_name(&payload).is_some_and(|name| tool.patches.contains(&plain(name).as_str()));
    let patched = given.filter(|_| takes_patch).map_or(&[][..], |given| &given.patched);
    let paths = given.map_or(&[][..], |given| &given.paths).iter().chain(patched).map(String::as_str);
    let paths = paths.chain(payload.file_path.get());
    let listed = if matches!(does, Does::Run | Does::Stop) { Vec::new() } else { files(folder, paths) };
    let (call, pair) = match does {
        Does::Stop => (None, None),
        _ => pairing(&payload, actor.session.as_deref()),
    };
    let written = (phase == HookPhase::After && matches!(does, Does::Edit | Does::Complete))
        .then(|| written(&payload, given, takes_patch))
        .flatten();
    let record = HookRecord {
        id: EventId::new(),
        at_ms,
        phase,
        format: tool.id.to_owned(),
        call,
        pair,
        actor: Some(actor),
        parent_pid: parent.pid,
        parent_start: parent.start,
        folder: absolute(folder, ""),
        files: listed,
        found: Vec::new(),
    };
    Ok(Some(Told { record, written }))
}

/// What an edit puts into files, where it says all of it. Of a file that it moves it does not, nor of a notebook, whose text
/// is another one on disk; and our own plugins leave of a patch only the lines that name files.
fn written(payload: &Payload, given: Option<&Input>, takes_patch: bool) -> Option<Vec<Piece>> {
    let patch = given.map(|given| &given.patch).filter(|_| takes_patch);
    let is_whole = |text: &String| text.lines().any(|line| line.starts_with('+')) && !text.contains("*** Move to: ");
    let is_other = tool_name(payload).is_some_and(|name| plain(name).contains("notebook"))
        || patch.is_some_and(|patch| !patch.texts.iter().all(is_whole));
    let inputs = given.into_iter().chain([&payload.edits]);
    let is_cut = inputs.clone().any(|input| input.is_cut) || patch.is_some_and(|patch| patch.is_cut);
    let mut pieces: Vec<Piece> = inputs.flat_map(|input| input.written.iter().cloned()).collect();
    pieces.extend(patch.iter().flat_map(|patch| &patch.texts).flat_map(|patch| added(patch)));
    (!is_other && !is_cut && !pieces.is_empty()).then_some(pieces)
}

/// What a patch puts in, in place of what it takes out at the same place. What it leaves stood there, and somebody else may write
/// it elsewhere.
fn added(patch: &str) -> Vec<Piece> {
    let (mut pieces, mut taken, mut put) = (Vec::new(), String::new(), String::new());
    // One more, which is neither: the end.
    for line in patch.lines().chain([""]) {
        if let Some(old) = line.strip_prefix('-') {
            taken.extend([old, "\n"]);
        } else if let Some(new) = line.strip_prefix('+') {
            put.extend([new, "\n"]);
        } else {
            let (old, new) = (std::mem::take(&mut taken), std::mem::take(&mut put));
            pieces.extend((!new.is_empty()).then(|| Piece::instead_of(&old, new)));
        }
    }
    pieces
}

fn read(input: &[u8]) -> Result<Payload> {
    let said = match serde_json::from_slice(input) {
        Ok(payload) => return Ok(payload),
        Err(error) => error,
    };
    // Windsurf puts control characters into its texts as they are. What is wrong is not said: it would quote contents.
    let place = || anyhow!("line {}, column {}", said.line(), said.column());
    serde_json::from_slice(&escaped(input)).map_err(|_| place()).context("the input is no JSON object")
}

/// The input with control characters inside texts escaped.
fn escaped(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len() + 64);
    let (mut inside, mut after_backslash) = (false, false);
    for byte in input {
        match byte {
            0..0x20 if inside => {
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                after_backslash = false;
                continue;
            }
            b'"' if !after_backslash => inside = !inside,
            _ => {}
        }
        after_backslash = inside && *byte == b'\\' && !after_backslash;
        out.push(*byte);
    }
    out
}

/// What happens, and what the tool was given; nothing for an event that changes no file.
fn event<'a>(tool: &HookTool, payload: &'a Payload) -> Option<(HookPhase, Does, Option<&'a Input>)> {
    use HookPhase::{After, Before, Failed, Refused};
    let events = [&payload.hook_event_name, &payload.agent_action_name, &payload.hook_name, &payload.event];
    let event = events.into_iter().chain([&payload.camel_event_name]).find_map(|event| event.get());
    let input = [&payload.tool_input, &payload.tool_args, &payload.tool_info].into_iter().find(|input| input.is_some);
    let (phase, does) = match event.map(plain).as_deref() {
        Some("afterfileedit") => (After, Some(Does::Edit)),
        Some("aftertabfileedit") => (After, Some(Does::Complete)),
        Some("prewritecode") => (Before, Some(Does::Edit)),
        Some("postwritecode") => (After, Some(Does::Edit)),
        Some("beforeshellexecution" | "preruncommand") => (Before, Some(Does::Run)),
        Some("aftershellexecution" | "postruncommand") => (After, Some(Does::Run)),
        Some("pretooluse" | "beforetool") => (Before, None),
        Some("posttooluse" | "aftertool") => (After, None),
        Some("posttoolusefailure") => (Failed, None),
        Some("permissiondenied") => (Refused, None),
        // Some tools do not say which sub-agent is done, and its parent goes on.
        Some("subagentstop") if payload.agent_id.get().is_none() => return None,
        Some(
            "stop"
            | "stopfailure"
            | "subagentstop"
            | "sessionend"
            | "interrupt"
            | "afteragent"
            | "taskcancel"
            | "taskcomplete"
            | "postcascaderesponse",
        ) => (Refused, Some(Does::Stop)),
        // Copilot's own spelling names no event: a result says that the call is over.
        None if payload.camel_tool_name.is_some() && payload.has_result() => (After, None),
        None if payload.camel_tool_name.is_some() => (Before, None),
        _ => return None,
    };
    let phase = match payload.outcome() {
        Outcome::Refused if phase == After => Refused,
        Outcome::Failed if phase == After => Failed,
        _ => phase,
    };
    let invocation = match phase {
        Before => payload.pre_tool_use.as_ref(),
        After | Failed => payload.post_tool_use.as_ref(),
        Refused => None,
    };
    let input = invocation.map(|invocation| &invocation.parameters).or(input);
    if let Some(does) = does {
        return Some((phase, does, input));
    }
    let name = plain(tool_name(payload)?);
    if tool.edits.contains(&name.as_str()) {
        Some((phase, Does::Edit, input))
    } else if tool.commands.contains(&name.as_str()) {
        Some((phase, Does::Run, input))
    } else {
        None
    }
}

fn tool_name(payload: &Payload) -> Option<&str> {
    let invocations = [&payload.pre_tool_use, &payload.post_tool_use].into_iter().flatten();
    let names = [&payload.tool_name, &payload.camel_tool_name].into_iter();
    names.chain(invocations.map(|invocation| &invocation.tool_name)).find_map(|name| name.get())
}

/// Who acts: the agent, or inside it the sub-agent on its behalf.
fn actor(tool: &HookTool, payload: &Payload, does: Does) -> Actor {
    let kept = |text: &str| cut(text.to_owned());
    let sessions = [
        &payload.session_id,
        &payload.camel_session_id,
        &payload.conversation_id,
        &payload.trajectory_id,
        &payload.task_id,
    ];
    let kind = if does == Does::Complete { ActorKind::Completion } else { ActorKind::Agent };
    // Where the payload does not say, the place of its transcript may.
    let transcript =
        || payload.transcript_path.get().and_then(of_path).filter(|it| it.tool.as_deref() == Some(tool.id));
    let session = sessions.into_iter().find_map(|session| session.get()).map(kept);
    let session = session.or_else(|| transcript().map(|found| found.session));
    let parent = payload.parent_session_id.get().filter(|parent| Some(*parent) != session.as_deref());
    let parent = parent.map(|parent| Actor { session: Some(kept(parent)), ..Actor::named(ActorKind::Agent, tool.id) });
    let agent = Actor {
        session,
        parent_by: parent.is_some().then_some(KnownBy::Hook),
        parent: parent.map(Box::new),
        model: payload.model.0.as_deref().or(payload.model_name.get()).map(kept),
        ..Actor::named(kind, tool.id)
    };
    match payload.agent_id.get() {
        None => agent,
        Some(id) => Actor {
            kind: ActorKind::Agent,
            name: payload.agent_type.get().map_or_else(|| agent.name.clone(), kept),
            tool: Some(tool.id.to_owned()),
            model: None,
            session: Some(kept(id)),
            parent: Some(Box::new(agent)),
            parent_by: Some(KnownBy::Hook),
        },
    }
}

/// By what the hooks before and after a call are paired: the tool's own id of the call, or what else they share. An
/// `execution_id` is one of a whole turn.
fn pairing(payload: &Payload, session: Option<&str>) -> (Option<String>, Option<String>) {
    if let Some(id) = payload.tool_use_id.get() {
        return (Some(cut(id.to_owned())), None);
    }
    let pair = payload.execution_id.get().map(str::to_owned).or_else(|| {
        let does = tool_name(payload).or(payload.agent_action_name.get().map(|_| "action"))?;
        Some(format!("{}/{}", session?, plain(does)))
    });
    (None, pair.map(cut))
}
