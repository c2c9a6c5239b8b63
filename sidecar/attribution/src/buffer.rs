//! The ladder for the edits of a buffer: undo, declared sources, formatters, copies and moves, keystrokes.
//!
//! Git and intents are not judged here: they speak of files. A buffer's text is the editor's own evidence, and an
//! agent's open call never takes it; calls are listed beside an unknown text as what they are, candidates.
//! Absent on purpose: the texts themselves; everything is told by lengths and by runs the sidecar has matched.

use codi2_protocol::{
    Actor, ActorKind, Class, Edit, EditGroup, Editor, Evidence, EvidenceKind, Shape, Source, SourceKind, Verdict,
};

use crate::candidate::Candidate;
use crate::{Carried, GroupRuling, OpenCall, RestoreKind, Ruling, Run};

/// Least length of a copied or moved run in bytes, where no full line is among it: 30 characters are at least this.
const RUN_BYTES: u64 = 30;
/// Most bytes of one key: two characters.
const KEY_BYTES: u64 = 8;
/// Longest gap between kept tokens that is taken for white space, or for what a formatter adds. In a longer one there
/// are tokens that the sidecar did not tell, because it tells only so many.
const GAP_BYTES: u64 = 256;
/// The words for a change of layout.
const LAYOUT: &str = "only white space and line ends changed";

/// What is known beside a group of edits.
#[derive(Debug, Clone, Copy)]
pub struct BufferFacts<'a> {
    /// Who works in the session.
    pub person: &'a Actor,
    /// The session's editor.
    pub editor: &'a Editor,
    /// The client declares the source of every edit (`editHint`), so an edit without one is nobody's typing.
    pub declares: bool,
    /// Whether the text after the group is one that was known before; of no account unless it [`may_restore`], or
    /// [`may_follow`] a [`StateSeen::Step`] or come [`StateSeen::Back`].
    pub state_seen: Option<StateSeen>,
    /// Agents' calls open on the file: only ever listed as context.
    pub calls: &'a [OpenCall],
}

/// Where a group's `after` was seen before. Where both apply, it is an earlier state of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateSeen {
    /// It equals the bytes seen on disk, and their owners are known.
    Disk,
    /// This buffer had this very text earlier, and its owners are remembered.
    EarlierState,
    /// The file on disk took the very step that the group takes, before it: from the same text to the same text.
    Step,
    /// This buffer had this very text earlier, and something that the group puts in was another's than the person's there.
    Back,
}

/// Judges a group of edits. A group that came in parts is to be judged as one, its edits joined.
pub fn judge_group(group: &EditGroup, facts: &BufferFacts<'_>) -> GroupRuling {
    restores(group, facts).unwrap_or_else(|| {
        GroupRuling::Edits(group.edits.iter().map(|edit| Plan::of(edit, facts).runs(edit)).collect())
    })
}

/// Whether it matters that the text after the group was known before, so that it has to be looked up
/// ([`BufferFacts::state_seen`]): typing that happens to end in a known text is typing, and a deletion brings nothing back.
pub fn may_restore(group: &EditGroup, declares: bool) -> bool {
    let brings_back = |edit: &Edit| match edit.source.as_ref().map(|source| source.kind) {
        Some(kind) => matches!(kind, SourceKind::Undo | SourceKind::Redo | SourceKind::Reload),
        None => declares || edit.shape != Shape::Keystroke,
    };
    let mut inserting = inserting(group).peekable();
    inserting.peek().is_some() && inserting.all(brings_back)
}

/// Whether the group, which only typing would explain otherwise, is a reload where the file took the same step before it
/// ([`StateSeen::Step`]): an editor that declares nothing loads however little somebody else wrote. So it is an undo or redo
/// where the buffer has a text again that it had with what another wrote ([`StateSeen::Back`]).
pub fn may_follow(group: &EditGroup) -> bool {
    inserting(group).next().is_some() && group.edits.iter().all(|edit| edit.source.is_none())
}

fn inserting(group: &EditGroup) -> impl Iterator<Item = &Edit> {
    group.edits.iter().filter(|edit| edit.inserted > 0)
}

