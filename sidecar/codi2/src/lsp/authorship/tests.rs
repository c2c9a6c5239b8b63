//! The views against a naive model: text and owners as plain characters, everything counted again for every question.

use codi2_protocol::lsp::LineOwner;
use codi2_protocol::{Actor, ActorKind, Class, EvidenceKind, Owner, Verdict};
use codi2_text::Position;
use proptest::prelude::*;

use super::*;

/// What the letters of the tests stand for: `L`oading, `N`o answer, `P`ending, `A`da, an agent (`c`), the same agent in
/// another minute (`d`), a tool (`t`), older than codi2 (`o`).
const LETTERS: &str = "LNPActdo";

fn owner(origin: Actor, class: Class, at_ms: Option<u64>) -> Known {
    Known::Judged(Owner { verdict: Verdict::new(origin, class, EvidenceKind::Other, ""), at_ms, event: None })
}

fn owners() -> Vec<Arc<Known>> {
    let claude = || Actor { model: Some("opus".to_owned()), ..Actor::named(ActorKind::Agent, "claude") };
    let known = |letter| match letter {
        'L' => Known::Loading,
        'N' => Known::NoAnswer,
        'P' => Known::Provisional { at_ms: 9, declared: None },
        'A' => owner(Actor::named(ActorKind::Person, "Ada <ada@x>"), Class::Declared, Some(1)),
        'c' => owner(claude(), Class::Exact, Some(2)),
        'd' => owner(claude(), Class::Inferred, Some(3)),
        't' => owner(Actor::named(ActorKind::Tool, "prettier"), Class::Declared, Some(4)),
        _ => Known::Judged(Owner::before_codi2()),
    };
    LETTERS.chars().map(|letter| Arc::new(known(letter))).collect()
}

/// The words of a letter.
fn words(letter: char) -> &'static str {
    match letter {
        'L' => "loading",
        'P' => "not judged yet",
        'A' => "Ada",
        'c' | 'd' => "claude (opus)",
        't' => "tool prettier",
        _ => "unknown",
    }
}

fn when(at_ms: u64) -> String {
    format!("at {at_ms}")
}

/// A document from pieces of text and the letters of their owners.
fn document(pieces: &[(&str, char)], encoding: Encoding) -> Authorship {
    let text: String = pieces.iter().map(|(text, _)| *text).collect();
    let number = |letter| u32::try_from(LETTERS.find(letter).unwrap()).unwrap();
    let tree = OwnerTree::from_spans(pieces.iter().map(|(text, letter)| (text.len(), number(*letter))));
    let text = Text::new(&text);
    Authorship { version: 3, text, tree, owners: owners(), encoding, out_of_step: false, connected: true }
}

fn titles(pieces: &[(&str, char)]) -> Vec<(u32, String)> {
    let lenses = document(pieces, Encoding::Utf16).lenses(&when);
    lenses.into_iter().map(|lens| (lens.line, lens.title)).collect()
}

fn labels(pieces: &[(&str, char)], encoding: Encoding) -> Vec<(u32, u32, String)> {
    let hints = document(pieces, encoding).hints(Position::new(0, 0), Position::new(u32::MAX, 0), &when);
    hints.into_iter().map(|hint| (hint.position.line, hint.position.character, hint.label)).collect()
}

#[test]
fn the_lens_of_a_file_says_shares() {
    let of = |pieces: &[(&str, char)]| titles(pieces).first().map(|(_, title)| title.clone());
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("x", 'A')]).unwrap(), "Ada 100%");
    assert_eq!(of(&[("xxxxxx\n", 'A'), ("yy\n", 'c')]).unwrap(), "Ada 70% · claude (opus) 30%");
    assert_eq!(of(&[("aaa", 'c'), ("xxxxxx\n", 'A'), ("y", 'd')]).unwrap(), "Ada 64% · claude (opus) 36%");
    assert_eq!(of(&[("a", 'o'), ("b", 'N'), ("cc", 'P')]).unwrap(), "unknown 50% · not judged yet 50%");
    // Never nothing for something, never all for less.
    let long = "x".repeat(999);
    assert_eq!(of(&[(&long, 'A'), ("y", 't')]).unwrap(), "Ada >99% · tool prettier <1%");
    // Nothing is said while anything is loading.
    assert_eq!(of(&[("aaaa", 'A'), ("b", 'L')]).unwrap(), "codi2: loading who wrote this");
    let mut away = document(&[("b", 'L')], Encoding::Utf8);
    away.connected = false;
    assert_eq!(away.shares(), "codi2: the hub is away, who wrote this comes later");
    let mut off = document(&[("b", 'A')], Encoding::Utf8);
    off.out_of_step = true;
    assert!(off.shares().starts_with("Ada 100% · may be off"), "{}", off.shares());
}

