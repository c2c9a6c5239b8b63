//! People and programs that write files.

use std::fs;
use std::path::Path;

use codi2_protocol::{Actor, ActorKind, EventId, HookPhase, HookRecord};

use super::dice::Dice;
use super::editor::Change;
use super::equal::is_equal;
use super::history::{History, Tree};
use super::model::{AGENTS, Author, Excuse, PEOPLE};

/// Letters and digits of a block that stays its authors' wherever an agent moves it, and of each of its lines that does, at
/// least (ADR 0074).
const BLOCK: usize = 30;
pub const TELLING: usize = 8;

/// A file of the worktree.
pub fn some_file(history: &History, tree: &Tree, dice: &mut Dice) -> Option<String> {
    dice.pick(&history.files(tree)).cloned()
}

/// A name that no file has.
fn new_name(history: &History, tree: &Tree, dice: &mut Dice) -> String {
    let folders = ["", "sub/", "other/"];
    (0..)
        .map(|number| format!("{}n{number}.txt", folders[dice.below(3)]))
        .find(|name| !history.files(tree).contains(name))
        .expect("there are more names than files")
}

fn lines_of(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// Offset of a line.
fn start_of(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line).map(str::len).sum()
}

/// A text of a file with some lines of an author more, and perhaps some lines less.
fn changed(history: &mut History, tree: &Tree, file: &str, author: Author, dice: &mut Dice) -> String {
    let text = &history.read(tree, file);
    let mut lines = lines_of(text);
    // One that gives way to its like stays whose it was; so it does where nobody has seen that it was gone, as behind a
    // checkout in one look with it.
    let mut is_told = history.is_seen(tree, file, text);
    if !lines.is_empty() && dice.once_in(3) {
        is_told &= !is_equal(&lines.remove(dice.below(lines.len())));
    }
    for _ in 0..1 + dice.below(3) {
        let new = if is_told { new_lines(history, author) } else { new_word(history, author) + "\n" };
        lines.insert(dice.below(lines.len() + 1), new);
    }
    lines.concat()
}

/// A new word, perhaps with a line below it that others write, too.
fn new_lines(history: &mut History, author: Author) -> String {
    let lines = history.model.lines(author);
    if let (Some(excuse), Some(word)) = (history.excuse, lines.lines().next()) {
        history.model.excuse(word, excuse);
    }
    lines
}

fn new_word(history: &mut History, author: Author) -> String {
    let word = history.model.word(author);
    if let Some(excuse) = history.excuse {
        history.model.excuse(&word, excuse);
    }
    word
}

/// Somebody of these writes a conflicted file anew: some of both sides, without git's marks.
pub fn resolve(history: &mut History, tree: &Tree, file: &str, dice: &mut Dice) {
    let text = history.read(tree, file);
    let is_mark = |line: &&str| ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark));
    let kept: String = text.split_inclusive('\n').filter(|line| !is_mark(line)).filter(|_| !dice.once_in(5)).collect();
    let people = [Author::Person(0), Author::Person(1)];
    let author = [people[dice.below(2)], Author::Agent(0), Author::Agent(1), Author::Nobody][dice.below(4)];
    let kept = if dice.once_in(2) { kept } else { kept + &new_word(history, author) + "\n" };
    history.said(&format!("{author} resolves {file}; "));
    if author != Author::Nobody {
        // An editor loads it, or a hook reads it.
        history.doubles();
    }
    history.model.equal.moved(&text, author);
    history.model.equal.forgets(text.lines());
    match author {
        Author::Agent(number) => agent_writes(history, tree, &[(file.to_owned(), Some(kept))], number, dice),
        Author::Person(who) => person_writes(history, tree, who, file, &kept),
        _ => write(&tree.root.join(file), &kept, dice),
    }
}