/// L1 and the reload: whether the group brings back a text whose owners are known as a whole.
fn restores(group: &EditGroup, facts: &BufferFacts<'_>) -> Option<GroupRuling> {
    let follows = |seen: &StateSeen| matches!(seen, StateSeen::Step | StateSeen::Back) && may_follow(group);
    let may = |seen: &StateSeen| may_restore(group, facts.declares) || follows(seen);
    let seen = facts.state_seen.filter(may)?;
    let declared = |kind| inserting(group).any(|edit| edit.source.as_ref().is_some_and(|source| source.kind == kind));
    let undo = declared(SourceKind::Undo) || declared(SourceKind::Redo);
    let reload = declared(SourceKind::Reload);
    let editor = &facts.editor.name;
    let (kind, evidence, detail) = match seen {
        _ if undo => (RestoreKind::Undo, EvidenceKind::Undo, format!("{editor} declared an undo or redo")),
        _ if reload => (RestoreKind::Reload, EvidenceKind::Reload, format!("{editor} loaded the file again")),
        StateSeen::EarlierState | StateSeen::Back => {
            (RestoreKind::Undo, EvidenceKind::Undo, "the buffer has a text again that it had before".to_owned())
        }
        StateSeen::Disk | StateSeen::Step => {
            (RestoreKind::Reload, EvidenceKind::Reload, "the buffer took over what was on disk".to_owned())
        }
    };
    Some(GroupRuling::Restore { kind, class: Class::Carried, evidence: Evidence::new(evidence, detail) })
}

/// How the bytes of one edit are ruled: which matched runs count, what they become, and what the rest becomes.
struct Plan {
    runs: Counted,
    copies: bool,
    modifier: Option<Actor>,
    evidence: Option<Evidence>,
    class: Class,
    rest: Verdict,
    /// The rest is white space between carried tokens.
    blank_rest: bool,
}

/// Which matched runs count.
#[derive(PartialEq)]
enum Counted {
    None,
    Long,
    All,
}

impl Plan {
    /// A plan that carries nothing.
    fn new(rest: Verdict) -> Self {
        Self {
            runs: Counted::None,
            copies: true,
            modifier: None,
            evidence: None,
            class: Class::Carried,
            rest,
            blank_rest: false,
        }
    }

    /// A plan that carries long runs, brought by `modifier` as the editor declares.
    fn bringing(modifier: Option<Actor>, rest: Verdict) -> Self {
        let class = if modifier.is_some() { Class::Declared } else { Class::Carried };
        Self { runs: Counted::Long, modifier, class, ..Self::new(rest) }
    }

