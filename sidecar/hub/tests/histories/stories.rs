//! Small histories whose way is known: what random ones found, once more by itself.
//!
//! A story is a row of steps: `hal FILE` (or `robo`, `Ada`, `program`) writes a line at the file's end, `hal ^FILE` at its
//! beginning; `stage FILE` puts all but its first line into the index; `am BRANCH` applies its last commit, `mv`, `git …` and what the hub does are what they say. All settles after each step that does not end in
//! `, at once`.

use std::fs;

use super::dice::Dice;
use super::history::{History, Tree};
use super::model::{AGENTS, Author, PEOPLE};
use super::{others, rewriting, storing, writing};

const STORIES: &[(&str, &str)] = &[
    ("an agent's new file moves before anybody has looked", "hal n.txt, at once; mv n.txt sub/m.txt"),
    (
        "an agent writes in a conflict before anybody has looked",
        "git switch -q -c b; hal a.txt; git commit -q -a -m 1; git switch -q main; robo a.txt; git commit -q -a -m 2; \
         git merge -q b, at once; hal ^a.txt",
    ),
    (
        "the same with an apply of a stash",
        "hal a.txt; git stash -q; robo a.txt; git commit -q -a -m 1; git stash apply -q, at once; hal ^a.txt",
    ),
    (
        "the next hub sees a commit picked that no file on disk had",
        "git switch -q -c b; hal a.txt; git commit -q -a -m 1; robo ^a.txt; git commit -q -a -m 2; git switch -q main; \
         hub restarts; git cherry-pick b",
    ),
    (
        "a line of another branch comes while no hub is there",
        "git switch -q -c b; hal a.txt; git commit -q -a -m 1; robo ^a.txt; git commit -q -a -m 2; git switch -q main; \
         hub leaves; git cherry-pick b; hub returns",
    ),
    (
        "lines that are merged and recorded at once, in another ones' place",
        "git switch -q -c b; hal a.txt; git commit -q -a -m 1; git switch -q main; program ^a.txt; git commit -q -a -m 2; \
         git merge -q --squash b, at once; git commit -q -m squashed",
    ),
    (
        "the note of a commit in part keeps what it said when the rest is gone",
        "git switch -q -c b; hal ^a.txt; robo a.txt; stage a.txt; git commit -q -m part; git switch -q -f main; \
         git commit -q --allow-empty -m other",
    ),
    (
        "a commit in part whose rest is gone before anybody has looked",
        "hal ^a.txt; robo a.txt; stage a.txt; git commit -q -m part, at once; \
         git restore --source=HEAD~1 --staged --worktree -- a.txt",
    ),
    (
        "an agent writes while git waits for the next step",
        "git switch -q -c b; hal a.txt; git commit -q -a -m 1; git switch -q main; robo a.txt; git commit -q -a -m 2; \
         git switch -q b; git rebase -q main; hal b.txt; git add -A, at once; git rebase --continue",
    ),
    (
        "what an agent wrote before `git am` stopped is recorded when it goes on",
        "hal b.txt; git commit -q -a -m 1; robo a.txt; am main; git add -A; git am --continue",
    ),
    (
        "a merge follows a rename",
        "git switch -q -c b; hal a.txt; git commit -q -a -m 1; git switch -q main; git mv a.txt z.txt; robo ^z.txt; \
         git commit -q -a -m 2; git merge -q --no-edit b",
    ),
];

/// Adds a line of somebody to a file.
fn writes(history: &mut History, tree: &Tree, who: &str, file: &str) {
    let (file, first) = file.strip_prefix('^').map_or((file, false), |file| (file, true));
    let author = match who {
        "program" => Author::Nobody,
        name => match PEOPLE.iter().position(|person| *person == name) {
            Some(person) => Author::Person(person),
            None => Author::Agent(AGENTS.iter().position(|agent| *agent == name).expect("somebody's name")),
        },
    };
    let (word, text) = (history.model.word(author) + "\n", history.read(tree, file));
    let text = if first { word + &text } else { text + &word };
    history.said(&format!("{who} {file}; "));
    let mut dice = Dice::new(0, 0);
    match author {
        Author::Agent(number) => {
            writing::agent_writes(history, tree, &[(file.to_owned(), Some(text))], number, &mut dice)
        }
        Author::Person(who) => writing::person_writes(history, tree, who, file, &text),
        _ => writing::write(&tree.root.join(file), &text, &mut dice),
    }
}

fn step(history: &mut History, tree: &Tree, step: &str) {
    let words: Vec<&str> = step.split_whitespace().collect();
    match words[..] {
        ["git", ..] => drop(history.git(tree, &words[1..])),
        ["mv", from, to] => fs::rename(tree.root.join(from), tree.root.join(to)).unwrap(),
        ["stage", file] => {
            let text = history.read(tree, file);
            let (_, rest) = text.split_once('\n').expect("more than one line");
            storing::stage(history, tree, file, rest);
        }
        ["am", from] => rewriting::apply(history, tree, &["am", "-q"], from),
        ["hub", "restarts"] => drop(others::restart(history, tree, &mut Dice::new(0, 0))),
        ["hub", "leaves"] => history.leaves(),
        ["hub", "returns"] => history.returns(),
        [who, file] => writes(history, tree, who, file),
        _ => panic!("no step: {step}"),
    }
}

/// Plays them; each ends with nothing lost and nobody wrong.
pub fn stories_lose_nothing() {
    let mut failed = Vec::new();
    for (name, steps) in STORIES {
        let mut history = History::bare("merge", false);
        history.log.push(format!("{name}: "));
        let tree = history.trees[0].clone();
        history.check("at first");
        for one in steps.split(';').map(str::trim) {
            let (words, at_once) = one.strip_suffix(", at once").map_or((one, false), |words| (words, true));
            step(&mut history, &tree, words);
            if at_once {
                history.hub.glance();
            } else {
                history.check(words);
            }
        }
        history.compare_all_notes("at the end");
        if !history.outcome.failures.is_empty() {
            failed.push(format!("{}\n  {}", history.log.join(""), history.outcome.failures.join("\n  ")));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
