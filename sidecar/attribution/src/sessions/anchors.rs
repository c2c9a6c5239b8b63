//! Words that stand before a session's id in what a tool prints and writes into commits: the catalogue's
//! `session_id_patterns`, and fields of log lines that say of themselves that they hold a session.
//!
//! A pattern is text with places in angle brackets. `<uuid>`, `<id>`, `<base62>`, `<digits>` and `<32 hex>` are ids, the
//! last of which is the session's, with the letters directly before it (`ses_<id>`, `T-<uuid>`); any other place stands for
//! characters without blanks. What is before an id must stand on its own: `ungemini --resume` is no `gemini --resume`.

use super::Mention;
use super::ids::Form;
use crate::tools::Catalogue;

/// Longest text that a place without a form may stand for, in bytes.
const LONGEST_PLACE: usize = 256;
/// Fields of log lines that say that they hold a session.
const FIELDS: [&str; 9] = [
    "session_id",
    "session-id",
    "sessionId",
    "session id",
    "Session ID",
    "conversation_id",
    "conversationId",
    "thread_id",
    "threadId",
];
/// How ids begin that are sessions by their own form, once a field says so.
const BEGINNINGS: [&str; 5] = ["ses_", "sess_", "session_", "T-", "task_"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Id(Form),
    Any,
}

#[derive(Debug, Clone)]
struct Anchor {
    tool: String,
    pieces: Vec<Piece>,
    /// The pattern up to the id, for people.
    words: String,
}

/// Every tool's patterns.
#[derive(Debug, Clone)]
pub(super) struct Anchors(Vec<Anchor>);

impl Anchors {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let of_tool = |tool: &crate::tools::Tool| {
            let id = tool.id.clone();
            let anchor = move |pattern: &String| {
                let pieces = pieces(pattern);
                let words = pattern.split('<').next().unwrap_or_default().trim().to_owned();
                pieces.iter().any(|piece| matches!(piece, Piece::Id(_))).then(|| Anchor {
                    tool: id.clone(),
                    pieces,
                    words,
                })
            };
            tool.session_id_patterns.iter().filter_map(anchor).collect::<Vec<_>>()
        };
        Self(catalogue.tools().iter().flat_map(of_tool).collect())
    }

    /// The sessions that a line names.
    pub(super) fn find(&self, line: &str) -> Vec<Mention> {
        let mut found: Vec<Mention> = Vec::new();
        let mut say = |tool: Option<&str>, session: String, by: &str| {
            let same = |known: &&mut Mention| known.session == session;
            match found.iter_mut().find(same) {
                // `Amp-Thread-ID: https://…` and `https://…` are one mention.
                Some(known) => known.tool = known.tool.take().or(tool.map(str::to_owned)),
                None => found.push(Mention {
                    tool: tool.map(str::to_owned),
                    session,
                    parent: None,
                    agent: None,
                    model: None,
                    by: by.to_owned(),
                    line: 0,
                    times: 1,
                }),
            }
        };
        for Anchor { tool, pieces, words } in &self.0 {
            for session in matches(pieces, line) {
                say(Some(tool), session, words);
            }
        }
        for field in FIELDS {
            for at in starts(line, field) {
                let rest = line[at + field.len()..].trim_start_matches(['"', '\'']).trim_start();
                let Some(rest) = rest.strip_prefix([':', '=']) else { continue };
                let rest = rest.trim_start().trim_start_matches(['"', '\'', '`', '*']);
                let prefixed = BEGINNINGS.iter().any(|start| rest.starts_with(start));
                let id = Form::Uuid.at(rest).or_else(|| Form::Word.at(rest).filter(|_| prefixed));
                id.into_iter().for_each(|id| say(None, id.to_owned(), field));
            }
        }
        found
    }
}

/// A pattern taken apart.
fn pieces(pattern: &str) -> Vec<Piece> {
    let (mut pieces, mut rest) = (Vec::new(), pattern);
    while let Some((text, more)) = rest.split_once('<') {
        let Some((place, after)) = more.split_once('>') else { break };
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        pieces.push(match place {
            "uuid" => Piece::Id(Form::Uuid),
            "id" | "base62" => Piece::Id(Form::Word),
            "digits" => Piece::Id(Form::Digits),
            "32 hex" => Piece::Id(Form::Hex),
            _ => Piece::Any,
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    pieces
}

/// Where a text begins in a line on its own: nothing that is part of a word stands before it.
fn starts<'a>(line: &'a str, text: &'a str) -> impl Iterator<Item = usize> + 'a {
    let alone = |at: &usize| {
        let before = line[..*at].chars().next_back();
        let is_word = text.starts_with(|c: char| c.is_alphanumeric());
        !is_word || before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '-'))
    };
    line.match_indices(text).map(|(at, _)| at).filter(alone)
}

/// The ids at every place where the pieces fit.
fn matches(pieces: &[Piece], line: &str) -> Vec<String> {
    let Some((Piece::Text(first), rest)) = pieces.split_first() else { return Vec::new() };
    let at = |start: usize| fit(rest, first, &line[start + first.len()..]);
    starts(line, first).filter_map(at).collect()
}

/// The id, where the pieces stand at the beginning of the text; `before` is the text piece before them.
fn fit(pieces: &[Piece], before: &str, text: &str) -> Option<String> {
    let (piece, rest) = pieces.split_first()?;
    match piece {
        Piece::Text(next) => fit(rest, next, text.strip_prefix(next.as_str())?),
        Piece::Id(form) => {
            let id = form.at(text)?;
            let after = &text[id.len()..];
            if rest.iter().any(|piece| matches!(piece, Piece::Id(_))) {
                return fit(rest, "", after);
            }
            ends(rest, after).then(|| format!("{}{id}", letters(before)))
        }
        Piece::Any => {
            let end = text.find(|c: char| c.is_whitespace()).unwrap_or(text.len()).min(LONGEST_PLACE);
            let Some(Piece::Text(next)) = rest.first() else { return None };
            // The shortest text that what follows fits behind.
            let ends = text.match_indices(next.as_str()).map(|(at, _)| at).take_while(|at| *at <= end);
            ends.filter(|at| *at > 0).find_map(|at| fit(rest, "", &text[at..]))
        }
    }
}

/// Whether what stands behind the id is as the pattern says.
fn ends(pieces: &[Piece], after: &str) -> bool {
    match pieces.first() {
        Some(Piece::Text(text)) => after.starts_with(text.as_str()),
        _ => true,
    }
}

/// The letters directly before an id that belong to it: `ses_`, `T-`, `session_`, but not a word's dash.
fn letters(before: &str) -> &str {
    let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).map_or(0, |at| at + 1);
    let letters = &before[start..];
    let ends_joined = letters.ends_with(['_', '-']);
    if ends_joined && letters.starts_with(|c: char| c.is_ascii_alphabetic()) { letters } else { "" }
}
