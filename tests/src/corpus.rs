//! The git corpus on the whole road: scripts of real git against a real hub, with known owners of some lines before.
//!
//! A case is a script, what the editor has open, and a worktree. Before the script's steps some lines are typed by a
//! person in an editor and some are written by an agent that announces itself; each such line holds a token of its own.
//! All of it lies in the first commit, so that every branch of the script has these lines. After each step, once the hub
//! has seen a cookie file come and go, every line of every file must still have the owner it had: a line without a token
//! is nobody's whom we know, a line with one is of whoever wrote it.
//!
//! Absent on purpose: judging what git did (`sidecar/workspace/tests/corpus.rs` does).

#[path = "../git-corpus/corpus.rs"]
mod scripts;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use codi2_ipc::Places;
use codi2_ipc::blocking::Link;
use codi2_protocol::{
    ActorKind, Call, FileId, Filter, Notice, OwnersReply, Reply, StampedEvent, WatchStatus, WorktreeId,
};
use codi2_text::{Text, digest_of, lines_by};
use serde_json::json;

use crate::editor::{Editor, read_text, write_text};
use crate::{Blame, DEADLINE, World, program};
use scripts::Script;

/// What the editor has open while the steps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffers {
    /// Nothing.
    Closed,
    /// Every file, without unsaved edits; it loads what changed again.
    Clean,
    /// Every file, each with an unsaved edit; it keeps its texts, and saves them over git's at the end.
    Dirty,
}

/// Where the steps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worktree {
    /// In the repository's main worktree.
    Main,
    /// In a linked worktree.
    Linked,
}

/// Cases at work at once: they mostly wait.
const AT_ONCE: usize = 6;
/// How long late evidence may take before a line without its owner counts as lost.
const PATIENCE: Duration = Duration::from_secs(4);
/// Lines that may lose their owner (to unknown, external or git), in a hundred with a known one. It is to become 0:
/// measured are 0 to 1.5, mostly in linked worktrees on a busy machine, where a look just after a git command is judged
/// before git's state is read. A line that becomes somebody's who did not write it is never allowed.
const LOST_OF_HUNDRED: usize = 5;
const COOKIE: &str = "codi2-cookie";

/// Runs every script that fits; `CODI2_CORPUS` names a single one. Returns the table, and whether all is well.
pub fn run(buffers: Buffers, worktree: Worktree) -> (String, bool) {
    let chosen = std::env::var("CODI2_CORPUS").ok();
    let mut scripts = scripts::load();
    scripts.retain(|script| {
        !(script.only_main && worktree == Worktree::Linked) && chosen.as_ref().is_none_or(|name| *name == script.name)
    });
    let world = World::new(&[("other.txt", "one\n")]);
    let started = world.codi2(&["hub", "start"]);
    assert_eq!(started.code, 0, "{}", started.err);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let mut tally = Tally::default();
                    let ran = catch_unwind(AssertUnwindSafe(|| one(&world, script, buffers, worktree, &mut tally)));
                    if let Err(panic) = ran {
                        tally.broken = Some(words(panic.as_ref()));
                    }
                    tally.ms = began.elapsed().as_millis();
                    results.lock().expect("nobody panics with it").insert(script.name.clone(), tally);
                }
            });
        }
    });
    let results = results.into_inner().expect("nobody panics with it");
    table(&format!("{buffers:?}, {worktree:?}"), &results)
}

/// Shell text: after each checkout and commit of the setup the hub looks at every file. A setup runs faster than files
/// settle, and what a program changes before the hub has seen what git did is all of one change to it.
fn shown_to(world: &World) -> String {
    format!(
        "git() {{
            command git \"$@\" || return
            case \"$1 $PWD\" in \"checkout $HOME/repo\" | \"commit $HOME/repo\") ;; *) return 0 ;; esac
            command git ls-files -z '*.txt' '*.id' '*.rot' '*.crlf' |
                CODI2_STATE_DIR='{}' CODI2_RUNTIME_DIR='{}' xargs -0 -r -n 1 '{}' blame > /dev/null 2>&1 || true
        }}\n",
        world.state().display(),
        world.runtime().display(),
        program().display()
    )
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

