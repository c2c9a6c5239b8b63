//! What the hub says of each line beside what the model knows, and the rules by which nobody may be named.
//!
//! Absent on purpose: who wrote what (`model`), and the notes on commits (`notes`).

use std::path::{Path, PathBuf};

use codi2_protocol::{Actor, ActorKind, Call, Owner, OwnersReply, Reply};
use codi2_text::{Text, lines_by};

use super::editor::of;
use super::equal::is_equal;
use super::history::History;
use super::model::{Author, Excuse, Finding};
use super::writing::TELLING;

/// A text as long as this is known wherever it lies (ADR 0026).
const COPIED: usize = 30;

impl History {
    /// Compares the owner of every line of every file with the model.
    pub fn compare(&mut self, when: &str) {
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
            let author = self.model.author(line);
            self.outcome.known += usize::from(author.is_some_and(|author| author != Author::Nobody));
            let finding = self.finding(file, text, number, &told.verdict.origin);
            let finding = self.as_before(file, text, number, finding);
            if let Finding::Excused(excuse) = finding {
                *self.outcome.excused.entry(excuse).or_default() += 1;
            }
            let evidence: Vec<_> = told.verdict.evidence.iter().map(|one| one.detail.as_str()).collect();
            self.note(at, (text, number), &told.verdict.origin, &finding, &evidence.join("; "));
        }
    }

    /// What was once known of a line of a text at a path stays known: an excuse of another place or time counts no more.
    fn as_before(&mut self, file: &str, text: &str, number: usize, finding: Finding) -> Finding {
        let told = self.told.entry((file.to_owned(), text.to_owned())).or_default();
        match finding {
            Finding::Right => {
                told.insert(number);
            }
            // Of two agents at work at once the second is heard of later.
            Finding::Excused(excuse) if excuse != Excuse::Both && told.contains(&number) => return Finding::Lost,
            _ => {}
        }
        finding
    }

    /// What was found of a line of this text at this path, the first being 0.
    pub fn finding(&mut self, file: &str, text: &str, number: usize, owner: &Actor) -> Finding {
        let line = text.split_inclusive('\n').nth(number).expect("a line of the text");
        if is_equal(line) {
            return self.model.judge_equal(text, number, owner);
        }
        let finding = self.model.judge(line, owner);
        if finding != Finding::Lost {
            return finding;
        }
        let word = line.trim();
        let is_known = self.known.contains(word);
        // With its blanks: git may take a line to where only a formatted one lay.
        let is_new_here = !self.stood.contains(&(file.to_owned(), line.trim_end_matches(['\r', '\n']).to_owned()));
        // A whole text that lay somewhere is known by itself.
        let is_new = !self.lately.contains(text);
        if is_new && is_new_here && is_known {
            self.model.excuse(word, Excuse::Elsewhere);
            return Finding::Excused(Excuse::Elsewhere);
        }
        let stood_lately =
            self.stood_lately.contains(&(file.to_owned(), line.trim_end_matches(['\r', '\n']).to_owned()));
        if is_new && is_known && !stood_lately && !self.is_committed(file, line.trim_end_matches(['\r', '\n'])) {
            self.model.excuse(word, Excuse::Earlier);
            return Finding::Excused(Excuse::Earlier);
        }
        let line_seen = |known: &str| known.lines().any(|one| one == line.trim_end());
        if is_known && !self.seen.iter().any(|(_, text)| line_seen(text)) {
            // A program set blanks before it, and git took that before anybody looked.
            self.model.excuse(word, Excuse::Unseen);
            return Finding::Excused(Excuse::Unseen);
        }
        if self.doubled.contains(word) || text.lines().filter(|line| line.trim() == word).count() > 1 {
            self.model.excuse(word, Excuse::Copies);
            return Finding::Excused(Excuse::Copies);
        }
        if is_new && is_known && owner.kind != ActorKind::Git && self.came_beside_a_new_one(file, text, number) {
            self.model.excuse(word, Excuse::Beside);
            return Finding::Excused(Excuse::Beside);
        }
        if text.len() < COPIED && !self.seen.contains(&(file.to_owned(), text.to_owned())) {
            self.model.excuse(word, Excuse::Short);
            return Finding::Excused(Excuse::Short);
        }
        finding
    }

    /// Whether a line has come to this path since the hub saw it last, beside one that tells and never stood there.
    fn came_beside_a_new_one(&self, file: &str, text: &str, number: usize) -> bool {
        let lines: Vec<&str> = text.lines().collect();
        let was_there = |((_, path), text): (&(PathBuf, String), &String)| {
            path == file && text.lines().any(|line| line == lines[number])
        };
        let is_new = |line: &&str| {
            let letters = line.chars().filter(|one| one.is_alphanumeric()).count();
            letters >= TELLING && !self.stood.contains(&(file.to_owned(), (*line).to_owned()))
        };
        let beside = [number.checked_sub(1), Some(number + 1)].into_iter().flatten();
        let is_beside = beside.filter_map(|at| lines.get(at)).any(is_new);
        is_beside && !self.last.iter().any(was_there)
    }

    /// Whether a commit that is left, or a stash, has a text at this path that the hub saw there, with this line.
    fn is_committed(&self, file: &str, line: &str) -> bool {
        let has_it = |(path, text): &&(String, String)| path == file && text.lines().any(|one| one == line);
        let mut texts = self.seen.iter().filter(has_it).map(|(_, text)| text);
        texts.any(|text| {
            let blob = git2::Oid::hash_object(git2::ObjectType::Blob, text.as_bytes()).unwrap().to_string();
            let command = ["log", "--all", "--reflog", "-m", "-1", "--format=%H", "--find-object", &blob, "--", file];
            !self.git.lines(&self.trees[0].root, &command).is_empty()
        })
    }

    /// Notes a failure in a line of a text, the first being 0.
    pub fn note(&mut self, at: &str, (text, number): (&str, usize), owner: &Actor, finding: &Finding, evidence: &str) {
        if matches!(finding, Finding::Wrong | Finding::Lost) {
            let lines: Vec<&str> = text.lines().collect();
            let author = self.model.author(lines[number]).map_or("nobody".to_owned(), |author| author.to_string());
            self.outcome.failures.push(format!(
                "{at}:{} {:?} is {author}'s, {finding:?}: {} {:?} ({evidence}) in {}",
                number + 1,
                lines[number],
                owner.kind,
                owner.name,
                lines.join(" / "),
            ));
        }
    }
}

/// The lines of a text and their owners.
pub fn owners<'a>(text: &'a str, reply: &OwnersReply) -> Vec<(&'a str, Owner)> {
    let owner = |owner: &u32| reply.owners[*owner as usize].clone();
    let spans = reply.spans.iter().map(|span| (span.len as usize, span.owner));
    let lines = lines_by(&Text::new(text), spans, |number| owner(number).verdict.origin);
    text.split_inclusive('\n').zip(&lines).map(|(line, told)| (line, owner(&told.owner))).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
