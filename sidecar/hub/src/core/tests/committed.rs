//! What is told of a content that was committed and never lay on disk.

use codi2_text::Text;

use super::super::Asked;
use super::away::{comes, edits};
use super::world::{World, file};

/// Who is remembered of some line of a text at a.rs.
fn recalled(w: &mut World, text: &str) -> Vec<String> {
    let asked = Asked { file: file("a.rs"), text: Text::new(text), relatives: Vec::new() };
    let (told, _) = w.core.committed(&asked, w.ports.now, &mut w.ports);
    let recalled = told.unwrap().unwrap().present.into_iter().filter(|related| related.is_beside);
    let names = recalled.flat_map(|it| it.owners.owners).map(|owner| owner.verdict.origin.name);
    names.filter(|name| !name.is_empty()).collect()
}

/// An agent wrote a line anew while one that says the same was there, by nobody known.
#[test]
fn a_line_that_still_lies_there_is_not_recalled() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.program_writes("a.rs", "one\nthe same line\n");
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "the same line\nthe own line\none\nthe same line\n");
    w.agent_after("bot", "a.rs");
    assert!(recalled(&mut w, "one\nother\nthe same line\n").is_empty());
    w.program_writes("a.rs", "one\nthe same line\n");
    assert_eq!(recalled(&mut w, "one\nother\nthe own line\nthe same line\n"), ["bot"], "what is gone is");
}

/// Who is told to have written a text at a.rs that was seen itself.
fn seen(w: &mut World, text: &str) -> Vec<String> {
    let asked = Asked { file: file("a.rs"), text: Text::new(text), relatives: Vec::new() };
    let (told, _) = w.core.committed(&asked, w.ports.now, &mut w.ports);
    let owners = told.unwrap().unwrap().owners.map(|known| known.owners).unwrap_or_default();
    owners.into_iter().map(|owner| format!("{} {}", owner.verdict.origin, owner.verdict.class)).collect()
}

/// A file is written, committed and left for another branch before a hub comes: the agent's hooks have seen it, nobody else did.
#[test]
fn a_text_that_only_hooks_have_seen() {
    for base in [None, Some("one\n")] {
        let base_files: Vec<_> = base.map(|text| ("a.rs", text)).into_iter().collect();
        let mut w = World::new(&base_files);
        let text = format!("{}by bot\n", base.unwrap_or_default());
        let spool = edits(&mut w, "bot", "a.rs", &text);
        match base {
            Some(text) => w.put("a.rs", text),
            None => drop(w.ports.files.remove("a.rs")),
        }
        comes(&mut w, spool);
        let other = format!("{text}a stranger's\n");
        assert!(seen(&mut w, &other).is_empty(), "{base:?}: no hook found this");
        let known = seen(&mut w, &text);
        assert_eq!(known.last().map(String::as_str), Some("agent bot exact"), "{base:?}: {known:?}");
        assert_eq!(known.len(), 1 + usize::from(base.is_some()), "{known:?}");
    }
}
