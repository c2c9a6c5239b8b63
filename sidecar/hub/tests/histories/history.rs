//! One history: a repository, its people and programs, and what they do, by chance from a seed.
//!
//! Every operation draws from dice of its own, so that leaving one out leaves the others' alone: that shrinks a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codi2_protocol::{Call, FileId, Owner, OwnersReply, Reply, WorktreeId};
use codi2_text::{Text, lines_by};

use super::by_hand::ByHand;
use super::dice::Dice;
use super::editor::{Editor, of};
use super::git::{Git, Said};
use super::hub::Hub;
use super::model::{Excuse, Finding, Model};
use super::operations;
use super::real::Real;

/// Files of a new repository.
const FILES: [&str; 3] = ["a.txt", "b.txt", "sub/c.txt"];

/// A worktree of the repository.
#[derive(Debug, Clone)]
pub struct Tree {
    pub root: PathBuf,
    pub id: WorktreeId,
}

/// What a history was found to be.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Lines compared.
    pub lines: usize,
    /// Of these, lines whose author the model knows.
    pub known: usize,
    /// Lines whose owner is unknown, and may be.
    pub excused: BTreeMap<Excuse, usize>,
    /// Operations done.
    pub operations: BTreeMap<&'static str, usize>,
    /// What must not be: wrong owners and lost lines, in words.
    pub failures: Vec<String>,
    /// What was done, in words.
    pub log: Vec<String>,
}

/// A history under way.
pub struct History {
    pub git: Git,
    pub hub: Box<dyn Hub>,
    pub editor: Editor,
    pub model: Model,
    pub trees: Vec<Tree>,
    pub base: PathBuf,
    pub log: Vec<String>,
    /// Texts that the hub has seen lie at a path.
    seen: BTreeSet<(String, String)>,
    /// Words that the hub has seen, and the paths where it has.
    known: BTreeSet<String>,
    stood: BTreeSet<(String, String)>,
    /// What lay where when the hub left.
    left: BTreeMap<(PathBuf, String), String>,
    /// Whether the model is told that owners may be unknown of what is written now.
    pub excuse: Option<Excuse>,
    outcome: Outcome,
    _folder: tempfile::TempDir,
}

/// How a history is played.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// Numbers of operations that are left out.
    pub skip: &'a [usize],
    /// Whether a real hub serves it.
    pub real: bool,
}

/// Plays a history of so many operations.
pub fn play(seed: u64, length: usize, how: How<'_>) -> Outcome {
    let How { skip, real } = how;
    let mut history = History::new(seed, real);
    history.compare("at first");
    history.sees();
    for number in 0..length {
        if skip.contains(&number) || !history.outcome.failures.is_empty() {
            continue;
        }
        let mut dice = Dice::new(seed, number as u64 + 1);
        history.log.push(format!("{number}: "));
        let name = operations::one(&mut history, &mut dice);
        *history.outcome.operations.entry(name).or_default() += 1;
        if dice.once_in(5) && number + 1 != length {
            // The next operation comes before the watch has settled.
            history.said("  at once");
            history.hub.glance();
            continue;
        }
        history.settle();
        history.compare(&format!("after {number}"));
        history.sees();
    }
    if history.outcome.failures.is_empty() {
        history.returns();
        history.settle();
        history.compare("at the end");
    }
    Outcome { log: history.log, ..history.outcome }
}

