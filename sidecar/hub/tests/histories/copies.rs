//! Small histories of lines that several wrote in the same words: what reviewers found, once more by itself.
//!
//! A story is a row of steps, one a line; whose each line of a file is then is told: `- hal -`. A name says that this one is
//! named; `-` that nobody is. Here the model of random histories is not asked: it knows no copies that stand by themselves.

use std::fs;

use codi2_protocol::{Actor, Call, HookPhase, Reply};

use super::compare::owners;
use super::dice::Dice;
use super::history::{History, Tree};
use super::model::{AGENTS, PEOPLE, is_named};
use super::{notes, others, storing, writing};

/// What lies in `a.txt` at first, older than codi2.
const OLD: &str = "first\nsecond\nthird\n";

/// Name, and steps:
/// - `NAME FILE AT WORDS`: somebody puts a line of these words (or several, with ` / ` between them) before the line AT, from 0;
///   of `-` takes that line away. A
///   `program` announces nothing; `older` did so, and committed, before there was a hub; `bob` does it in a clone.
/// - `stage FILE AT…`: these lines of the file go into the index.
/// - `shell NAME STEP & STEP…`: a command of an agent's runs git, or writes like above, before anybody looks.
/// - `git …`, `hub restarts`, `watch FOLDER` (another worktree) do what they say.
/// - `= FILE …` and `note FILE …` tell whose the lines are, by the hub and by the notes on HEAD, or the commit before (`note~1`).
const STORIES: &[(&str, &str)] = &[
    (
        "a colleague's function comes with lines that an agent wrote, too",
        "git clone -q . ../bob\nhal a.txt 0 int bots(void) {\nhal a.txt 1 return 0;\nhal a.txt 2 }\ngit commit -q -a -m bots\n\
         bob a.txt 3 int bobs(void) {\nbob a.txt 4 return 0;\nbob a.txt 5 }\n\
         git pull -q --no-rebase --no-edit ../bob main\n= a.txt hal hal hal - - - - - -",
    ),
    (
        "a new worktree after a restart has an old line that an agent wrote again",
        "older a.txt 1 return compute_default()\nhal a.txt 3 return compute_default()\n\
         = a.txt - - - hal -\ngit commit -q -a -m new\nhub restarts\ngit worktree add -q ../linked -b other\n\
         watch linked\n= ../linked/a.txt - - - hal -\n= a.txt - - - hal -",
    ),
    (
        "an agent takes an old line away and writes it elsewhere, and a person takes the old file again",
        "older a.txt 1 return compute_default()\nhal a.txt 1 -\n\
         hal a.txt 2 return compute_default()\ngit checkout -q -- a.txt\n= a.txt - - - -",
    ),
    (
        "a hunk of nobody's with words that an agent wrote elsewhere is committed alone",
        "program a.txt 2 return compute_default()\nhal a.txt 0 return compute_default()\n= a.txt hal - - - -\n\
         stage a.txt 1 2 3 4\ngit commit -q -m part\nnote a.txt - - - -",
    ),
    (
        "an unannounced second copy while the first one stands",
        "hal a.txt 0 return compute_default()\nprogram a.txt 3 return compute_default()\n= a.txt hal - - - -",
    ),
    (
        "a program writes more beside words that an agent wrote, and that are gone",
        "hal a.txt 0 return compute_default()\ngit commit -q -a -m hals\nprogram a.txt 0 -\n\
         program a.txt 1 def another_one(): / return compute_default() / pass\n= a.txt - - - - - -",
    ),
    (
        "two agents write the same words in two files, and one of them goes with a checkout",
        "git switch -q -c feature\nhal x.txt 0 Licensed under a long licence\nhal x.txt 1 See its whole text elsewhere\n\
         git add -A\ngit commit -q -m x\nhub restarts\nrobo y.txt 0 Licensed under a long licence\n\
         robo y.txt 1 See its whole text elsewhere\n= y.txt robo robo\ngit switch -q main\n= y.txt robo robo\n\
         git switch -q feature\n= x.txt hal hal",
    ),
    (
        "a hunk of nobody's with words that an agent wrote in another worktree is committed alone",
        "git worktree add -q ../linked -b other\nwatch linked\nprogram a.txt 2 return compute_default()\n\
         program a.txt 0 one more line\nhal ../linked/a.txt 0 return compute_default()\nstage a.txt 1 2 3\n\
         git commit -q -m part\nnote a.txt - - -",
    ),
    (
        "both sides of a conflict have the same telling line, and nobody knows who wrote the one",
        "git clone -q . ../bob\nhal a.txt 3 hals own line is this\nhal a.txt 4 return compute_default()\n\
         git commit -q -a -m hals\nbob a.txt 3 bobs own line is this\nbob a.txt 4 return compute_default()\n\
         git pull -q --no-rebase --no-edit ../bob main\n= a.txt - - - - hal hal - - - - -",
    ),
    (
        "an agent's command picks a commit without committing, and writes behind it",
        "git switch -q -c other\nrobo a.txt 3 robos own line is last\nprogram a.txt 3 nobody knows who wrote this\n\
         git commit -q -a -m both\ngit switch -q main\nhal a.txt 0 hals own line is first\ngit commit -q -a -m hals\n\
         shell hal git cherry-pick -n other & a.txt 1 hals next line is here\n= a.txt hal hal - - - - robo\n\
         git reset -q --hard\nshell hal git merge -q --no-commit other & a.txt 1 hals other line is here\n\
         = a.txt hal hal - - - - robo\ngit reset -q --hard\n\
         shell hal git merge -q --squash other & a.txt 5 - & a.txt 5 hals line in place of robos\n\
         = a.txt hal - - - - hal",
    ),
    (
        "an agent's command picks a colleague's commit without committing, and writes behind it",
        "git clone -q . ../bob\nbob a.txt 3 bobs own line is last\nhal a.txt 0 hals own line is first\n\
         git commit -q -a -m hals\ngit fetch -q ../bob main:bobs\n\
         shell hal git cherry-pick -n bobs & a.txt 1 hals next line is here\n= a.txt hal hal - - - -",
    ),
    (
        "an old file comes back by a revert after a restart, and an agent wrote one of its lines elsewhere in it",
        "older a.txt 1 return compute_default()\nhal a.txt 1 -\nhal a.txt 3 return compute_default()\n\
         git commit -q -a -m moved\n= a.txt - - - hal\nrobo a.txt 0 robos own line is first\n\
         git commit -q -a -m robos\nhub restarts\ngit revert --no-edit HEAD~1\n= a.txt robo - - - -",
    ),
    (
        "a colleague's commit comes with a line that an agent wrote here and took away again",
        "git clone -q . ../bob\nhal a.txt 3 return compute_default()\nhal a.txt 3 -\n\
         bob a.txt 3 return compute_default() / bobs own line is last\ngit pull -q ../bob main\n= a.txt - - - - -\nnote a.txt - - - - -",
    ),
    (
        "the same where the agent's line was committed, and the commits are merged",
        "git clone -q . ../bob\nhal a.txt 3 return compute_default()\ngit commit -q -a -m hals\nhal a.txt 3 -\n\
         git commit -q -a -m gone\nrobo a.txt 0 robos own line is first\ngit commit -q -a -m robos\n\
         bob a.txt 3 return compute_default() / bobs own line is last\ngit pull -q --no-rebase --no-edit ../bob main\n\
         = a.txt robo - - - - -",
    ),
    (
        "the same where the colleague's commit is picked, and where only its change is taken",
        "git clone -q . ../bob\nhal a.txt 3 return compute_default()\nhal a.txt 3 -\nrobo a.txt 0 robos own line is first\n\
         git commit -q -a -m robos\nbob a.txt 3 return compute_default() / bobs own line is last\ngit fetch -q ../bob main\n\
         git cherry-pick FETCH_HEAD\n= a.txt robo - - - - -\nnote a.txt robo - - - - -\ngit reset -q --hard HEAD~1\n\
         robo a.txt 1 robos own line is second\ngit commit -q -a -m more\n\
         git merge -q --squash FETCH_HEAD\n= a.txt robo robo - - - - -",
    ),
    (
        "two commits of a colleague's are picked at once, and another branch has such a line of an agent's",
        "git clone -q . ../bob\ngit switch -q -c other\nhal a.txt 3 return compute_default()\ngit commit -q -a -m hals\n\
         git switch -q main\nrobo a.txt 0 robos own line is first\ngit commit -q -a -m robos\n\
         bob a.txt 3 return compute_default() / bobs own line is last\nbob a.txt 5 bobs other line is last\n\
         git fetch -q ../bob main\ngit cherry-pick FETCH_HEAD~1 FETCH_HEAD\n= a.txt robo - - - - - -\n\
         note~1 a.txt robo - - - - -",
    ),
    (
        "an agent's line that was fetched back and is picked keeps its author",
        "git switch -q -c other\nhal a.txt 3 return compute_default()\ngit commit -q -a -m hals\n\
         robo a.txt 0 robos own line is first\ngit commit -q -a -m robos\ngit switch -q main\nhub restarts\n\
         git fetch -q . other\ngit cherry-pick FETCH_HEAD~1 FETCH_HEAD\n= a.txt robo - - - hal",
    ),
];

