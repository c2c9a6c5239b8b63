//! One event in one line: what log, tail and monitor print.
//!
//! Absent on purpose: escaping (the printer's), and anything JSON, which is the event itself.

use codi2_protocol::{
    Actor, Body, Change, Class, DiskOperation, Event, EventBody, EvidenceKind, GapReason, HookPhase, HostId, KnownBy,
    Said, StampedEvent, WatchState,
};
use codi2_workspace::shown;
use jiff::Zoned;

use super::args::Format;
use super::printer::Printer;
use super::when;

/// Prints one event in the printer's format; JSON is one document a line. `here`: this machine, whose events need not say
/// where they come from.
pub fn print(printer: &mut Printer, event: &StampedEvent, now: &Zoned, here: Option<HostId>) -> anyhow::Result<()> {
    match printer.format() {
        Format::Human => printer.line(&human(&event.event, now, here)),
        Format::Compact => compact(printer, event),
        Format::Json | Format::Jsonl => printer.json(event),
    }
}

/// `12:00:01  person Ada          edit     src/main.rs:12  +5 bytes  [inferred: keystrokes]`
pub fn human(event: &Event, now: &Zoned, here: Option<HostId>) -> String {
    let story = Story::of(event);
    let mut line =
        format!("{}  {:<24}  {:<8}  {}", when::show(event.occurred_ms, now), who(event), event.kind(), story.place);
    let elsewhere = event.host.filter(|host| here.is_some_and(|here| here != *host));
    for part in [&story.detail, &story.reason(), &elsewhere.map(machine).unwrap_or_default()] {
        if !part.is_empty() {
            line.push_str("  ");
            line.push_str(part);
        }
    }
    line.trim_end().to_owned()
}

/// A machine in short: the end of its id, for ids that were made in one minute begin alike.
fn machine(host: HostId) -> String {
    let id = host.to_string();
    format!("machine …{}", id.get(id.len().saturating_sub(8)..).unwrap_or(&id))
}

fn who(event: &Event) -> String {
    let actor = &event.actor;
    match event.body.known() {
        // Nobody did it: the hub says how it is itself.
        Some(EventBody::Watch { .. } | EventBody::Gap(_)) if actor.name.is_empty() => "codi2".to_owned(),
        _ => chain(actor),
    }
}

/// An actor and on whose behalf it acts: `agent robo (m1) for Ada`.
pub fn chain(actor: &Actor) -> String {
    let own = owner(actor.kind.as_str(), Some(&actor.name), actor.model.as_deref());
    actor.parent.as_ref().map_or_else(|| own.clone(), |parent| format!("{own} {}", for_chain(parent)))
}

/// `for claude-code for Ada`: those on whose behalf somebody acts, the nearest first; a name says enough of each.
pub fn for_chain(parent: &Actor) -> String {
    let short = |actor: &Actor| {
        let name = Actor::short_name(&actor.name);
        if name.is_empty() { actor.kind.as_str().to_owned() } else { name.to_owned() }
    };
    parent.chain().map(|actor| format!("for {}", short(actor))).collect::<Vec<_>>().join(" ")
}

/// An actor in a few words: `person Ada`, `agent claude (opus)`, `git`, `external`. Addresses are left out.
pub fn owner(kind: &str, name: Option<&str>, model: Option<&str>) -> String {
    let name = name.map(Actor::short_name).filter(|name| !name.is_empty() && *name != kind);
    let named = name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"));
    model.map_or_else(|| named.clone(), |model| format!("{named} ({model})"))
}

/// Stamp, time, kind, actor's kind, actor's name, class, file, line, detail, evidence, machine, on whose behalf.
fn compact(printer: &mut Printer, stamped: &StampedEvent) -> anyhow::Result<()> {
    let event = &stamped.event;
    let story = Story::of(event);
    let line = story.line.map(|line| line.to_string()).unwrap_or_default();
    printer.fields(&[
        &stamped.stamp.to_string(),
        &when::rfc3339(event.occurred_ms),
        event.kind(),
        event.actor.kind.as_str(),
        &event.actor.name,
        story.class.map_or("", Class::as_str),
        &event.file.as_deref().map(shown).unwrap_or_default(),
        &line,
        &story.detail,
        &story.known.map_or_else(|| story.evidence.join(", "), |known| known.to_string()),
        &event.host.map(|host| host.to_string()).unwrap_or_default(),
        &links(&event.actor),
    ])
}

