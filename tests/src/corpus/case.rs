//! One case of the corpus: whose lines there are, and what the editor does beside the script.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use codi2_ipc::Places;
use codi2_ipc::blocking::Link;
use codi2_protocol::{ActorKind, Call, Filter, Notice, Reply, StampedEvent, WatchStatus, WorktreeId};
use serde_json::json;

use super::tally::Tally;
use crate::editor::{Editor, read_text, write_text};
use crate::{DEADLINE, World, program};

const COOKIE: &str = "codi2-cookie";

/// One line that somebody is known to have written.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) token: String,
    pub(super) kind: ActorKind,
    /// The whole line.
    pub(super) line: String,
}

/// A running case.
pub(super) struct Case<'a> {
    pub(super) world: &'a World,
    places: Places,
    pub(super) root: PathBuf,
    pub(super) worktree: WorktreeId,
    pub(super) hub: Link,
    tail: Link,
    pub(super) seen: Vec<StampedEvent>,
    cookies: u32,
    pub(super) marks: Vec<Mark>,
    pub(super) editor: Option<Editor>,
}

impl<'a> Case<'a> {
    /// Watches a worktree, with an editor's window.
    pub(super) fn new(world: &'a World, base: &Path, root: &Path) -> Self {
        let base = base.canonicalize().expect("it exists");
        let root = root.canonicalize().expect("it exists");
        assert!(root.starts_with(&base));
        let places = Places::at(world.state(), world.runtime());
        let (hub, tail, worktree) = watch(&places, &root);
        let editor = Some(Editor::start(world, &root));
        let (seen, marks) = (Vec::new(), Vec::new());
        Self { world, places, root, worktree, hub, tail, seen, cookies: 0, marks, editor }
    }

    /// Goes on in another worktree of the repository, with another window.
    pub(super) fn move_to(&mut self, root: &Path) {
        self.root = root.canonicalize().expect("it exists");
        (self.hub, self.tail, self.worktree) = watch(&self.places, &self.root);
        self.editor.take().expect("there until the end").quit();
        self.editor = Some(Editor::start(self.world, &self.root));
    }

    fn editor(&mut self) -> &mut Editor {
        self.editor.as_mut().expect("there until the end")
    }

    /// Gives some lines of every file known owners.
    pub(super) fn seed(&mut self) {
        let files = self.files();
        for file in &files {
            let path = self.root.join(file);
            if !self.editor().open(&path) {
                continue;
            }
            // Answered behind the opening, which waits until it is known who started the window (ADR 0079): a watch that sees
            // the file saved before any of its edits is told is no case of git's.
            self.editor().hover(&path);
            let count = self.editor().text(&path).lines().count();
            let lines: &[usize] = if count >= 6 { &[6, 3] } else { &[count] };
            for line in lines {
                self.type_on(&path, *line, count >= 6);
            }
            self.editor().save(&path);
        }
        self.sync();
        self.hook(&json!({"type": "human", "repo_working_dir": self.root, "will_edit_filepaths": files}));
        for file in &files {
            let path = self.root.join(file);
            let Some((text, form)) = read_text(&fs::read(&path).expect("a file")) else { continue };
            let text = self.agent_writes(&text);
            fs::write(&path, write_text(&text, form)).expect("a file to write");
        }
        self.hook(&json!({
            "type": "ai_agent",
            "repo_working_dir": self.root,
            "edited_filepaths": files,
            "agent_name": "scripted-agent",
            "model": "no-model-1",
            "conversation_id": "conversation-1",
        }));
        // The window that typed closes its files with it: what is open during the steps is the case's business.
        self.editor.take().expect("there until the end").quit();
        self.editor = Some(Editor::start(self.world, &self.root));
        self.sync();
        let mut tally = Tally::default();
        self.check("seed", &mut tally);
        assert!(tally.wrong.is_empty() && tally.lost.is_empty(), "the seed did not take: {tally:#?}");
    }

    /// The person types a token at the end of a line, or a line of her own before it.
    fn type_on(&mut self, path: &Path, line: usize, at_its_end: bool) {
        let token = format!("p{}q", self.marks.len());
        let (start, end) = line_range(self.editor().text(path), line);
        // A line is of whoever wrote most of it.
        let is_short = self.editor().text(path)[start..end].replace(' ', "").len() < token.len();
        let line = if at_its_end && is_short {
            let line = format!("{}{token}", &self.editor().text(path)[start..end]);
            self.editor().type_at(path, end, &token);
            line
        } else {
            self.editor().type_at(path, start, &format!("{token}\n"));
            token.clone()
        };
        self.marks.push(Mark { token, kind: ActorKind::Person, line });
    }