/// What a case came to.
#[derive(Debug, Default)]
struct Tally {
    lines: usize,
    /// Lines checked that have a token.
    owned: usize,
    /// Lines that became somebody's who was not their owner.
    wrong: Vec<String>,
    /// Lines that lost their owner.
    lost: Vec<String>,
    broken: Option<String>,
    ms: u128,
}

fn table(title: &str, results: &BTreeMap<String, Tally>) -> (String, bool) {
    let mut out =
        format!("{title}\n{:<36} {:>6} {:>6} {:>6} {:>6} {:>7}\n", "script", "lines", "owned", "wrong", "lost", "ms");
    let mut details = String::new();
    let mut total = Tally::default();
    for (name, tally) in results {
        let Tally { lines, owned, wrong, lost, broken, ms } = tally;
        let mark = if broken.is_some() { "  broken" } else { "" };
        let _ = writeln!(out, "{name:<36} {lines:>6} {owned:>6} {:>6} {:>6} {ms:>7}{mark}", wrong.len(), lost.len());
        total.lines += lines;
        total.owned += owned;
        for (what, findings) in [("wrong", wrong), ("lost", lost)] {
            for finding in findings {
                let _ = writeln!(details, "{name}: {what}: {finding}");
            }
        }
        if let Some(broken) = broken {
            let _ = writeln!(details, "{name}: broken: {broken}");
        }
    }
    let sum = |count: fn(&Tally) -> usize| results.values().map(count).sum::<usize>();
    let (wrong, lost) = (sum(|tally| tally.wrong.len()), sum(|tally| tally.lost.len()));
    let broken = sum(|tally| usize::from(tally.broken.is_some()));
    let _ = writeln!(
        out,
        "{:<36} {:>6} {:>6} {wrong:>6} {lost:>6}",
        format!("{} scripts", results.len()),
        total.lines,
        total.owned
    );
    // A script that was asked for alone is to be looked into: then nothing is allowed.
    let lost_allowed = if results.len() == 1 { 0 } else { total.owned * LOST_OF_HUNDRED / 100 };
    (out + &details, wrong + broken == 0 && lost <= lost_allowed && total.owned > 0)
}

fn one(world: &World, script: &Script, buffers: Buffers, worktree: Worktree, tally: &mut Tally) {
    let base = world.repository().with_file_name("cases").join(&script.name);
    let main = base.join("repo");
    fs::create_dir_all(&main).expect("a new folder");
    let shell = |folder: &Path, text: &str| scripts::shell(&script.name, folder, &base, text);
    shell(
        &main,
        "git init -q -b main . && git config user.name 'Ada Example' && git config user.email ada@example.org",
    );
    // Until the first commit, which is not made.
    shell(&main, &format!("commit() {{ exit 0; }}\n{}", script.setup));
    let mut case = Case::new(world, &base, &main);
    case.seed();
    // Everything again, the files of the first commit left as they are now.
    let prelude = scripts::folder().join("prelude.sh");
    let skip = format!("put() {{ :; }}; lines() {{ :; }}; commit() {{ . '{}'; commit \"$@\"; }}\n", prelude.display());
    shell(&main, &format!("{}{skip}{}", shown_to(world), script.setup));
    case.sync();
    if worktree == Worktree::Linked {
        shell(&main, "git checkout -q --detach && git worktree add -q ../linked main");
        case.move_to(&base.join("linked"));
    }
    case.check("before", tally);
    if buffers != Buffers::Closed {
        case.open(buffers == Buffers::Dirty);
        case.check("opened", tally);
    }
    for (number, step) in script.steps.iter().enumerate() {
        shell(&case.root, &step.script);
        case.reload();
        case.sync();
        case.check(&format!("step {}", number + 1), tally);
    }
    if buffers == Buffers::Dirty {
        case.save();
        case.sync();
        case.check("saved", tally);
    }
    case.compare_with_blame();
    case.finish();
}