/// A person brings a buffer to another text, by cutting and typing lines, and saves it.
pub fn person_writes(history: &mut History, tree: &Tree, who: usize, file: &str, text: &str) {
    let (id, path) = (History::id(tree, file), tree.root.join(file));
    history.editors[who].shows(history.hub.as_mut(), &id, &path);
    let (old, new) = (history.editors[who].buffers[&id].clone(), lines_of(text));
    let mut changes = Vec::new();
    let mut left = new.iter().peekable();
    let mut at = 0;
    for line in lines_of(&old) {
        if left.peek().is_some_and(|next| **next == line) {
            left.next();
            at += line.len();
        } else {
            changes.push(Change::cut(at, line.len()));
        }
    }
    for line in left {
        changes.extend(Change::typed(at, line));
        at += line.len();
    }
    history.editors[who].edits(history.hub.as_mut(), &id, changes);
    history.editors[who].saves(history.hub.as_mut(), &id, &path);
    history.editors[who].closes(history.hub.as_mut(), &id);
}

/// Writes as programs do: in place, or beside and then over it.
pub fn write(path: &Path, text: &str, dice: &mut Dice) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if dice.once_in(3) {
        let beside = path.with_extension("tmp~");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, path).unwrap();
    } else {
        fs::write(path, text).unwrap();
    }
}

pub fn person(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let is_new = dice.once_in(8);
    let file = if is_new { Some(new_name(history, tree, dice)) } else { some_file(history, tree, dice) };
    let Some(file) = file else { return false };
    let who = usize::from(dice.once_in(3));
    let (id, path) = (History::id(tree, &file), tree.root.join(&file));
    if is_new {
        write(&path, "", dice);
    }
    if history.editors[who].buffers.contains_key(&id) && dice.once_in(3) {
        // What happened to the file since, she saves over.
        history.said("without loading again, ");
    } else {
        history.editors[who].shows(history.hub.as_mut(), &id, &path);
    }
    history.said(&format!("{} in {file}: ", PEOPLE[who]));
    for _ in 0..1 + dice.below(3) {
        let text = history.editors[who].buffers[&id].clone();
        let lines = lines_of(&text);
        let at = dice.below(lines.len() + 1);
        let from = start_of(&text, at);
        let choice = dice.below(9);
        if matches!(choice, 5 | 6) {
            history.model.equal.forgets(at.checked_sub(1).map(|above| lines[above].as_str()));
        }
        if choice == 6 {
            history.model.equal.moved(&text, Author::Person(who));
        }
        let changes = match choice {
            0..4 => {
                let lines = new_lines(history, Author::Person(who));
                history.said(&format!("types {}, ", lines.trim().replace('\n', " ")));
                Change::typed(from, &lines)
            }
            4 => {
                let word = new_word(history, Author::Completion);
                history.said(&format!("accepts {word}, "));
                vec![Change::completed(from, &(word + "\n"))]
            }
            5 if at < lines.len() => {
                history.said(&format!("cuts {}, ", lines[at].trim()));
                vec![Change::cut(from, lines[at].len())]
            }
            6 if at < lines.len() => {
                history.said(&format!("moves {}, ", lines[at].trim()));
                let cut = vec![Change::cut(from, lines[at].len())];
                history.editors[who].edits(history.hub.as_mut(), &id, cut);
                let text = history.editors[who].buffers[&id].clone();
                let to = start_of(&text, dice.below(lines.len()));
                vec![Change::pasted(to, &lines[at])]
            }
            7 if at < lines.len() => {
                history.said(&format!("cuts and brings back {}, ", lines[at].trim()));
                let cut = vec![Change::cut(from, lines[at].len())];
                history.editors[who].edits(history.hub.as_mut(), &id, cut);
                vec![Change::undone(from, &lines[at])]
            }
            8 if at < lines.len() => {
                history.said(&format!("formats {}, ", lines[at].trim()));
                vec![Change::blanks(from)]
            }
            _ => continue,
        };
        history.editors[who].edits(history.hub.as_mut(), &id, changes);
    }
    if dice.once_in(6) {
        history.said("does not save; ");
        // A buffer left so is loaded anew when it is shown again.
        return true;
    }
    history.editors[who].saves(history.hub.as_mut(), &id, &path);
    if dice.once_in(2) {
        history.editors[who].closes(history.hub.as_mut(), &id);
    }
    history.said("saves; ");
    true
}

