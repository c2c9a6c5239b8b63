//! Commands of Neovim over an agent's lines: what the sidecar is sent of each (`commands.json`, written down from Neovim
//! 0.11.4), and what of it somebody put in. The rest stood there, and stays whose it was.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Command {
    name: String,
    keys: Vec<String>,
    before: String,
    /// Line, character, last line, last character, text; each a notification.
    changes: Vec<(u32, u32, u32, u32, String)>,
    after: String,
}

/// The words that somebody put in, and the lines of the text after that are mostly theirs.
const PUT_IN: &[(&str, &str, &[usize])] = &[
    ("<BS> at a line's start", "", &[]),
    ("<Del> at a line's end", "", &[]),
    ("formatoptions=tqa", "one", &[]),
    ("substitute, two words swapped", "compute_value n value", &[]),
    ("rename limit->cap", "cap cap=cap cap cap cap cap", &[]),
    ("rename long", "directory_ directory_directory_ directory_ directory_ directory_ directory_", &[5]),
    ("rename to short", "", &[]),
    ("block del 4", "", &[]),
    ("block del 4 x8", "", &[]),
    ("block del mid", "", &[]),
    ("block I //", "// // // // // // // // //", &[8]),
    ("gc", "", &[]),
    ("gcgc", "", &[]),
    (":s #", "# # # #", &[]),
    ("norm I", "// // // //", &[]),
    ("norm 3x", "", &[]),
    ("s strip", "", &[]),
    ("s strip kw", "", &[]),
    ("s del semi", "", &[]),
    ("s add semi", "; ; ; ; ; ; ; ; ; ; ; ; ;", &[]),
    ("g A", "//x //x //x //x //x //x", &[]),
    ("s swap", ".limit.file .entry .entry .self .self.entry", &[]),
    ("del alternate", "", &[]),
    ("block A", "; ; ; ;", &[]),
    ("block c", "var var var", &[]),
    ("s case", "E EE E E E E", &[]),
    ("s dash", "-", &[]),
    ("retab", "", &[]),
    ("visual s", "", &[]),
    ("s/ //g", "", &[]),
    ("block del big", "y", &[]),
    ("block x1", "", &[]),
    ("n dot", "cap capcap cap", &[]),
];

fn put_in(command: &Command) -> (String, Vec<usize>) {
    let mut bench = Bench::with(ours(), &command.before);
    let kind = if command.keys.last().is_some_and(|keys| keys.starts_with(':')) {
        SourceKind::Command
    } else {
        SourceKind::Typed
    };
    for (line, character, last, end, text) in &command.changes {
        let range = Some((at(*line, *character), at(*last, *end)));
        bench.change(vec![Change { range, text: text.clone() }]);
        bench.hint(bench.version, kind);
    }
    bench.wait(300);
    assert_eq!(bench.text(), command.after, "{}", command.name);
    // For each byte of the text after, whether it stood in the text before.
    let mut stood = vec![true; command.before.len()];
    for edit in bench.edits() {
        let mut came = vec![false; edit.inserted as usize];
        edit.copied.iter().for_each(|run| came[run.at as usize..(run.at + run.len) as usize].fill(true));
        stood.splice(edit.at as usize..(edit.at + edit.deleted) as usize, came);
    }
    let (mut at, mut new, mut theirs) = (0, String::new(), Vec::new());
    for (number, line) in (1..).zip(command.after.split_inclusive('\n')) {
        let solid = line.char_indices().filter(|(_, character)| !character.is_whitespace());
        let (old, put): (Vec<_>, Vec<_>) = solid.partition(|(from, _)| stood[at + from]);
        if put.len() > old.len() {
            theirs.push(number);
        }
        if !put.is_empty() {
            new.extend(put.iter().map(|(_, character)| character));
            new.push(' ');
        }
        at += line.len();
    }
    (new.trim().to_owned(), theirs)
}

#[test]
fn what_a_command_leaves_of_a_text_stays_whose_it_was() {
    let commands: Vec<Command> = serde_json::from_str(include_str!("commands.json")).unwrap();
    let found: Vec<_> = commands.iter().map(|command| (command.name.as_str(), put_in(command))).collect();
    let found: Vec<_> = found.iter().map(|(name, (new, lines))| (*name, new.as_str(), lines.as_slice())).collect();
    assert_eq!(
        found.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>(),
        PUT_IN.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>()
    );
}
