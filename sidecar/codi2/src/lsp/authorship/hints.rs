//! Hints at line ends: who wrote a line and when, only where that is another one than in the line above.
//!
//! A time or a date, and no age: nobody asks again when an age has passed.

use codi2_text::Position;

use super::{Authorship, Names, words};
use crate::lsp::session::Known;

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The end of a line's content.
    pub position: Position,
    /// Who and when; a `+` where a second owner has a part in the line.
    pub label: String,
    /// The same with how sure and why.
    pub tooltip: String,
}

impl Authorship {
    /// The hints from `start` to `end`, both included. Blank lines have none, nor has what is not known yet; what stands
    /// above them counts as the line above.
    pub fn hints(&self, start: Position, end: Position, when: &dyn Fn(u64) -> String) -> Vec<Hint> {
        let mut names = Names::default();
        let page = self.page(start.line as usize, (end.line as usize).saturating_add(1), &mut names);
        let within = (start.line, start.character)..=(end.line, end.character);
        let known = |owner: u32| match self.known(owner) {
            Known::Judged(owner) => Some(owner.at_ms),
            Known::NoAnswer => Some(None),
            Known::Loading | Known::Provisional { .. } => None,
        };
        let mut above = page.above.filter(|owner| known(*owner).is_some()).map(|owner| names.of(owner));
        let mut hints = Vec::new();
        for (at, line) in page.lines.iter().enumerate().filter(|(_, line)| !line.blank) {
            let Some(at_ms) = known(line.owner) else { continue };
            let who = names.of(line.owner);
            if above.replace(who) == Some(who) {
                continue;
            }
            let position = self.text.position(self.text.line_content(page.start + at).end, self.encoding);
            if within.contains(&(position.line, position.character)) {
                let more = if line.mixed { " +" } else { "" };
                let at = at_ms.map(|at_ms| format!(", {}", when(at_ms))).unwrap_or_default();
                let label = format!("{}{more}{at}", names.words[who]);
                hints.push(Hint { position, label, tooltip: words::sentence(self.known(line.owner), when) });
            }
        }
        hints
    }
}