/// A hook of an agent's runs: for these files, or for a command that may write any.
pub fn hook(history: &mut History, tree: &Tree, number: usize, phase: HookPhase, files: &[String]) {
    let paths = files.iter().map(|file| tree.root.join(file).to_str().unwrap().to_owned()).collect();
    let record = HookRecord {
        id: EventId::new(),
        at_ms: history.hub.now_ms(),
        phase,
        format: "agent-v1".into(),
        actor: (phase == HookPhase::After).then(|| Actor::named(ActorKind::Agent, AGENTS[number])),
        parent_pid: 1_000 + number as u32,
        parent_start: Some(number as u64),
        call: None,
        pair: None,
        folder: tree.root.to_str().unwrap().to_owned(),
        files: paths,
        found: Vec::new(),
    };
    history.hub.hook(record);
}

/// An agent writes files (none: removes one) between its two hooks.
pub fn agent_writes(
    history: &mut History,
    tree: &Tree,
    files: &[(String, Option<String>)],
    number: usize,
    dice: &mut Dice,
) {
    let names: Vec<String> = files.iter().map(|(file, _)| file.clone()).collect();
    hook(history, tree, number, HookPhase::Before, &names);
    history.passes(20);
    for (file, text) in files {
        match text {
            Some(text) => write(&tree.root.join(file), text, dice),
            None => drop(fs::remove_file(tree.root.join(file))),
        }
    }
    match dice.below(3) {
        0 => history.hub.settle(),
        1 => history.hub.glance(),
        _ => {}
    }
    history.passes(20);
    hook(history, tree, number, HookPhase::After, &names);
}

pub fn agent(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let number = dice.below(AGENTS.len());
    let file = if dice.once_in(8) { Some(new_name(history, tree, dice)) } else { some_file(history, tree, dice) };
    let Some(file) = file else { return false };
    let text = changed(history, tree, &file, Author::Agent(number), dice);
    history.said(&format!("{} writes {file}; ", AGENTS[number]));
    agent_writes(history, tree, &[(file, Some(text))], number, dice);
    true
}

/// Both agents have a call open on one file at once, and each writes a line.
pub fn two_agents(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(file) = some_file(history, tree, dice) else { return false };
    history.said(&format!("both agents write {file}; "));
    let names = [file.clone()];
    for number in 0..AGENTS.len() {
        hook(history, tree, number, HookPhase::Before, &names);
    }
    for number in 0..AGENTS.len() {
        history.passes(20);
        let word = new_word(history, Author::Agent(number));
        history.model.excuse(&word, history.excuse.unwrap_or(Excuse::Both));
        let mut lines = lines_of(&history.read(tree, &file));
        lines.insert(dice.below(lines.len() + 1), word + "\n");
        write(&tree.root.join(&file), &lines.concat(), dice);
        if dice.once_in(2) {
            history.hub.settle();
        }
    }
    for number in 0..AGENTS.len() {
        history.passes(20);
        hook(history, tree, number, HookPhase::After, &names);
    }
    true
}

pub fn program(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(file) = some_file(history, tree, dice) else { return false };
    let text = changed(history, tree, &file, Author::Nobody, dice);
    history.said(&format!("a program writes {file}; "));
    write(&tree.root.join(&file), &text, dice);
    true
}

/// A program that sets blanks before some lines.
pub fn formatter(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(file) = some_file(history, tree, dice) else { return false };
    let text = history.read(tree, &file);
    let text: String = text
        .split_inclusive('\n')
        .map(|line| if dice.once_in(2) { line.to_owned() } else { format!("  {}", line.trim_start()) })
        .collect();
    history.said(&format!("a formatter writes {file}; "));
    write(&tree.root.join(&file), &text, dice);
    true
}

