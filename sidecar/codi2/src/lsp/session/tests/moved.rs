//! Lines that a command put elsewhere: each is told with its place in the text before, however short it is.

use super::*;

/// A command's changes to a text (line to begin with, lines to delete, text), as one notification, and for each line of
/// the text after, the number of the line that its content stood in before; `-` where it is new.
fn check(before: &str, name: Option<&str>, changes: &[(u32, u32, &str)], expected: &str) {
    let mut bench = Bench::with(ours(), before);
    let at = |line| Position { line, character: 0 };
    let change = |(line, lines, text): &(u32, u32, &str)| Change {
        range: Some((at(*line), at(line + lines))),
        text: (*text).to_owned(),
    };
    bench.change(changes.iter().map(change).collect());
    bench.on(Input::Document(DocumentEvent::Hint(EditHintParams {
        uri: URI.to_owned(),
        version: 1,
        source: Source { name: name.map(str::to_owned), ..source(SourceKind::Command) },
    })));
    bench.wait(300);
    let mut stood: Vec<Option<usize>> = (0..before.len()).map(Some).collect();
    for group in bench.groups() {
        for edit in &group.edits {
            let mut came = vec![None; edit.inserted as usize];
            for run in &edit.copied {
                assert_eq!((run.file.as_ref(), run.digest), (None, digest(before)));
                (0..run.len).for_each(|byte| came[(run.at + byte) as usize] = Some((run.from + byte) as usize));
            }
            let (at, deleted) = (edit.at as usize, edit.deleted as usize);
            stood.splice(at..at + deleted, came);
        }
    }
    let (mut at, mut told) = (0, Vec::new());
    for line in bench.text().split_inclusive('\n') {
        let content = line.trim_end().len() - line.trim().len()..line.trim_end().len();
        let from: Vec<_> = content.map(|byte| stood[at + byte]).collect();
        let number = |from: usize| before[..from].matches('\n').count() + 1;
        let first = from.first().copied().flatten().map(number);
        let same = from.iter().all(|byte| byte.map(number) == first);
        told.push(first.filter(|_| same).map_or("-".to_owned(), |line| line.to_string()));
        at += line.len();
    }
    assert_eq!(told.join(" "), expected, "{before:?} -> {:?}", bench.text());
}

const CODE: &str = "one\nfn main() {\n    x = 1\n}\nfn other() {\n    y = 2\n}\n";

#[test]
fn a_command_that_sorts_moves_every_line() {
    let sorted = "    x = 1\n    y = 2\nfn main() {\nfn other() {\none\n}\n}\n";
    check(CODE, Some("sort"), &[(0, 7, sorted)], "3 6 2 5 1 4 7");
    check("b\na\n", Some("sort"), &[(0, 2, "a\nb\n")], "2 1");
}

#[test]
fn a_command_that_moves_a_bracket_moves_it() {
    check(CODE, Some("move"), &[(0, 0, "}\n"), (4, 1, "")], "4 1 2 3 5 6 7");
}

#[test]
fn a_command_that_turns_lines_round_moves_each() {
    let text = "fn main() {\nx\n}\n";
    check(text, Some("global"), &[(0, 0, "x\n"), (2, 1, ""), (0, 0, "}\n"), (3, 1, "")], "3 2 1");
}

#[test]
fn a_filter_keeps_the_lines_that_come_out_as_they_went_in() {
    let sorted = "    x = 1\n    y = 2\nfn main() {\nfn other() {\none\n}\n}\n";
    // Neovim puts the output behind what it then deletes.
    check(CODE, Some("filter"), &[(7, 0, sorted), (0, 7, "")], "3 6 2 5 1 4 7");
    let indented: String = CODE.lines().map(|line| format!("  {line}\n")).collect();
    check(CODE, Some("filter"), &[(7, 0, &indented), (0, 7, "")], "1 2 3 4 5 6 7");
    check("b\na\n", Some("filter"), &[(2, 0, "a\nnew\nb\n"), (0, 2, "")], "2 - 1");
    check("}\n  }\n", Some("filter"), &[(2, 0, "  }\n    }\n"), (0, 2, "")], "1 2");
}

#[test]
fn a_command_that_makes_lines_moves_none() {
    check("}\n  }\n", Some("shift"), &[(0, 1, "  }\n"), (1, 1, "    }\n")], "1 2");
    check("a\n", Some("read"), &[(0, 0, "a\n")], "- 1");
}

#[test]
fn a_sort_of_many_lines_is_told_in_full() {
    let lines: Vec<String> = (0..1_000).map(|line| format!("{line:04}\n")).collect();
    let turned: String = lines.iter().rev().map(String::as_str).collect();
    let expected: Vec<String> = (1..=1_000).rev().map(|line| line.to_string()).collect();
    check(&lines.concat(), Some("sort"), &[(0, 1_000, &turned)], &expected.join(" "));
}