    fn of(edit: &Edit, facts: &BufferFacts<'_>) -> Self {
        let Some(source) = &edit.source else { return Self::undeclared(edit, facts) };
        let person = || facts.person.clone();
        let editor = &facts.editor.name;
        let declared = |actor: Actor, words: &str| {
            let detail = format!("{editor} declared {words}{}", told(source));
            Verdict::new(actor, Class::Declared, EvidenceKind::EditorDeclared, detail)
        };
        let tool = |default: &str| Actor::named(ActorKind::Tool, source.name.as_deref().unwrap_or(default));
        match source.kind {
            SourceKind::Undo | SourceKind::Redo if edit.inserted == 0 => {
                Self::new(declared(person(), "an undo or redo"))
            }
            SourceKind::Undo | SourceKind::Redo => {
                let detail = format!("{editor} declared an undo or redo");
                let rest = nobody(EvidenceKind::Undo, format!("{detail} of text whose owner is not known any more"));
                Self {
                    runs: Counted::All,
                    evidence: Some(Evidence::new(EvidenceKind::Undo, detail)),
                    ..Self::new(rest)
                }
            }
            SourceKind::Format => Self::formatted(edit, Some(tool("formatter")), editor),
            SourceKind::Typed | SourceKind::Command if edit.shape == Shape::Layout && !edit.copied.is_empty() => {
                let words = if source.kind == SourceKind::Typed { "typed keys" } else { "a command" };
                Self::laid_out(edit, Some(person()), declared(person(), words))
            }
            SourceKind::Typed if matches!(edit.shape, Shape::Keystroke | Shape::Deletion) => {
                Self::new(declared(person(), "typed keys"))
            }
            SourceKind::Typed => Self::bringing(Some(person()), declared(person(), "typed keys")),
            SourceKind::Paste => {
                let mut rest = declared(Actor::unknown(), "a paste of text from outside");
                rest.modifier = Some(person());
                rest.class = Class::Unknown;
                Self::bringing(Some(person()), rest)
            }
            SourceKind::Cut => Self::new(declared(person(), "a cut")),
            SourceKind::Command if is_import(source) => {
                let mut rest = declared(Actor::unknown(), "text read from elsewhere");
                rest.modifier = Some(person());
                rest.class = Class::Unknown;
                Self::bringing(Some(person()), rest)
            }
            SourceKind::Command if is_filter(source) => {
                let program = source.detail.as_deref().and_then(|detail| detail.strip_prefix("filter "));
                let program = Actor::named(ActorKind::Tool, program.map_or("filter", str::trim));
                let mut rest = declared(program, "the output of a program");
                rest.acceptor = Some(person());
                Self::bringing(Some(person()), rest)
            }
            SourceKind::Command => Self::bringing(Some(person()), declared(person(), "a command")),
            SourceKind::Completion => {
                let provider = source.name.as_deref().unwrap_or_default();
                let mut rest = declared(Actor::named(ActorKind::Completion, provider), "an accepted completion");
                rest.acceptor = Some(person());
                Self::new(rest)
            }
            kind @ (SourceKind::LspEdit | SourceKind::Snippet | SourceKind::Plugin) => {
                let (default, words) = match kind {
                    SourceKind::LspEdit => ("language server", "an edit by a language server"),
                    SourceKind::Snippet => ("snippet", "a snippet"),
                    _ => ("plugin", "an edit by a plugin"),
                };
                if edit.shape == Shape::Layout && !edit.copied.is_empty() {
                    return Self::formatted(edit, Some(tool(default)), editor);
                }
                // Moved text stays its author's; a copy of standing text may be the tool's own work.
                Self { copies: false, ..Self::bringing(Some(tool(default)), declared(tool(default), words)) }
            }
            SourceKind::Reload => {
                let mut rest = nobody(
                    EvidenceKind::Reload,
                    format!("{editor} loaded the file again; who wrote it is not known (yet)"),
                );
                rest.origin = Actor::external();
                rest.evidence.extend(facts.calls.iter().map(|call| Candidate::from(call).evidence()));
                Self::new(rest)
            }
            SourceKind::Other => {
                let detail = format!("{editor} declared a source that this program does not know{}", told(source));
                Self::bringing(None, nobody(EvidenceKind::Other, detail))
            }
        }
    }

    /// L5 to L7 and L10 for an edit that nobody declared.
    fn undeclared(edit: &Edit, facts: &BufferFacts<'_>) -> Self {
        let editor = &facts.editor.name;
        if edit.shape == Shape::Layout {
            return Self::formatted(edit, None, editor);
        }
        let key = match edit.shape {
            Shape::Keystroke => true,
            Shape::Deletion => edit.deleted <= KEY_BYTES && edit.lines_deleted <= 1,
            _ => false,
        };
        if key && !facts.declares {
            let detail = format!("single keys at the cursor in {editor}");
            return Self::new(Verdict::new(facts.person.clone(), Class::Inferred, EvidenceKind::Keystrokes, detail));
        }
        let small = edit.shape == Shape::Other && edit.inserted <= KEY_BYTES;
        let mut rest = if key || small || edit.inserted == 0 {
            nobody(EvidenceKind::NotObserved, format!("{editor} did not say what made this edit"))
        } else {
            nobody(EvidenceKind::LargeInsert, format!("{} bytes at once that match nothing known", edit.inserted))
        };
        rest.evidence.extend(facts.calls.iter().map(|call| Candidate::from(call).evidence()));
        Self::bringing(None, rest)
    }

    /// L5: tokens keep their owners; what a declared formatter adds is its own.
    fn formatted(edit: &Edit, formatter: Option<Actor>, editor: &str) -> Self {
        let rest = match &formatter {
            Some(tool) => {
                let detail = format!("{editor} declared an edit by {}", tool.name);
                Verdict::new(tool.clone(), Class::Declared, EvidenceKind::Format, detail)
            }
            None => nobody(EvidenceKind::Format, LAYOUT.to_owned()),
        };
        Self::laid_out(edit, formatter, rest)
    }

    /// Tokens keep their owners, and so does the white space between them where nothing else changed.
    fn laid_out(edit: &Edit, modifier: Option<Actor>, rest: Verdict) -> Self {
        let blank_rest = edit.shape == Shape::Layout;
        let detail = if blank_rest { LAYOUT.to_owned() } else { rest.evidence[0].detail.clone() };
        let evidence = Some(Evidence::new(EvidenceKind::Format, detail));
        Self { runs: Counted::All, modifier, evidence, blank_rest, ..Self::new(rest) }
    }