#[test]
fn more_than_four_are_others() {
    let mut document = document(&[], Encoding::Utf8);
    let named = |name: usize| Arc::new(owner(Actor::named(ActorKind::Agent, format!("a{name}")), Class::Exact, None));
    document.owners = (0..6).map(named).collect();
    document.tree = OwnerTree::from_spans((0..6u32).map(|owner| (10 + owner as usize, owner)));
    document.text = Text::new(&"x".repeat(document.tree.len()));
    assert_eq!(document.shares(), "a5 20% · a4 19% · a3 17% · a2 16% · others 28%");
}

#[test]
fn longer_blocks_of_nobody_human_get_a_lens() {
    let (eight, seven) = ("line\n".repeat(8), "line\n".repeat(7));
    let block = |pieces: &[(&str, char)]| titles(pieces).split_off(1);
    assert_eq!(block(&[("a\n", 'A'), (&eight, 'c')]), [(1, "claude (opus) · 8 lines · exact · at 2".to_owned())]);
    assert_eq!(block(&[("a\n", 'A'), (&seven, 'c')]), []);
    // Two minutes of one agent are one block; of two classes none is said.
    let both = [("a\n", 'A'), (&seven as &str, 'c'), ("line\n", 'd'), ("z\n", 'A')];
    assert_eq!(block(&both), [(1, "claude (opus) · 8 lines · at 3".to_owned())]);
    // Persons and what is unknown have none, nor has what is all of the file; blank lines at its beginning are not its.
    assert_eq!(block(&[("a\n", 'c'), (&eight, 'A'), (&eight, 'o'), (&eight, 'N'), (&eight, 'P')]), []);
    assert_eq!(block(&[(&eight, 'c')]), []);
    let blank = [("a\n", 'A'), ("\n\n", 'c'), (&eight as &str, 'c')];
    assert_eq!(block(&blank), [(3, "claude (opus) · 8 lines · exact · at 2".to_owned())]);
    // None while anything is loading.
    assert_eq!(block(&[("a\n", 'L'), (&eight, 'c')]), []);
}

#[test]
fn what_a_lens_reads_is_bounded() {
    let block = "line\n".repeat(8);
    let long = "x\n".repeat(PAGE_BYTES);
    let pieces = [("a\n", 'A'), (&block as &str, 'c'), (&long, 'A'), (&block, 't')];
    let lenses = titles(&pieces);
    assert_eq!(lenses.len(), 2, "blocks are looked for in the first page: {lenses:?}");
    assert!(lenses[0].1.contains("tool prettier"), "shares are of the whole file: {lenses:?}");
    let document = document(&pieces, Encoding::Utf8);
    let all = document.blame(0, None);
    assert_eq!((all.count as usize, all.lines.len()), (17 + PAGE_BYTES, PAGE_LINES));
    // The rest is asked for in parts, and the parts are the whole.
    let mut at = 0;
    while at < all.count {
        let part = document.blame(at, None);
        assert!(part.start == at && !part.lines.is_empty() && part.lines.len() <= PAGE_LINES);
        at += line_number(part.lines.len());
    }
    // One line longer than a page is judged by its beginning.
    let one = "x".repeat(3 * PAGE_BYTES);
    assert_eq!(
        labels(&[(&one, 'A'), ("yy", 'c')], Encoding::Utf16),
        [(0, line_number(one.len()) + 2, "Ada, at 1".into())]
    );
}

#[test]
fn hints_stand_where_the_owner_changes() {
    let pieces = [("one\r\ntwo\r\n", 'A'), ("😀é\r\n\r\n", 'c'), ("four\r\n", 'd'), ("five", 'o')];
    let expected = |columns: [u32; 3]| {
        let [a, b, c] = columns;
        vec![(0, a, "Ada, at 1".to_owned()), (2, b, "claude (opus), at 2".to_owned()), (5, c, "unknown".to_owned())]
    };
    assert_eq!(labels(&pieces, Encoding::Utf16), expected([3, 3, 4]));
    assert_eq!(labels(&pieces, Encoding::Utf8), expected([3, 6, 4]));
    assert_eq!(labels(&pieces, Encoding::Utf32), expected([3, 2, 4]));
    assert_eq!(labels(&[], Encoding::Utf16), []);
    assert_eq!(labels(&[("\n \n", 'A')], Encoding::Utf16), []);
    assert_eq!(labels(&[("xx", 'A'), ("y", 'c')], Encoding::Utf16), [(0, 3, "Ada +, at 1".to_owned())]);
    // What is not known has none; behind it, who comes is said again.
    let loading = [("a\n", 'A'), ("b\n", 'L'), ("c\n", 'P'), ("d\n", 'A')];
    assert_eq!(labels(&loading, Encoding::Utf16), [(0, 1, "Ada, at 1".to_owned())]);
}