/// A story under way.
struct Story {
    history: History,
    tree: Tree,
}

/// A text with a line more before another, or without it.
fn edited(text: &str, at: usize, words: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line = words.replace(" / ", "\n") + "\n";
    match words {
        "-" => drop(lines.remove(at)),
        _ => lines.insert(at, &line),
    }
    lines.concat()
}

impl Story {
    fn step(&mut self, step: &str) -> Option<String> {
        let words: Vec<&str> = step.split_whitespace().collect();
        let (history, tree) = (&mut self.history, &self.tree);
        match words[..] {
            ["=", file, ..] => return differs(step, &self.named(file), &words[2..]),
            ["note", file, ..] => return differs(step, &self.noted("HEAD", file), &words[2..]),
            ["note~1", file, ..] => return differs(step, &self.noted("HEAD~1", file), &words[2..]),
            ["git", ..] => drop(history.git(tree, &words[1..])),
            ["shell", who, ..] => self.shell(who, &words[2..].join(" ")),
            ["hub", "restarts"] => drop(others::restart(history, tree, &mut Dice::new(0, 0))),
            ["watch", folder] => {
                let root = history.base.join(folder);
                let id = history.hub.watch(&root);
                history.trees.push(Tree { root, id });
            }
            ["stage", file, ..] => {
                let text = history.read(tree, file);
                let lines: Vec<&str> = text.split_inclusive('\n').collect();
                let staged: String = words[2..].iter().map(|at| lines[at.parse::<usize>().unwrap()]).collect();
                storing::stage(history, tree, file, &staged);
            }
            [who, file, at, ..] => self.writes(who, file, at.parse().unwrap(), &words[3..].join(" ")),
            _ => panic!("no step: {step}"),
        }
        self.history.settle();
        None
    }

