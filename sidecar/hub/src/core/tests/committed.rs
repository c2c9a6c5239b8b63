//! What is told of a content that was committed and never lay on disk.

use codi2_text::Text;

use super::super::Asked;
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
