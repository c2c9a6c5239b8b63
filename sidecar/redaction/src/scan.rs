//! The pass over a text: keywords first, then the forms of those rules whose keyword is there.
//!
//! A text is cut at the placeholders it holds already, and each piece is looked at alone; so is what is left around a
//! secret. Nothing is left, then, that a second pass would find.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use crate::keywords::Keywords;
use crate::rule::{Form, Rule};
use crate::{placeholder, rules};

/// Which rules apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Only tokens known by their own form.
    Tokens,
    /// All.
    All,
}

/// How often what is left around a secret is looked at again; then it goes whole. Texts made for it alone get there.
const ROUNDS: u32 = 8;

/// The keywords of all rules, and which rules each calls.
struct Index {
    keywords: Keywords,
    calls: Vec<Vec<(u16, &'static str)>>,
    rules: Vec<&'static Rule>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let rules: Vec<&'static Rule> = rules::all().collect();
    let (mut keywords, mut calls) = (Keywords::default(), Vec::<Vec<(u16, &'static str)>>::new());
    for (number, rule) in (0..).zip(&rules) {
        for keyword in rule.keywords {
            for word in spellings(rule, keyword) {
                let at = keywords.enter(&word);
                calls.resize_with(calls.len().max(at + 1), Vec::new);
                calls[at].push((number, *keyword));
            }
        }
    }
    Index { keywords, calls, rules }
});

/// A keyword as names spell it: `db_key`, `db-key`, `dbKey`. A token's beginning has one spelling.
fn spellings(rule: &Rule, keyword: &str) -> Vec<String> {
    let word = keyword.to_ascii_lowercase();
    let mut all = vec![word.clone()];
    if matches!(rule.form, Form::Keyed(..)) && word.contains('_') {
        all.push(word.replace('_', "-"));
        // Shorter ones would stand in any word.
        all.extend(Some(word.replace('_', "")).filter(|joined| joined.len() >= 6));
    }
    all
}

/// A secret, and the rule that found it: the lower its number, the more it knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    start: usize,
    end: usize,
    rule: u16,
}

/// The text with placeholders for its secrets.
pub fn redact<'t>(text: &'t str, depth: Depth, key: Option<&[u8; 32]>) -> Cow<'t, str> {
    let mut out = String::new();
    let mut done = 0;
    for piece in pieces(text) {
        let found = find(&text[piece.clone()], depth);
        if found.is_empty() {
            continue;
        }
        out.push_str(&text[done..piece.start]);
        write(&mut out, &text[piece.clone()], found, depth, key, ROUNDS);
        done = piece.end;
    }
    if done == 0 && out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// Whether the text holds a secret.
pub fn holds(text: &str, depth: Depth) -> bool {
    pieces(text).any(|piece| !find(&text[piece], depth).is_empty())
}

/// What lies between the placeholders of a text.
fn pieces(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = Some(0);
    std::iter::from_fn(move || {
        let start = at?;
        let next = placeholder::next(text, start);
        at = next.as_ref().map(|placeholder| placeholder.end);
        Some(start..next.map_or(text.len(), |placeholder| placeholder.start))
    })
}

/// Writes a piece with its secrets replaced, looking again at what is left between them.
fn write(out: &mut String, piece: &str, found: Vec<Finding>, depth: Depth, key: Option<&[u8; 32]>, rounds: u32) {
    let mut at = 0;
    let end = Finding { start: piece.len(), end: piece.len(), rule: u16::MAX };
    for finding in found.into_iter().chain([end]) {
        let rest = &piece[at..finding.start];
        let again = find(rest, depth);
        if again.is_empty() {
            out.push_str(rest);
        } else if rounds > 0 {
            write(out, rest, again, depth, key, rounds - 1);
        } else {
            placeholder::write(out, rules::REST.id, rest, key);
        }
        if let Some(rule) = INDEX.rules.get(usize::from(finding.rule)) {
            placeholder::write(out, rule.id, &piece[finding.start..finding.end], key);
        }
        at = finding.end;
    }
}

/// The secrets of a piece, in order and apart.
fn find(piece: &str, depth: Depth) -> Vec<Finding> {
    let text = piece.as_bytes();
    let index = &*INDEX;
    let mut found: Vec<Finding> = Vec::new();
    // How far each rule that was called needs no second look.
    let mut covered: Vec<(u16, usize)> = Vec::new();
    index.keywords.find(text, |word, hit| {
        for &(number, keyword) in &index.calls[word] {
            let rule = index.rules[usize::from(number)];
            if depth == Depth::Tokens && !rule.is_token() {
                continue;
            }
            let slot = covered.iter().position(|(of, _)| *of == number);
            let mut seen = slot.map_or(0, |slot| covered[slot].1);
            if hit.start < seen {
                continue;
            }
            let before = seen;
            let secret = rule.find(text, hit.clone(), keyword, &mut seen);
            if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
                seen = seen.max(secret.end);
                let (start, end) = whole_characters(piece, secret);
                found.push(Finding { start, end, rule: number });
            }
            match slot {
                Some(slot) => covered[slot].1 = seen,
                None if seen > before => covered.push((number, seen)),
                None => {}
            }
        }
    });
    merge(found)
}

/// Joins secrets that overlap under the name of the rule that knows most.
fn merge(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_unstable();
    let mut apart: Vec<Finding> = Vec::new();
    for next in found {
        match apart.last_mut() {
            Some(last) if next.start < last.end => {
                last.end = last.end.max(next.end);
                last.rule = last.rule.min(next.rule);
            }
            _ => apart.push(next),
        }
    }
    apart
}

/// The range grown to whole characters.
fn whole_characters(text: &str, range: Range<usize>) -> (usize, usize) {
    let (mut start, mut end) = (range.start, range.end.min(text.len()));
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    (start, end)
}
