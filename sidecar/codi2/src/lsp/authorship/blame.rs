//! The answer to `codi2/blame`: an owner for each line, with everything known of it.

use codi2_protocol::lsp::{BlameLine, BlameResult, LineOwner};

use super::{Authorship, Names, line_number};
use crate::lsp::session::Known;

impl Authorship {
    /// The owners of the lines from `start` to before `end`, from 0; as many as fit a page.
    pub fn blame(&self, start: u32, end: Option<u32>) -> BlameResult {
        let end = end.map_or(usize::MAX, |end| end as usize);
        let page = self.page(start as usize, end, &mut Names::default());
        let mut numbers: Vec<u32> = Vec::new();
        let lines = page.lines.iter().map(|line| {
            let known = numbers.iter().position(|number| *number == line.owner);
            let owner = known.unwrap_or_else(|| {
                numbers.push(line.owner);
                numbers.len() - 1
            });
            BlameLine { owner: line_number(owner), mixed: line.mixed }
        });
        let lines = lines.collect();
        let owners = numbers.iter().map(|number| match self.known(*number) {
            Known::Loading => LineOwner::Loading,
            Known::NoAnswer => LineOwner::NoAnswer,
            Known::Provisional { at_ms, .. } => LineOwner::Pending { at_ms: *at_ms },
            Known::Judged(owner) => LineOwner::Judged(owner.clone()),
        });
        BlameResult {
            version: self.version,
            count: line_number(self.count()),
            out_of_step: self.out_of_step,
            start: line_number(page.start),
            owners: owners.collect(),
            lines,
        }
    }
}