/// Those on whose behalf somebody acts, parted by `, `; a `\` stands before one that is of a name, and before a `\`.
fn links(actor: &Actor) -> String {
    let link = |actor: &Actor| actor.to_string().replace('\\', "\\\\").replace(", ", "\\, ");
    actor.chain().skip(1).map(link).collect::<Vec<_>>().join(", ")
}

/// What a line says beside time, actor and kind.
#[derive(Debug, Default)]
struct Story {
    /// File with its line, where there is one.
    place: String,
    line: Option<u64>,
    detail: String,
    class: Option<Class>,
    evidence: Vec<&'static str>,
    /// How it is known who said it.
    known: Option<KnownBy>,
}

impl Story {
    fn of(event: &Event) -> Self {
        let mut story = Self::default();
        match &event.body {
            Body::Known(body) => story.known(body),
            Body::Other(_) => story.detail = "of a newer codi2; --format json shows it".to_owned(),
        }
        if let Some(file) = event.file.as_deref().map(shown) {
            story.place = story.line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
        }
        story
    }

    fn known(&mut self, body: &EventBody) {
        match body {
            EventBody::SessionStarted { info } => {
                let version = info.editor.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
                let branch = info.branch.as_deref().map(|branch| format!(", on {branch}")).unwrap_or_default();
                self.detail = format!("{}{version}, pid {}{branch}", info.editor.name, info.pid);
            }
            EventBody::SessionEnded { reason } => self.detail = reason.clone(),
            EventBody::Edit { change, part, parts, .. } => {
                self.change(change);
                if *parts > 1 {
                    self.detail.push_str(&format!(" (part {} of {parts})", part + 1));
                }
            }
            EventBody::Disk { operation, from, size, change } => {
                self.change(change);
                let what = match operation {
                    DiskOperation::Create => "created",
                    DiskOperation::Modify => "modified",
                    DiskOperation::Delete => "deleted",
                    DiskOperation::Rename => "renamed",
                };
                let from = from.as_deref().map(|from| format!(" from {}", shown(from))).unwrap_or_default();
                let now =
                    if *operation == DiskOperation::Delete { String::new() } else { format!(", now {size} bytes") };
                let sizes = std::mem::take(&mut self.detail);
                let sizes = if sizes.is_empty() { sizes } else { format!(", {sizes}") };
                self.detail = format!("{what}{from}{sizes}{now}");
            }
            EventBody::Saved { digest } => self.detail = format!("content {}", digest.short()),
            EventBody::Git { operation, old_head, new_head, old_branch, new_branch } => {
                let short = |head: &Option<String>| {
                    head.as_deref().map_or("none".to_owned(), |head| head.chars().take(8).collect())
                };
                let branch = match (old_branch, new_branch) {
                    (old, new) if old == new => new.as_ref().map(|new| format!(" on {new}")).unwrap_or_default(),
                    (old, new) => {
                        let name = |branch: &Option<String>| branch.clone().unwrap_or_else(|| "(detached)".to_owned());
                        format!(" {} → {}", name(old), name(new))
                    }
                };
                let head = if old_head == new_head {
                    format!("at {}", short(new_head))
                } else {
                    format!("{} → {}", short(old_head), short(new_head))
                };
                self.detail = format!("{operation}{branch}, {head}");
            }
            EventBody::Intent { phase, format, files } => {
                let when = match phase {
                    HookPhase::Before => "about to edit",
                    HookPhase::After => "has edited",
                    HookPhase::Failed => "failed at",
                    HookPhase::Refused => "did not edit",
                };
                let shown = files.iter().take(3).map(|file| shown(file)).collect::<Vec<_>>().join(", ");
                let files = match files.len() {
                    0 => "files it does not name".to_owned(),
                    1..=3 => shown,
                    more => format!("{shown} and {} more", more - 3),
                };
                self.detail = format!("{when} {files} ({format})");
            }
            EventBody::Upgrade { of, change } => {
                self.change(change);
                let id = of.to_string();
                let owners =
                    change.verdicts.iter().map(|verdict| verdict.origin.to_string()).collect::<Vec<_>>().join(", ");
                self.detail = format!("event …{} is now {owners}", &id[id.len() - 8..]);
            }
            EventBody::Gap(gap) => {
                let why = match gap.reason {
                    GapReason::SpoolFull => "the spool was full",
                    GapReason::SpoolDamaged => "the spool could not be read",
                    GapReason::Other => "reason unknown",
                };
                self.detail = format!("{} facts lost, {} bytes: {why}", gap.facts, gap.bytes);
            }
            EventBody::Watch { state, detail } => {
                let parted = if detail.is_empty() { "" } else { ": " };
                self.detail = format!("{}{parted}{detail}", watch_state(*state));
            }
            EventBody::Private => self.detail = "a private file changed".to_owned(),
            EventBody::LogAi(said) | EventBody::Note(said) => self.said(said),
        }
    }