#[test]
fn only_what_is_asked_for_is_hinted() {
    let document = document(&[("a\n\n", 'A'), ("b\n", 'c'), ("c\n", 'A')], Encoding::Utf16);
    let lines = |start: (u32, u32), end: (u32, u32)| {
        let hints = document.hints(Position::new(start.0, start.1), Position::new(end.0, end.1), &when);
        hints.iter().map(|hint| hint.position.line).collect::<Vec<_>>()
    };
    assert_eq!(lines((0, 0), (9, 0)), [0, 2, 3]);
    assert_eq!(lines((1, 0), (3, 0)), [2]);
    assert_eq!(lines((2, 1), (3, 1)), [2, 3]);
    assert_eq!(lines((2, 2), (3, 0)), [] as [u32; 0]);
    assert_eq!(lines((9, 0), (2, 0)), [] as [u32; 0]);
}

#[test]
fn names_from_outside_are_shown_and_not_obeyed() {
    let mut document = document(&[("x\n", 'A'), ("y\n", 'c')], Encoding::Utf16);
    let name = format!("a\r\n\u{1b}]0;x\u{7}\u{202e}\u{200b}{}", "z".repeat(200));
    let hostile = Actor { model: Some("m\nn".to_owned()), ..Actor::named(ActorKind::Agent, name) };
    let hostile = Arc::new(owner(hostile, Class::Exact, None));
    document.owners = vec![hostile; LETTERS.len()];
    let hint = document.hints(Position::new(0, 0), Position::new(9, 0), &when).remove(0);
    let said = [document.shares(), hint.label, hint.tooltip, document.about_line(0, &when)];
    for words in said {
        assert!(!words.contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{200b}'), "{words:?}");
        assert!(words.starts_with("a\\r\\n\\x1b") || words.contains(" a\\r\\n\\x1b"), "{words}");
        assert!(words.chars().count() < 400, "{words}");
    }
}

#[test]
fn the_command_says_who_how_sure_and_why() {
    let document = document(&[("a", 'A'), ("bb\n", 'c'), ("z\n", 'P')], Encoding::Utf8);
    let expected = "line 1: agent claude (opus), exact: other; at 2; also Ada";
    assert_eq!(document.about_line(0, &when), expected);
    assert_eq!(document.about_line(1, &when), "line 2: edited in this window at at 9, not judged yet");
    assert_eq!(document.about_line(7, &when), "there is no line 8");
}

/// A line of the model: its characters with the letters of their owners.
type Line = Vec<(char, char)>;

/// The lines of a text, each with its end.
fn model_lines(pieces: &[(String, char)]) -> Vec<Line> {
    let characters: Line =
        pieces.iter().flat_map(|(text, letter)| text.chars().map(|character| (character, *letter))).collect();
    let mut lines: Vec<Line> = Vec::new();
    for (at, one) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| characters[at].0);
        let ended = match before {
            None => true,
            Some('\r') => one.0 != '\n',
            Some(before) => before == '\n',
        };
        if ended {
            lines.push(Vec::new());
        }
        lines.last_mut().unwrap().push(*one);
    }
    lines
}

/// Who a line is to its reader, by words; `None` for a blank one.
fn model_owner(line: &Line) -> Option<&'static str> {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for (character, letter) in line.iter().filter(|(character, _)| !character.is_whitespace()) {
        match counts.iter_mut().find(|(who, _)| *who == words(*letter)) {
            Some((_, count)) => *count += character.len_utf8(),
            None => counts.push((words(*letter), character.len_utf8())),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(who, _)| who)
}

fn pieces() -> impl Strategy<Value = Vec<(String, char)>> {
    let text = "([a-c ]{0,3}|é|😀|\n|\r\n|\r|\n\n|x\n|yy\nzz\n){1,4}";
    let letter = prop::sample::select(LETTERS.chars().collect::<Vec<_>>());
    prop::collection::vec((text, letter), 0..12)
}

