//! One history: a repository, its people and programs, and what they do, by chance from a seed.
//!
//! Every operation draws from dice of its own, so that leaving one out leaves the others' alone: that shrinks a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use codi2_protocol::{FileId, WorktreeId};

use super::by_hand::ByHand;
use super::dice::Dice;
use super::editor::Editor;
use super::git::{Git, Said};
use super::hub::Hub;
use super::model::{Author, Excuse, Model, PEOPLE};
use super::operations;
use super::real::Real;

/// Files of a new repository.
const FILES: [&str; 3] = ["a.txt", "b.txt", "sub/c.txt"];

/// Longer than late evidence counts (ADR 0075), in steps after which an editor that is silent still lives.
const LATE_STEPS: usize = 13;
const LATE_STEP: Duration = Duration::from_secs(25);
/// After how many operations so much time passes, on average.
const LATE_ONCE_IN: usize = 40;

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
    /// Lines whose notes were compared.
    pub noted: usize,
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
    /// One of each of the people.
    pub editors: [Editor; 2],
    pub model: Model,
    pub trees: Vec<Tree>,
    pub base: PathBuf,
    pub log: Vec<String>,
    /// Texts that the hub has seen lie at a path.
    pub seen: BTreeSet<(String, String)>,
    /// Texts that this hub has seen, wherever: an earlier one's are known by themselves only where they lay last (ADR 0058).
    pub lately: BTreeSet<String>,
    /// Words that the hub has seen, and lines with the paths where it has.
    pub known: BTreeSet<String>,
    pub stood: BTreeSet<(String, String)>,
    /// Those of them that this hub has seen there.
    pub stood_lately: BTreeSet<(String, String)>,
    /// Of texts at their paths the lines, from 0, of which was told who wrote them.
    pub told: BTreeMap<(String, String), BTreeSet<usize>>,
    /// Words that stood more than once in a text.
    pub doubled: BTreeSet<String>,
    /// What lay where when a hub saw it last.
    pub last: BTreeMap<(PathBuf, String), String>,
    /// Whether the model is told that owners may be unknown of what is written now.
    pub excuse: Option<Excuse>,
    /// Commits whose notes were compared.
    pub noted: BTreeSet<String>,
    pub outcome: Outcome,
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
        if history.hub.has_own_time() && Dice::new(seed, (length + number) as u64 + 1).once_in(LATE_ONCE_IN) {
            history.said("  time passes");
            history.late();
        }
        if dice.once_in(5) && number + 1 != length {
            // The next operation comes before the watch has settled.
            history.said("  at once");
            history.doubles();
            history.hub.glance();
            continue;
        }
        history.check(&format!("after {number}"));
    }
    if history.outcome.failures.is_empty() {
        history.returns();
        history.check("at the end");
        if history.hub.has_notes() {
            history.compare_all_notes("at the end");
            let notes = history.notes_at();
            history.late();
            if history.notes_at() != notes {
                history.compare_all_notes("when no late evidence counts any more");
            }
        }
    }
    Outcome { log: history.log, ..history.outcome }
}

impl History {
    /// One with lines of everybody, in a few commits.
    fn new(seed: u64, real: bool) -> Self {
        let mut dice = Dice::new(seed, 0);
        let style = *dice.pick(&["merge", "diff3", "zdiff3"]).unwrap();
        let mut history = Self::bare(style, real);
        history.log.push("before: ".into());
        operations::begin(&mut history, &mut dice);
        history
    }