    fn agent_writes(&mut self, text: &str) -> String {
        let count = text.lines().count();
        let lines: &[usize] = match count {
            8.. => &[8, 2],
            6.. => &[5, 2],
            _ => &[1],
        };
        let mut text = text.to_owned();
        for line in lines {
            let token = format!("g{}q", self.marks.len());
            let (start, end) = line_range(&text, *line);
            let line = if count >= 6 {
                text.insert_str(end, &token);
                format!("{}{token}", &text[start..end])
            } else {
                text.insert_str(start, &format!("{token}\n"));
                token.clone()
            };
            self.marks.push(Mark { token, kind: ActorKind::Agent, line });
        }
        text
    }

    fn hook(&self, payload: &serde_json::Value) {
        let mut command = self.world.command(program());
        command.args(["hook", "agent-v1"]).current_dir(&self.root);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("codi2 starts");
        let mut input = child.stdin.take().expect("piped");
        input.write_all(payload.to_string().as_bytes()).expect("the hook reads");
        drop(input);
        assert!(child.wait().expect("our own child").success(), "the hook failed");
    }

    /// Opens every file, perhaps with an unsaved edit in each.
    pub(super) fn open(&mut self, dirty: bool) {
        for file in self.files() {
            let path = self.root.join(file);
            if self.editor().open(&path) && dirty {
                let count = self.editor().text(&path).lines().count();
                if count > 0 {
                    self.type_on(&path, count.min(4), count >= 6);
                }
            }
        }
    }

    /// What a person's editor does by itself when its window is shown again.
    pub(super) fn reload(&mut self) {
        for file in self.editor().files() {
            self.editor().reload(&file);
        }
    }

    /// Saves every buffer with unsaved edits.
    pub(super) fn save(&mut self) {
        for file in self.editor().files() {
            if self.editor().is_dirty(&file) {
                self.editor().save(&file);
            }
        }
    }

    /// Waits until the hub has seen everything that happened: a cookie file comes and goes.
    pub(super) fn sync(&mut self) {
        let cookie = self.root.join(COOKIE);
        self.cookies += 1;
        fs::write(&cookie, format!("{}\n", self.cookies)).expect("a cookie");
        self.wait_cookie("create");
        fs::remove_file(&cookie).expect("our own cookie");
        self.wait_cookie("delete");
    }

    fn wait_cookie(&mut self, operation: &str) {
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let notice = self.tail.next_notice(Some(left)).unwrap_or_else(|error| {
                panic!("the cookie's {operation} did not come: {error}; saw {}", self.story(None))
            });
            let Some(Notice::Events { events }) = notice else { continue };
            let found = events.iter().any(|event| {
                event.event.file.as_deref() == Some(COOKIE)
                    && serde_json::to_value(&event.event.body).is_ok_and(|body| body["operation"] == operation)
            });
            self.seen.extend(events.into_iter().filter(|event| event.event.file.as_deref() != Some(COOKIE)));
            if found {
                return;
            }
        }
    }

    /// The window closes.
    pub(super) fn finish(mut self) {
        self.editor.take().expect("there until the end").quit();
    }
}

/// Watches a worktree and hears its events.
fn watch(places: &Places, root: &Path) -> (Link, Link, WorktreeId) {
    let connect = || Link::connect(places, "git corpus").expect("the hub runs");
    let (mut hub, mut tail) = (connect(), connect());
    let path = root.to_str().expect("UTF-8").to_owned();
    let worktree = match hub.call_within(Call::Watch { path, poll: false }, DEADLINE).expect("a watch") {
        Reply::Watch(WatchStatus { worktree, .. }) => worktree,
        other => panic!("no watch: {other:?}"),
    };
    let filter = Filter { worktree: Some(worktree.clone()), ..Filter::default() };
    tail.call_within(Call::Tail { filter, from: None }, DEADLINE).expect("a tail");
    (hub, tail, worktree)
}

/// Byte range of a line, from 1, without its end.
fn line_range(text: &str, line: usize) -> (usize, usize) {
    let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let len = text[start..].find(['\r', '\n']).unwrap_or(text.len() - start);
    (start, start + len)
}