proptest! {
    #[test]
    fn hints_and_blame_are_the_models(pieces in pieces(), start in 0u32..12, len in 0u32..12) {
        let document = document(&pieces.iter().map(|(text, letter)| (&**text, *letter)).collect::<Vec<_>>(), Encoding::Utf16);
        let lines = model_lines(&pieces);
        // Hints.
        let mut above = None;
        let mut expected = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let Some(who) = model_owner(line).filter(|who| !["loading", "not judged yet"].contains(who)) else { continue };
            if above.replace(who) != Some(who) {
                let content = line.iter().filter(|(character, _)| !"\r\n".contains(*character));
                let end: usize = content.map(|(character, _)| character.len_utf16()).sum();
                expected.push((line_number(at), line_number(end), who));
            }
        }
        let all = document.hints(Position::new(0, 0), Position::new(u32::MAX, 0), &when);
        let who = |label: &str| label.split([',', '+']).next().unwrap().trim_end().to_owned();
        let found: Vec<_> = all.iter().map(|hint| (hint.position.line, hint.position.character, who(&hint.label))).collect();
        prop_assert_eq!(&found, &expected.iter().map(|(line, end, who)| (*line, *end, (*who).to_owned())).collect::<Vec<_>>());
        // A part of them is the same, but for a first one where what stands above is not known yet.
        let end = start + len;
        let part = document.hints(Position::new(start, 0), Position::new(end, 0), &when);
        let inside: Vec<_> = all.iter().filter(|hint| (start..end).contains(&hint.position.line)
            || (hint.position.line == end && hint.position.character == 0)).cloned().collect();
        let unknown = pieces.iter().any(|(_, letter)| "LP".contains(*letter));
        prop_assert!(part == inside || (unknown && part.get(1..) == Some(&inside[..]) ), "{part:?} of {inside:?}");
        // Blame.
        let blame = document.blame(start, Some(end));
        prop_assert_eq!(blame.count as usize, lines.len());
        let there = (start as usize).min(lines.len())..(end as usize).min(lines.len());
        prop_assert_eq!(blame.lines.len(), there.len());
        for (line, at) in blame.lines.iter().zip(there) {
            let said = match &blame.owners[line.owner as usize] {
                LineOwner::Loading => "loading".to_owned(),
                LineOwner::NoAnswer => "unknown".to_owned(),
                LineOwner::Pending { .. } => "not judged yet".to_owned(),
                LineOwner::Judged(owner) => super::words::who(&Known::Judged(owner.clone())),
            };
            if let Some(who) = model_owner(&lines[at]) {
                prop_assert_eq!(said, who, "line {}", at);
            }
        }
    }

    #[test]
    fn shares_are_the_models(pieces in pieces()) {
        let document = document(&pieces.iter().map(|(text, letter)| (&**text, *letter)).collect::<Vec<_>>(), Encoding::Utf8);
        let total: usize = pieces.iter().map(|(text, _)| text.len()).sum();
        let lens = document.lenses(&when).into_iter().next();
        prop_assert_eq!(lens.is_none(), total == 0);
        let Some(lens) = lens else { return Ok(()) };
        if pieces.iter().any(|(text, letter)| *letter == 'L' && !text.is_empty()) {
            prop_assert!(lens.title.contains("loading"), "{}", lens.title);
            return Ok(());
        }
        for share in lens.title.split(" · ") {
            let (who, percent) = share.rsplit_once(' ').unwrap();
            let own: usize = pieces.iter().filter(|(_, letter)| words(*letter) == who).map(|(text, _)| text.len()).sum();
            let own = if who == "others" { continue } else { own * 100 };
            match percent {
                "<1%" => prop_assert!(own > 0 && own * 2 < total),
                ">99%" => prop_assert!(own < total * 100 && own * 2 >= total * 199),
                exact => {
                    let said: usize = exact.trim_end_matches('%').parse().unwrap();
                    prop_assert!(own * 2 + total >= said * 2 * total && own * 2 < said * 2 * total + total, "{}", lens.title);
                }
            }
        }
    }

    #[test]
    fn blocks_are_the_models(runs in prop::collection::vec((0..12usize, prop::sample::select("Actdo".chars().collect::<Vec<_>>()), prop::bool::ANY), 0..8)) {
        let pieces: Vec<(String, char)> = runs.iter().map(|(lines, letter, indented)| {
            (if *indented { "  x\n" } else { "yy\r\n" }.repeat(*lines), *letter)
        }).collect();
        let document = document(&pieces.iter().map(|(text, letter)| (&**text, *letter)).collect::<Vec<_>>(), Encoding::Utf8);
        let all: Vec<&str> = pieces.iter().flat_map(|(text, letter)| text.lines().map(|_| words(*letter))).collect();
        let mut expected = Vec::new();
        let mut at = 0;
        while at < all.len() {
            let len = all[at..].iter().take_while(|who| **who == all[at]).count();
            if len >= 8 && len < all.len() && !["Ada", "unknown"].contains(&all[at]) {
                expected.push((line_number(at), format!("{} · {len} lines", all[at])));
            }
            at += len;
        }
        let lenses = document.lenses(&when).into_iter().filter(|lens| lens.block);
        let found: Vec<_> = lenses.map(|lens| {
            (lens.line, lens.title.split(" · ").take(2).collect::<Vec<_>>().join(" · "))
        }).collect();
        prop_assert_eq!(found, expected);
    }
}
