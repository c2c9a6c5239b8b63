//! Who wrote which line: the model, which never looks at codi2's answers.
//!
//! Each line is one word that exists once, so identity is content: whatever git does to a line, and whoever moves it,
//! its word says who wrote it first. Absent on purpose: what git did, and which lines lie where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use codi2_protocol::{Actor, ActorKind};

use super::equal::{Equal, is_equal};

/// Who writes lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Author {
    /// Types in an editor of their own.
    Person(usize),
    /// Offered a line that the person accepted.
    Completion,
    /// Announces its edits by hooks.
    Agent(usize),
    /// A program that announces nothing.
    Nobody,
}

/// Names of the people, the completion and the agents.
pub const PEOPLE: [&str; 2] = ["Ada", "Bea"];
pub const COMPLETION: &str = "suggester";
pub const AGENTS: [&str; 2] = ["robo", "hal"];

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(number) => f.write_str(PEOPLE[*number]),
            Self::Completion => f.write_str(COMPLETION),
            Self::Agent(number) => f.write_str(AGENTS[*number]),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

/// Why the owner of a line need not be known although the model knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excuse {
    /// It was written, or brought to where it is, while the hub was away.
    Away,
    /// Another agent had the file open at the same time.
    Both,
    /// It is in a content that nobody saw lie on disk: committed in part, or for a moment only.
    Unseen,
    /// It came, with changes, to a path where it never lay: git follows renames in a merge.
    Elsewhere,
    /// It lay at this path in an earlier hub's time only, and no commit that is left has it there (ADR 0070).
    Earlier,
    /// It came, and nobody is known to have brought it, beside a line that never stood there (ADR 0088).
    Beside,
    /// Its whole text is so short that anybody may write it again, and lies where it never lay.
    Short,
    /// A line that tells nothing, which an agent moved others past: what moved past what is not seen.
    Passed(usize),
    /// It stands, or stood, more than once in a text: nobody knows which copy comes back (ADR 0083).
    Copies,
    /// A program moved it to another file; one that announced this is named as who wrote it there.
    MovedAcross(Option<usize>),
}

impl Excuse {
    pub fn words(self) -> &'static str {
        match self {
            Self::Away => "written or moved while the hub was away",
            Self::Both => "one of two agents with the file open at once",
            Self::Elsewhere => "brought with changes to a path where it never lay",
            Self::Earlier => "where it lay in an earlier hub's time and was not committed",
            Self::Beside => "come back beside a line that never stood there",
            Self::Short => "in a text that anybody may write again, at another path",
            Self::Passed(_) => "a mark that an agent moved lines past",
            Self::Copies => "one of two copies in a text",
            Self::Unseen => "in a content that nobody saw lie on disk",
            Self::MovedAcross(None) => "moved to another file by nobody known",
            Self::MovedAcross(Some(_)) => "moved to another file by an agent",
        }
    }
}

/// What was found of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Its owner is its author; or nobody, where nobody is its author.
    Right,
    /// Somebody who did not write it is named.
    Wrong,
    /// Nobody is named although the author is known.
    Lost,
    /// Nobody is named, and the rules allow it.
    Excused(Excuse),
}

/// The words and their authors.
#[derive(Debug, Default)]
pub struct Model {
    words: BTreeMap<String, Author>,
    excused: BTreeMap<String, BTreeSet<Excuse>>,
    pub equal: Equal,
}

impl Model {
    /// A new word of an author.
    pub fn word(&mut self, author: Author) -> String {
        // Words that share no beginning and no end: a line that gives way to a similar one is the same line, changed.
        let mut rest = (self.words.len() as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
        let mut letter = |of: &str| {
            let letters = of.as_bytes();
            let at = (rest % letters.len() as u64) as usize;
            rest /= letters.len() as u64;
            char::from(letters[at])
        };
        let word: String = (0..5).flat_map(|_| [letter("bcdfghjklmnprstvwz"), letter("aeiou")]).collect();
        let word = format!("{word}{}", self.words.len());
        self.words.insert(word.clone(), author);
        word
    }

    /// A new word of an author, with a line below it that others write, too, if it is its turn; both end in line feeds.
    pub fn lines(&mut self, author: Author) -> String {
        let (number, word) = (self.words.len(), self.word(author));
        match self.equal.write(number, &word, author) {
            Some(below) => format!("{word}\n{below}\n"),
            None => word + "\n",
        }
    }

    /// Compares the owner that was told of a line that many write, with who may have written this copy of it.
    pub fn judge_equal(&self, text: &str, at: usize, owner: &Actor) -> Finding {
        let is_whose = |author: &Author| is_named_so(*author, owner);
        let right = !is_named(owner) || self.equal.authors(text, at, |line| self.author(line)).iter().any(is_whose);
        if right { Finding::Right } else { Finding::Wrong }
    }

    /// The author of a line; none of what no actor wrote: a conflict's marks, an empty line.
    pub fn author(&self, line: &str) -> Option<Author> {
        self.words.get(line.trim()).copied()
    }

    /// The owner of this line may be unknown from now on.
    pub fn excuse(&mut self, line: &str, excuse: Excuse) {
        self.excused.entry(line.trim().to_owned()).or_default().insert(excuse);
    }

    /// Compares the owner that was told of a line with its author.
    pub fn judge(&self, line: &str, owner: &Actor) -> Finding {
        let is_named = is_named(owner);
        let author = self.author(line).unwrap_or(Author::Nobody);
        let right = if author == Author::Nobody { !is_named } else { is_named_so(author, owner) };
        // Of lines that many write see `judge_equal`.
        if right || is_equal(line) {
            return Finding::Right;
        }
        let excuses = self.excused.get(line.trim()).into_iter().flatten();
        let names_mover = |excuse: &&Excuse| matches!(excuse, Excuse::MovedAcross(Some(mover)) | Excuse::Passed(mover) if owner.name == AGENTS[*mover]);
        let allowed = if is_named { excuses.clone().find(names_mover) } else { excuses.clone().next() };
        match allowed {
            Some(excuse) => Finding::Excused(*excuse),
            None if is_named => Finding::Wrong,
            None => Finding::Lost,
        }
    }
}

/// Whether somebody is named.
pub fn is_named(owner: &Actor) -> bool {
    matches!(owner.kind, ActorKind::Person | ActorKind::Completion | ActorKind::Agent | ActorKind::Orchestrator)
}

fn is_named_so(author: Author, owner: &Actor) -> bool {
    let kind = match author {
        Author::Person(_) => ActorKind::Person,
        Author::Completion => ActorKind::Completion,
        Author::Agent(_) => ActorKind::Agent,
        Author::Nobody => return false,
    };
    owner.kind == kind && owner.name == author.to_string()
}