pub fn rename(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(file) = some_file(history, tree, dice) else { return false };
    let to = new_name(history, tree, dice);
    history.said(&format!("mv {file} {to}; "));
    fs::create_dir_all(tree.root.join(&to).parent().unwrap()).unwrap();
    let (from, to) = (tree.root.join(file), tree.root.join(to));
    fs::rename(from, to).unwrap();
    true
}

pub fn copy(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(file) = some_file(history, tree, dice) else { return false };
    let to = new_name(history, tree, dice);
    let text = history.read(tree, &file);
    if text.len() < 30 {
        // Anybody may write that again.
        return false;
    }
    history.said(&format!("cp {file} {to}; "));
    write(&tree.root.join(to), &text, dice);
    true
}

pub fn delete(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let Some(file) = some_file(history, tree, dice) else { return false };
    history.said(&format!("rm {file}; "));
    fs::remove_file(tree.root.join(file)).unwrap();
    true
}

/// An agent or a program moves lines, inside a file or to another one.
pub fn move_lines(history: &mut History, tree: &Tree, dice: &mut Dice) -> bool {
    let (Some(from), Some(to)) = (some_file(history, tree, dice), some_file(history, tree, dice)) else { return false };
    let mut lines = lines_of(&history.read(tree, &from));
    if lines.len() < 2 {
        return false;
    }
    let at = dice.below(lines.len());
    let count = 1 + dice.below((lines.len() - at).min(3));
    let moved: Vec<String> = lines.drain(at..at + count).collect();
    history.model.equal.forgets(at.checked_sub(1).map(|above| lines[above].as_str()));
    for file in [&from, &to] {
        let text = history.read(tree, file);
        if moved.iter().any(|line| is_equal(line)) {
            history.model.equal.forgets(text.lines());
        }
        (0..AGENTS.len()).for_each(|number| history.model.equal.moved(&text, Author::Agent(number)));
    }
    let mut files = Vec::new();
    let mut target = lines.clone();
    if from != to {
        files.push((from.clone(), Some(lines.concat())));
        target = lines_of(&history.read(tree, &to));
    }
    let place = dice.below(target.len() + 1);
    target.splice(place..place, moved.iter().cloned());
    files.push((to.clone(), Some(target.concat())));
    let number = dice.below(AGENTS.len() + 1);
    let mover = AGENTS.get(number).copied().unwrap_or("a program");
    // Of lines that nobody saw before they moved only that is seen.
    let was_seen = [&from, &to].iter().all(|file| history.lately.contains(&history.read(tree, file)));
    let words: Vec<&str> = moved.iter().map(|line| line.trim()).collect();
    history.said(&format!("{mover} moves {} from {from} to {to}; ", words.join(" ")));
    if number < AGENTS.len() {
        agent_writes(history, tree, &files, number, dice);
    } else {
        for (file, text) in files {
            write(&tree.root.join(file), &text.unwrap(), dice);
        }
    }
    if from != to {
        let letters = |line: &String| line.chars().filter(|letter| letter.is_alphanumeric()).count();
        // It begins with a line that tells.
        let block: Vec<usize> = moved.iter().map(letters).skip_while(|letters| *letters < TELLING).collect();
        let telling = block.iter().filter(|letters| **letters >= TELLING).count();
        let is_block = telling > 1 && block.iter().sum::<usize>() >= BLOCK;
        let stays = |line: &String| was_seen && is_block && letters(line) >= TELLING;
        let mover = (number < AGENTS.len()).then_some(number);
        moved
            .iter()
            .filter(|line| !stays(line))
            .for_each(|line| history.model.excuse(line, Excuse::MovedAcross(mover)));
    } else if number < AGENTS.len() {
        let is_mark = |line: &&String| history.model.author(line).is_none() && !is_equal(line);
        let marks = lines.iter().chain(&moved).filter(is_mark);
        let marks: Vec<String> = marks.cloned().collect();
        marks.iter().for_each(|line| history.model.excuse(line, Excuse::Passed(number)));
    }
    true
}