    /// A repository with some files of nobody, and a hub and editors that look at it.
    pub fn bare(conflict_style: &str, real: bool) -> Self {
        let mut history = Self::empty(conflict_style, real);
        let root = history.base.join("repo");
        for file in FILES {
            let lines: String = (0..3).map(|_| history.model.lines(Author::Nobody)).collect();
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), lines).unwrap();
        }
        history.git.run(&root, &["add", "-A"]);
        history.git.run(&root, &["commit", "-q", "-m", "first"]);
        history.begins();
        history
    }

    /// A repository in which nothing is yet, and nobody.
    pub fn empty(conflict_style: &str, real: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("hist").tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let git = Git::new(&base.join("home"));
        let root = base.join("repo");
        git.init(&root, conflict_style);
        let hub: Box<dyn Hub> = if real { Box::new(Real::new()) } else { Box::new(ByHand::new(&base)) };
        Self {
            git,
            hub,
            editors: PEOPLE.map(Editor::new),
            model: Model::default(),
            trees: Vec::new(),
            base,
            log: Vec::new(),
            seen: BTreeSet::new(),
            lately: BTreeSet::new(),
            known: BTreeSet::new(),
            stood: BTreeSet::new(),
            stood_lately: BTreeSet::new(),
            told: BTreeMap::new(),
            doubled: BTreeSet::new(),
            last: BTreeMap::new(),
            excuse: None,
            noted: BTreeSet::new(),
            outcome: Outcome::default(),
            _folder: folder,
        }
    }

    /// A hub and editors begin to look at it.
    pub fn begins(&mut self) {
        self.hub.start();
        let root = self.base.join("repo");
        let id = self.hub.watch(&root);
        self.trees.push(Tree { root, id });
        self.editors.iter_mut().for_each(|editor| editor.begin(self.hub.as_mut()));
        self.settle();
    }

    /// Everything settles, and is compared with the model.
    pub fn check(&mut self, when: &str) {
        self.settle();
        self.compare(when);
        self.sees();
        if self.hub.has_notes() {
            self.compare_new_notes(when);
        }
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
        self.answers();
        self.editors.iter().for_each(|editor| editor.beats(self.hub.as_mut()));
    }

    /// Time passes until no late evidence counts any more, while editors live on.
    pub fn late(&mut self) {
        for _ in 0..LATE_STEPS {
            self.hub.passes(LATE_STEP);
            self.settle();
        }
    }

    /// Editors send the whole texts that the hub wants.
    fn answers(&mut self) {
        let wanted = self.hub.wanted();
        self.editors.iter().for_each(|editor| editor.answers(self.hub.as_mut(), &wanted));
    }

    /// What lies where now has been seen there.
    fn sees(&mut self) {
        if self.hub.is_away() {
            return;
        }
        self.doubles();
        self.last = self.texts();
        for ((_, file), text) in self.last.clone() {
            let lines: Vec<_> = text.lines().map(|line| (file.clone(), line.to_owned())).collect();
            self.stood_lately.extend(lines.iter().cloned());
            self.stood.extend(lines);
            self.known.extend(text.lines().map(|line| line.trim().to_owned()));
            self.model.equal.sees(&text);
            self.lately.insert(text.clone());
            self.seen.insert((file, text));
        }
    }

    /// What stands more than once in a text now may be seen so.
    pub fn doubles(&mut self) {
        for text in self.texts().values() {
            let mut words = BTreeSet::new();
            self.doubled.extend(text.lines().map(str::trim).filter(|word| !words.insert(*word)).map(str::to_owned));
        }
    }

    /// Whether the hub saw this text there when it saw the file last.
    pub fn is_seen(&self, tree: &Tree, file: &str, text: &str) -> bool {
        self.last.get(&(tree.root.clone(), file.to_owned())).is_some_and(|last| last == text)
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
        self.lately = self.last.values().cloned().collect();
        self.stood_lately.clear();
        for ((_, file), text) in &self.last {
            self.stood_lately.extend(text.lines().map(|line| (file.clone(), line.to_owned())));
        }
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
            // Nobody saw how these lines came into a text that never lay there, but where they stood there before.
            let before = self.last.get(&(root, file.clone())).map_or("", String::as_str);
            let came = text.lines().filter(|line| !before.lines().any(|known| known == *line));
            let came = came.filter(|line| !self.stood.contains(&(file.clone(), (*line).to_owned())));
            came.for_each(|line| self.model.excuse(line, Excuse::Away));
        }
        self.hub.start();
        for tree in self.trees.clone() {
            self.hub.watch(&tree.root);
        }
        self.editors.iter_mut().for_each(|editor| editor.joins(self.hub.as_mut()));
        self.answers();
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

    /// Time passes.
    pub fn passes(&mut self, ms: u64) {
        self.hub.passes(Duration::from_millis(ms));
    }
}