    /// `plan: split the parser`, and how it is known who says it.
    fn said(&mut self, said: &Said) {
        let action = said.action.as_deref().map(|action| format!("{action}: ")).unwrap_or_default();
        // One line an event: the machine formats have the message as it is.
        self.detail = format!("{action}{}", said.message.split_whitespace().collect::<Vec<_>>().join(" "));
        self.known = Some(said.by);
    }

    fn change(&mut self, change: &Change) {
        let (inserted, deleted) =
            change.ranges.iter().fold((0, 0), |(plus, minus), range| (plus + range.inserted, minus + range.deleted));
        self.line = change.ranges.first().map(|range| range.line);
        self.detail = match (inserted, deleted) {
            (0, 0) => String::new(),
            (plus, 0) => format!("+{plus} bytes"),
            (0, minus) => format!("−{minus} bytes"),
            (plus, minus) => format!("+{plus} −{minus} bytes"),
        };
        if change.truncated {
            self.detail.push_str(", too many places to list");
        }
        // Several verdicts: the weakest class holds for the whole event.
        self.class = change.verdicts.iter().map(|verdict| verdict.class).max();
        for kind in change.verdicts.iter().filter_map(|verdict| verdict.evidence.first()) {
            let word = evidence(kind.kind);
            if !self.evidence.contains(&word) {
                self.evidence.push(word);
            }
        }
    }

    fn reason(&self) -> String {
        if let Some(known) = self.known {
            return format!("[{known}]");
        }
        match self.class {
            Some(class) if self.evidence.is_empty() => format!("[{class}]"),
            Some(class) => format!("[{class}: {}]", self.evidence.join(", ")),
            None => String::new(),
        }
    }
}

/// The name of a watch's state.
pub fn watch_state(state: WatchState) -> &'static str {
    match state {
        WatchState::Watching => "watching",
        WatchState::Polling => "polling",
        WatchState::Degraded => "degraded",
        WatchState::Rescanned => "rescanned",
        WatchState::Stopped => "stopped",
    }
}

/// Evidence in a few words; the details are in JSON and in `blame`.
pub fn evidence(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::BeforeCodi2 => "there at first sight",
        EvidenceKind::Keystrokes => "keystrokes",
        EvidenceKind::EditorDeclared => "editor says so",
        EvidenceKind::Undo => "undo",
        EvidenceKind::Format => "format",
        EvidenceKind::Moved => "moved",
        EvidenceKind::Copied => "copied",
        EvidenceKind::IntentExact => "announced, digests match",
        EvidenceKind::IntentPartial => "announced, in part",
        EvidenceKind::OnlyAgentCall => "only agent at work",
        EvidenceKind::Candidate => "several possible writers",
        EvidenceKind::Git => "git",
        EvidenceKind::SeenBefore => "seen before",
        EvidenceKind::Reload => "reload",
        EvidenceKind::DiskChange => "nobody announced it",
        EvidenceKind::LargeInsert => "large insert",
        EvidenceKind::NotObserved => "not observed",
        EvidenceKind::Gap => "lost in a gap",
        EvidenceKind::NoNote => "no note",
        EvidenceKind::Imported => "imported",
        EvidenceKind::Other => "other",
    }
}

#[cfg(test)]
mod tests;