    /// A command of an agent's does all of this before anybody looks.
    fn shell(&mut self, who: &str, steps: &str) {
        let number = AGENTS.iter().position(|name| *name == who).expect("an agent's name");
        let (history, tree) = (&mut self.history, &self.tree);
        writing::hook(history, tree, number, HookPhase::Before, &[]);
        history.passes(20);
        for step in steps.split(" & ") {
            let words: Vec<&str> = step.split_whitespace().collect();
            match words[..] {
                ["git", ..] => drop(history.git(tree, &words[1..])),
                [file, at, ..] => {
                    let text = edited(&history.read(tree, file), at.parse().unwrap(), &words[2..].join(" "));
                    fs::write(tree.root.join(file), text).unwrap();
                }
                _ => panic!("no step: {step}"),
            }
        }
        history.passes(20);
        writing::hook(history, tree, number, HookPhase::After, &[]);
    }

    fn writes(&mut self, who: &str, file: &str, at: usize, words: &str) {
        let (tree, file) = self.place(file);
        let (history, tree, mut dice) = (&mut self.history, &tree, Dice::new(0, 0));
        if who == "bob" {
            let root = history.base.join("bob");
            fs::write(root.join(file), edited(&fs::read_to_string(root.join(file)).unwrap(), at, words)).unwrap();
            let name = ["-c", "user.name=Bob", "-c", "user.email=bob@example.invalid"];
            assert!(history.git.run(&root, &[&name[..], &["commit", "-q", "-a", "-m", "bobs"]].concat()).ok);
            return;
        }
        let text = edited(&history.read(tree, file), at, words);
        if let Some(number) = AGENTS.iter().position(|name| *name == who) {
            writing::agent_writes(history, tree, &[(file.to_owned(), Some(text))], number, &mut dice);
        } else if let Some(who) = PEOPLE.iter().position(|name| *name == who) {
            writing::person_writes(history, tree, who, file, &text);
        } else {
            writing::write(&tree.root.join(file), &text, &mut dice);
        }
    }