/// One line that somebody is known to have written.
#[derive(Debug, Clone)]
struct Mark {
    token: String,
    kind: ActorKind,
    /// The whole line.
    line: String,
}

struct Case<'a> {
    world: &'a World,
    places: Places,
    root: PathBuf,
    worktree: WorktreeId,
    hub: Link,
    tail: Link,
    seen: Vec<StampedEvent>,
    cookies: u32,
    marks: Vec<Mark>,
    editor: Option<Editor>,
}

impl<'a> Case<'a> {
    fn new(world: &'a World, base: &Path, root: &Path) -> Self {
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
    fn move_to(&mut self, root: &Path) {
        self.root = root.canonicalize().expect("it exists");
        (self.hub, self.tail, self.worktree) = watch(&self.places, &self.root);
        self.editor.take().expect("there until the end").quit();
        self.editor = Some(Editor::start(self.world, &self.root));
    }

    fn editor(&mut self) -> &mut Editor {
        self.editor.as_mut().expect("there until the end")
    }

    /// Gives some lines of every file known owners.
    fn seed(&mut self) {
        let files = self.files();
        for file in &files {
            let path = self.root.join(file);
            if !self.editor().open(&path) {
                continue;
            }
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
    fn open(&mut self, dirty: bool) {
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
    fn reload(&mut self) {
        for file in self.editor().files() {
            self.editor().reload(&file);
        }
    }

    fn save(&mut self) {
        for file in self.editor().files() {
            if self.editor().is_dirty(&file) {
                self.editor().save(&file);
            }
        }
    }

    /// Waits until the hub has seen everything that happened: a cookie file comes and goes.
    fn sync(&mut self) {
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

    /// All files of the worktree by path below its root; other repositories inside it are not its files.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                let name = entry.file_name().expect("a name").to_string_lossy().into_owned();
                if name.starts_with(".git") {
                    continue;
                }
                if entry.is_dir() {
                    if !entry.join(".git").exists() {
                        folders.push(entry);
                    }
                } else {
                    let below = entry.strip_prefix(&self.root).expect("inside");
                    files.push(below.to_str().expect("UTF-8").to_owned());
                }
            }
        }
        files.sort();
        files
    }

    /// Checks every line of every file and of every buffer. A wrong owner counts at once; one that is missing only when
    /// late evidence had its time.
    fn check(&mut self, when: &str, tally: &mut Tally) {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut now = Tally::default();
            self.look(when, &mut now);
            for wrong in &now.wrong {
                if !tally.wrong.contains(wrong) {
                    tally.wrong.push(wrong.clone());
                }
            }
            if (now.wrong.is_empty() && now.lost.is_empty()) || Instant::now() > end {
                tally.lines += now.lines;
                tally.owned += now.owned;
                tally.lost.extend(now.lost);
                return;
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    fn look(&mut self, when: &str, tally: &mut Tally) {
        for file in self.files() {
            let Some((text, _)) = read_text(&fs::read(self.root.join(&file)).expect("a file")) else { continue };
            match self.owners(&file, false) {
                Ok(reply) => self.judge(&format!("{when}, {file}"), &file, &text, &reply, tally),
                Err(problem) => tally.lost.push(format!("{when}, {file}: {problem}")),
            }
        }
        let Some(editor) = &self.editor else { return };
        let open: Vec<_> = editor.files().into_iter().map(|path| (editor.text(&path).to_owned(), path)).collect();
        for (text, path) in open {
            let file = path.strip_prefix(&self.root).expect("inside").to_str().expect("UTF-8").to_owned();
            match self.owners(&file, true) {
                Ok(reply) => self.judge(&format!("{when}, buffer {file}"), &file, &text, &reply, tally),
                Err(problem) => tally.lost.push(format!("{when}, buffer {file}: {problem}")),
            }
        }
    }

    fn owners(&mut self, file: &str, buffer: bool) -> Result<OwnersReply, String> {
        let file = FileId { worktree: self.worktree.clone(), path: file.replace('%', "%25") };
        match self.hub.call_within(Call::Owners { file, digest: None, buffer }, DEADLINE) {
            Ok(Reply::Owners(reply)) => Ok(reply),
            Ok(other) => panic!("no owners: {other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    fn judge(&self, at: &str, file: &str, text: &str, reply: &OwnersReply, tally: &mut Tally) {
        if *reply.digest.bytes() != digest_of(text.as_bytes()) {
            let found = if reply.text.as_deref() == Some(text) { "its digest" } else { "its text" };
            tally.lost.push(format!("{at}: the hub has another state of it ({found}){}", self.story(Some(file))));
            return;
        }
        let kinds = kinds(text, reply);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        assert_eq!(kinds.len(), lines.len(), "{at}: lines of {text:?}");
        for (number, (line, (kind, name))) in lines.iter().zip(kinds).enumerate() {
            let line = line.trim_end_matches(['\r', '\n']);
            tally.lines += 1;
            let mark = self.marks.iter().find(|mark| line.contains(&mark.token));
            let somebody =
                matches!(kind, ActorKind::Person | ActorKind::Agent | ActorKind::Completion | ActorKind::Orchestrator);
            let finding = || format!("{at}:{} {line:?} is of {kind} {name:?}{}", number + 1, self.story(Some(file)));
            match mark {
                None if somebody => tally.wrong.push(finding()),
                None => {}
                Some(mark) => {
                    tally.owned += 1;
                    if somebody && kind != mark.kind {
                        tally.wrong.push(finding());
                    } else if kind != mark.kind && line == mark.line {
                        tally.lost.push(finding());
                    }
                }
            }
        }
    }

    /// What the log says of a file; of all files for `None`. Only where a single script was asked for.
    fn story(&self, file: Option<&str>) -> String {
        if std::env::var_os("CODI2_CORPUS").is_none() {
            return String::new();
        }
        let about =
            |event: &&StampedEvent| file.is_none() || event.event.file.is_none() || event.event.file.as_deref() == file;
        let lines = self.seen.iter().filter(about).map(|event| {
            let body = serde_json::to_string(&event.event.body).unwrap_or_default();
            format!("\n    {} {} {body}", event.event.file.as_deref().unwrap_or("-"), event.event.actor)
        });
        lines.collect()
    }

    /// The command line says the same as the hub.
    fn compare_with_blame(&mut self) {
        let Some(file) =
            self.files().into_iter().find(|file| fs::read(self.root.join(file)).is_ok_and(|b| !b.contains(&0)))
        else {
            return;
        };
        let output =
            self.world.command(program()).args(["blame", "--format", "json"]).arg(self.root.join(&file)).output();
        let output = output.expect("codi2 starts");
        assert!(output.status.success(), "blame {file}: {}", String::from_utf8_lossy(&output.stderr));
        let (text, _) = read_text(&fs::read(self.root.join(&file)).expect("a file")).expect("text");
        let reply = self.owners(&file, false).expect("owners");
        let expected: Vec<&str> = kinds(&text, &reply).iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(Blame::parse(&String::from_utf8_lossy(&output.stdout)).kinds(), expected);
    }

    fn finish(mut self) {
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

/// Owner's kind and name for each line.
fn kinds(text: &str, reply: &OwnersReply) -> Vec<(ActorKind, String)> {
    let origin = |owner: &u32| reply.owners[*owner as usize].verdict.origin.clone();
    let spans = reply.spans.iter().map(|span| (span.len as usize, span.owner));
    let lines = lines_by(&Text::new(text), spans, origin);
    lines.iter().map(|line| origin(&line.owner)).map(|actor| (actor.kind, actor.name)).collect()
}

/// Byte range of a line, from 1, without its end.
fn line_range(text: &str, line: usize) -> (usize, usize) {
    let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let len = text[start..].find(['\r', '\n']).unwrap_or(text.len() - start);
    (start, start + len)
}
