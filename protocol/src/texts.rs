//! The texts in what crosses a process: every string that comes from outside, so that it can be redacted at the doors.
//!
//! Each type takes itself apart by name and without `..`: a new field does not compile until it is given to the
//! visitor or left out here by name. `tests/texts.rs` holds every string of the schema to a list of what is free text,
//! what is a path, and what is exempt, with the reason. Absent on purpose: what redaction is.

use crate::{
    Actor, Call, Copied, Edit, EditGroup, Editor, Fact, FileId, Heartbeat, HookRecord, NoteRecord, Numbered, Said,
    SessionInfo, Source, Text, Touched, WorktreeId,
};

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words from outside: names, reasons, labels.
    Words,
    /// A path: it names a file, so only a token with a form of its own is a secret in it.
    Path,
}

/// A message with texts in it.
pub trait Texts {
    /// Shows every text from outside to `see`, which may change it.
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String));
}

fn words(text: &mut Option<String>, see: &mut dyn FnMut(Kind, &mut String)) {
    if let Some(text) = text {
        see(Kind::Words, text);
    }
}

impl<T: Texts> Texts for Option<T> {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        self.iter_mut().for_each(|inner| inner.each_text(see));
    }
}

impl<T: Texts> Texts for Vec<T> {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        self.iter_mut().for_each(|inner| inner.each_text(see));
    }
}

impl Texts for Actor {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { kind: _, name, tool, model, session, parent, parent_by: _ } = self;
        see(Kind::Words, name);
        words(tool, see);
        words(model, see);
        words(session, see);
        if let Some(parent) = parent {
            parent.each_text(see);
        }
    }
}

impl Texts for Editor {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { name, version } = self;
        see(Kind::Words, name);
        words(version, see);
    }
}

impl Texts for SessionInfo {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { session: _, actor, editor, pid: _, process: _, host: _, worktree, root, branch, base } = self;
        actor.each_text(see);
        editor.each_text(see);
        worktree.each_text(see);
        if let Some(root) = root {
            see(Kind::Path, root);
        }
        words(branch, see);
        words(base, see);
    }
}

impl Texts for WorktreeId {
    /// None: git's name of a worktree is an identity that others compute for themselves. A worktree whose name holds a
    /// token is not recorded at all.
    fn each_text(&mut self, _: &mut dyn FnMut(Kind, &mut String)) {
        let Self { repository: _, name: _ } = self;
    }
}

impl Texts for FileId {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { worktree, path } = self;
        worktree.each_text(see);
        see(Kind::Path, path);
    }
}

impl Texts for Source {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { kind: _, name, detail } = self;
        words(name, see);
        words(detail, see);
    }
}

impl Texts for Copied {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { at: _, len: _, file, digest: _, from: _ } = self;
        file.each_text(see);
    }
}

impl Texts for Edit {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self {
            at: _,
            deleted: _,
            inserted: _,
            line: _,
            lines_deleted: _,
            lines_inserted: _,
            shape: _,
            source,
            restored: _,
            copied,
        } = self;
        source.each_text(see);
        copied.each_text(see);
    }
}

impl Texts for EditGroup {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { group: _, file, part: _, parts: _, before: _, after: _, edits, first_ms: _, last_ms: _ } = self;
        file.each_text(see);
        edits.each_text(see);
    }
}

impl Texts for HookRecord {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self {
            id: _,
            at_ms: _,
            phase: _,
            format,
            actor,
            parent_pid: _,
            parent_start: _,
            call,
            pair,
            folder,
            files,
            found: _,
        } = self;
        see(Kind::Words, format);
        actor.each_text(see);
        words(call, see);
        words(pair, see);
        see(Kind::Path, folder);
        files.iter_mut().for_each(|file| see(Kind::Path, file));
    }
}

impl Texts for NoteRecord {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { id: _, at_ms: _, actor, said, folder, file } = self;
        actor.each_text(see);
        let Said { action, message, by: _, marks } = said;
        words(action, see);
        see(Kind::Words, message);
        marks.iter_mut().for_each(|mark| see(Kind::Words, mark));
        see(Kind::Path, folder);
        if let Some(file) = file {
            see(Kind::Path, file);
        }
    }
}

impl Texts for Numbered {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { seq: _, occurred_ms: _, session: _, fact } = self;
        fact.each_text(see);
    }
}

impl Texts for Fact {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        match self {
            Self::SessionStarted { info } => info.each_text(see),
            Self::SessionEnded { reason } => see(Kind::Words, reason),
            Self::Opened { file, digest: _, bytes: _ }
            | Self::Saved { file, digest: _ }
            | Self::Closed { file, digest: _ } => file.each_text(see),
            Self::Edits(group) => group.each_text(see),
            Self::Hook(record) => record.each_text(see),
            Self::Gap(_) => {}
        }
    }
}

impl Texts for Text {
    /// Not the source text: it must be exact, and lives in the hub's memory only.
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        match self {
            Self::Group { session: _, group: _, part: _, inserted: _ } => {}
            Self::Full { session: _, file, digest: _, part: _, parts: _, text: _ } => file.each_text(see),
        }
    }
}

impl Texts for Touched {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { session: _, file, base: _, start: _, end: _, at_ms: _ } = self;
        file.each_text(see);
    }
}

impl Texts for Heartbeat {
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        let Self { session: _, at_ms: _, file, open: _, last_edit_ms: _ } = self;
        file.each_text(see);
    }
}

impl Texts for Call {
    /// Not what only asks: a watch's path, a query's file and filter are compared and forgotten. What a process measured
    /// of itself is shown and kept nowhere.
    fn each_text(&mut self, see: &mut dyn FnMut(Kind, &mut String)) {
        match self {
            Self::Report { facts } => facts.each_text(see),
            Self::Text(text) => text.each_text(see),
            Self::Touched(touched) => touched.each_text(see),
            Self::Heartbeat(heartbeat) => heartbeat.each_text(see),
            Self::Hook(record) => record.each_text(see),
            Self::Note(record) => record.each_text(see),
            Self::Measured(_)
            | Self::Watch { path: _, poll: _ }
            | Self::Owners { file: _, digest: _, buffer: _ }
            | Self::Notes { worktree: _ }
            | Self::Log { filter: _, cursor: _, newest_first: _, limit: _ }
            | Self::Tail { filter: _, from: _ }
            | Self::Status
            | Self::Stats
            | Self::Stop => {}
        }
    }
}