    /// The runs of an edit, covering its inserted bytes exactly, whatever the sidecar claims to have matched.
    fn runs(self, edit: &Edit) -> Vec<Run> {
        let mut pieces: Vec<(u64, u64, Carried)> = Vec::new();
        if self.runs != Counted::None {
            pieces.extend(
                edit.restored.iter().map(|run| {
                    (run.at, run.len, Carried::Tombstone { group: run.group, edit: run.edit, from: run.from })
                }),
            );
            if self.copies {
                pieces.extend(edit.copied.iter().map(|run| {
                    (run.at, run.len, Carried::Copy { file: run.file.clone(), digest: run.digest, from: run.from })
                }));
            }
        }
        let long = |len: u64| len >= RUN_BYTES || edit.lines_inserted > 0;
        pieces.retain(|(at, len, from)| {
            let inside = at.checked_add(*len).is_some_and(|end| end <= edit.inserted) && from.end(*len).is_some();
            *len > 0 && inside && (self.runs == Counted::All || long(*len))
        });
        // Stable: of two runs at one place the restored one, listed first, wins.
        pieces.sort_by_key(|(at, _, _)| *at);
        let mut runs = Vec::new();
        let mut done = 0;
        let any = !pieces.is_empty();
        for (at, len, from) in pieces {
            let skipped = done.max(at) - at;
            let len = len.saturating_sub(skipped);
            if len == 0 || skipped > 0 && self.runs == Counted::Long && !long(len) {
                continue;
            }
            self.rest_run(at.max(done) - done, any, &mut runs);
            let from = from.after(skipped);
            done = at.max(done) + len;
            runs.push(Run { len, ruling: self.carry(from) });
        }
        self.rest_run(edit.inserted - done, any, &mut runs);
        if edit.inserted == 0 {
            runs.push(Run { len: 0, ruling: Ruling::New(self.rest) });
        }
        runs
    }

    fn rest_run(&self, len: u64, any: bool, runs: &mut Vec<Run>) {
        if len > 0 {
            let ruling = match &self.evidence {
                Some(why) if any && len > GAP_BYTES && why.kind == EvidenceKind::Format => {
                    Ruling::New(self.forgotten(why))
                }
                _ if any && self.blank_rest => self.carry(Carried::Beside),
                _ => Ruling::New(self.rest.clone()),
            };
            runs.push(Run { len, ruling });
        }
    }

    /// Whoever brings a text whose author is forgotten does not become its author.
    fn forgotten(&self, evidence: &Evidence) -> Verdict {
        let mut verdict = nobody(evidence.kind, format!("{}; its owner is not known any more", evidence.detail));
        verdict.modifier.clone_from(&self.modifier);
        verdict
    }

    fn carry(&self, from: Carried) -> Ruling {
        let evidence = self.evidence.clone().unwrap_or_else(|| match &from {
            Carried::Tombstone { .. } => Evidence::new(EvidenceKind::Moved, "equals text deleted earlier"),
            _ => Evidence::new(EvidenceKind::Copied, "equals text that stands elsewhere"),
        });
        let otherwise = Box::new(self.forgotten(&evidence));
        let (modifier, class) = (self.modifier.clone(), self.class);
        Ruling::Carry { from, modifier, evidence, class, otherwise }
    }
}

/// A verdict that names nobody.
fn nobody(kind: EvidenceKind, detail: String) -> Verdict {
    Verdict::new(Actor::unknown(), Class::Unknown, kind, detail)
}

/// Whether a command brings text from a file or another version of this one.
pub fn is_import(source: &Source) -> bool {
    matches!(source.name.as_deref(), Some("read" | "diffget" | "diffput")) && !is_filter(source)
}

/// Whether a command inserts what another program printed.
pub fn is_filter(source: &Source) -> bool {
    let words = [source.name.as_deref(), source.detail.as_deref()];
    words.into_iter().flatten().any(|word| word.starts_with("filter") || word.starts_with('!') || word.contains(" !"))
}

/// A source's name and detail in words, with a leading space.
fn told(source: &Source) -> String {
    let mut words = String::new();
    for word in [&source.name, &source.detail].into_iter().flatten() {
        words.push_str(if words.is_empty() { ": " } else { ", " });
        words.push_str(word);
    }
    words
}

#[cfg(test)]
mod tests;