impl History {
    fn new(seed: u64, real: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("hist").tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let mut dice = Dice::new(seed, 0);
        let git = Git::new(&base.join("home"));
        let root = base.join("repo");
        git.init(&root, dice.pick(&["merge", "diff3", "zdiff3"]).unwrap());
        let hub: Box<dyn Hub> = if real { Box::new(Real::new()) } else { Box::new(ByHand::new(&base)) };
        let mut history = Self {
            git,
            hub,
            editor: Editor::new(),
            model: Model::default(),
            trees: Vec::new(),
            base,
            log: Vec::new(),
            seen: BTreeSet::new(),
            known: BTreeSet::new(),
            stood: BTreeSet::new(),
            left: BTreeMap::new(),
            excuse: None,
            outcome: Outcome::default(),
            _folder: folder,
        };
        for file in FILES {
            let lines: String = (0..3).map(|_| history.model.word(super::model::Author::Nobody) + "\n").collect();
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), lines).unwrap();
        }
        history.git.run(&root, &["add", "-A"]);
        history.git.run(&root, &["commit", "-q", "-m", "first"]);
        history.hub.start();
        let id = history.hub.watch(&root);
        history.trees.push(Tree { root, id });
        history.editor.begin(history.hub.as_mut());
        history.settle();
        history.log.push("before: ".into());
        operations::begin(&mut history, &mut dice);
        history
    }

    /// Adds to the log.
    pub fn said(&mut self, words: &str) {
        if let Some(last) = self.log.last_mut() {
            last.push_str(words);
        }
    }

    /// Runs git in a worktree, and notes it.
    pub fn git(&mut self, tree: &Tree, arguments: &[&str]) -> Said {
        self.git_with(tree, arguments, &[])
    }

    /// The same with variables.
    pub fn git_with(&mut self, tree: &Tree, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let said = self.git.run_with(&tree.root, arguments, variables);
        let set: String = variables.iter().map(|(name, value)| format!("{name}={value:?} ")).collect();
        let refused = if said.ok { "" } else { " REFUSED" };
        self.said(&format!("{set}git {}{refused}; ", arguments.join(" ")));
        said
    }

    pub fn settle(&mut self) {
        self.hub.settle();
        self.editor.answers(self.hub.as_mut());
        self.editor.beats(self.hub.as_mut());
    }

    /// What lies where now has been seen there.
    fn sees(&mut self) {
        if self.hub.is_away() {
            return;
        }
        for ((_, file), text) in self.texts() {
            let words = text.lines().map(|line| (file.clone(), line.trim().to_owned()));
            self.stood.extend(words.clone());
            self.known.extend(words.map(|(_, word)| word));
            self.seen.insert((file, text));
        }
    }

    /// Every file of every worktree.
    fn texts(&self) -> BTreeMap<(PathBuf, String), String> {
        let files = self.trees.iter().flat_map(|tree| {
            let text = |file: String| ((tree.root.clone(), file.clone()), self.read(tree, &file));
            self.files(tree).into_iter().map(text)
        });
        files.collect()
    }

    /// The hub goes.
    pub fn leaves(&mut self) {
        self.sees();
        self.hub.stop();
        self.left = self.texts();
        self.excuse = Some(Excuse::Away);
    }

    /// A hub comes, if none is there.
    pub fn returns(&mut self) {
        if !self.hub.is_away() {
            return;
        }
        self.said(" (the hub returns) ");
        for ((root, file), text) in self.texts() {
            if self.seen.contains(&(file.clone(), text.clone())) {
                continue;
            }
            // Nobody saw how these lines came into a text that never lay there.
            let before = self.left.get(&(root, file)).map_or("", String::as_str);
            let came = text.lines().filter(|line| !before.lines().any(|known| known == *line));
            came.for_each(|line| self.model.excuse(line, Excuse::Away));
        }
        self.hub.start();
        for tree in self.trees.clone() {
            self.hub.watch(&tree.root);
        }
        self.editor.joins(self.hub.as_mut());
        self.settle();
        self.excuse = None;
    }

    /// The files of a worktree, by path below its root.
    pub fn files(&self, tree: &Tree) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![tree.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.file_name().is_some_and(|name| name == ".git") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(&tree.root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }

    pub fn read(&self, tree: &Tree, file: &str) -> String {
        fs::read_to_string(tree.root.join(file)).unwrap_or_default()
    }

    pub fn id(tree: &Tree, file: &str) -> FileId {
        FileId { worktree: tree.id.clone(), path: file.to_owned() }
    }

    /// Compares the owner of every line of every file with the model.
    fn compare(&mut self, when: &str) {
        if self.hub.is_away() {
            return;
        }
        for tree in self.trees.clone() {
            for file in self.files(&tree) {
                let text = self.read(&tree, &file);
                let call = Call::Owners { file: Self::id(&tree, &file), digest: None, buffer: false };
                let at = format!("{when}, {} {file}", name(&tree.root));
                match self.hub.call(call) {
                    Ok(Reply::Owners(reply)) => self.judge(&at, &file, &text, &reply),
                    other => self.outcome.failures.push(format!("{at}: {other:?}")),
                }
            }
        }
    }

    fn judge(&mut self, at: &str, file: &str, text: &str, reply: &OwnersReply) {
        if reply.digest != of(text) {
            return self.outcome.failures.push(format!("{at}: the hub has another state of it"));
        }
        for (number, (line, told)) in owners(text, reply).into_iter().enumerate() {
            self.outcome.lines += 1;
            let mut finding = self.model.judge(line, &told.verdict.origin);
            let word = line.trim();
            let is_new_here = !self.stood.contains(&(file.to_owned(), word.to_owned()));
            // A whole text that lay somewhere is known by itself.
            let is_new = !self.seen.iter().any(|(_, known)| known == text);
            if finding == Finding::Lost && is_new && is_new_here && self.known.contains(word) {
                self.model.excuse(word, Excuse::Elsewhere);
                finding = Finding::Excused(Excuse::Elsewhere);
            }
            let line_seen = |known: &str| known.lines().any(|one| one == line.trim_end());
            if finding == Finding::Lost
                && self.known.contains(word)
                && !self.seen.iter().any(|(_, text)| line_seen(text))
            {
                // A program set blanks before it, and git took that before anybody looked.
                self.model.excuse(word, Excuse::Unseen);
                finding = Finding::Excused(Excuse::Unseen);
            }
            let author = self.model.author(line);
            self.outcome.known += usize::from(author.is_some_and(|author| author != super::model::Author::Nobody));
            match finding {
                Finding::Right => {}
                Finding::Excused(excuse) => *self.outcome.excused.entry(excuse).or_default() += 1,
                Finding::Wrong | Finding::Lost => {
                    let author = author.map_or("nobody".to_owned(), |author| author.to_string());
                    let evidence: Vec<_> = told.verdict.evidence.iter().map(|one| one.detail.as_str()).collect();
                    self.outcome.failures.push(format!(
                        "{at}:{} {:?} is {author}'s, {finding:?}: {} {:?} ({})",
                        number + 1,
                        line.trim_end(),
                        told.verdict.origin.kind,
                        told.verdict.origin.name,
                        evidence.join("; ")
                    ));
                }
            }
        }
    }

    /// What is unknown now in this worktree may be.
    pub fn excuse_lost(&mut self, tree: &Tree, excuse: Excuse) {
        for file in self.files(tree) {
            let text = self.read(tree, &file);
            let call = Call::Owners { file: Self::id(tree, &file), digest: None, buffer: false };
            let Ok(Reply::Owners(reply)) = self.hub.call(call) else { continue };
            for (line, told) in owners(&text, &reply) {
                if self.model.judge(line, &told.verdict.origin) == Finding::Lost {
                    self.model.excuse(line, excuse);
                }
            }
        }
    }

    /// Time passes.
    pub fn passes(&mut self, ms: u64) {
        self.hub.passes(Duration::from_millis(ms));
    }
}

/// The lines of a text and their owners.
fn owners<'a>(text: &'a str, reply: &OwnersReply) -> Vec<(&'a str, Owner)> {
    let owner = |owner: &u32| reply.owners[*owner as usize].clone();
    let spans = reply.spans.iter().map(|span| (span.len as usize, span.owner));
    let lines = lines_by(&Text::new(text), spans, |number| owner(number).verdict.origin);
    text.split_inclusive('\n').zip(&lines).map(|(line, told)| (line, owner(&told.owner))).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