    /// The worktree of a file, and its path there.
    fn place<'a>(&self, file: &'a str) -> (Tree, &'a str) {
        let beside = file.strip_prefix("../linked/");
        (self.history.trees[usize::from(beside.is_some())].clone(), beside.unwrap_or(file))
    }

    /// Who is named for each line of a file.
    fn named(&mut self, file: &str) -> Vec<String> {
        let (tree, file) = self.place(file);
        let call = Call::Owners { file: History::id(&tree, file), digest: None, buffer: false };
        let Ok(Reply::Owners(reply)) = self.history.hub.call(call) else { panic!("no owners of {file}") };
        let text = self.history.read(&tree, file);
        owners(&text, &reply).iter().map(|(_, owner)| name(&owner.verdict.origin)).collect()
    }

    /// Who is named for each line by the notes.
    fn noted(&self, revision: &str, file: &str) -> Vec<String> {
        notes::whose(&self.tree.root, revision, file).iter().map(|(_, owner)| name(owner)).collect()
    }
}

fn name(owner: &Actor) -> String {
    if is_named(owner) { owner.name.clone() } else { "-".to_owned() }
}

fn differs(step: &str, is: &[String], ought: &[&str]) -> Option<String> {
    (is != ought).then(|| format!("{step}\n    but {}", is.join(" ")))
}

/// A repository with one file, and what was committed before there was a hub.
fn begin(steps: &str) -> History {
    let mut history = History::empty("diff3", false);
    let root = history.base.join("repo");
    let mut text = OLD.to_owned();
    let olds = steps.lines().map_while(|step| step.trim().strip_prefix("older a.txt "));
    for old in std::iter::once(None).chain(olds.map(Some)) {
        if let Some((at, words)) = old.and_then(|old| old.split_once(' ')) {
            text = edited(&text, at.parse().unwrap(), words);
        }
        fs::write(root.join("a.txt"), &text).unwrap();
        history.git.run(&root, &["add", "-A"]);
        assert!(history.git.run(&root, &["commit", "-q", "-m", "old"]).ok);
    }
    history.begins();
    history
}

/// Plays them.
pub fn copies_are_not_one_line() {
    let mut failed = Vec::new();
    for (name, steps) in STORIES {
        let history = begin(steps);
        let tree = history.trees[0].clone();
        let mut story = Story { history, tree };
        let steps = steps.lines().map(str::trim).filter(|step| !step.starts_with("older "));
        let wrong: Vec<_> = steps.filter_map(|step| story.step(step)).collect();
        if !wrong.is_empty() {
            failed.push(format!("{name}\n  {}", wrong.join("\n  ")));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
