//! Lines that an agent's command copied into a file that it made (ADR 0166): they stand in other files of the worktree, and nobody
//! saw the agent write them.
//!
//! Absent on purpose: copies of whole contents, which the ledger knows; what a tool itself puts in, which is its agent's; what went
//! elsewhere (`across`).

mod lines;
mod sources;

use codi2_attribution::{DiskRuling, Rung, doubted};
use codi2_protocol::{Actor, ActorKind, Evidence, EvidenceKind, FileId, Owner};
use codi2_text::Text;

use super::Core;
use super::kept::Kept;
use super::moved::Moved;
use crate::book::OwnerRef;
use crate::ports::Ports;
use lines::Line;
pub(super) use sources::Looked;
use sources::{Made, Run, Source};

/// Longer texts are not compared (bytes).
const TEXT_BYTES: usize = 1 << 20;

impl Core {
    /// The lines that a change put in and that are copies, with the owners that they have where they stand, and the word who
    /// copied them; or, where they stand in texts of several, nobody's for certain.
    pub(super) fn copied(
        &mut self,
        file: &FileId,
        kept: &Kept,
        ruling: &DiskRuling,
        now: u64,
        ports: &mut dyn Ports,
    ) -> Vec<Moved> {
        let Some((agent, text)) = self.made_by_command(file, kept, ruling) else { return Vec::new() };
        let agent = agent.clone();
        let lines = Line::all(&text.to_string(), self.ledger.secret());
        let sources = self.sources(file, &lines, Made { by: &agent, begun_ms: kept.begun().ms }, now, ports);
        let runs = sources::runs(&lines, &sources);
        runs.iter().flat_map(|run| self.whose(run, &lines, &sources, &agent, kept)).collect()
    }

    /// The agent and the text, if a command of an agent's, and nobody else who was at work, made this file.
    fn made_by_command<'a>(
        &self,
        file: &FileId,
        kept: &'a Kept,
        ruling: &'a DiskRuling,
    ) -> Option<(&'a Actor, &'a Text)> {
        let verdict = ruling.whole().filter(|verdict| Rung::of(verdict) == Rung::OnlyCall)?;
        let agent = &verdict.origin;
        let text = kept.after.as_ref().filter(|text| kept.was_nothing() && text.len_bytes() <= TEXT_BYTES)?;
        let named = self.calls.intents(file).into_iter().filter(|call| call.names_path).map(|call| call.actor);
        let open = self.calls.open_on(file).into_iter().filter(|call| call.names_path).map(|call| call.actor);
        // What its tool said that it writes is its own.
        let is_announced = named.chain(open).any(|actor| actor.as_ref() == Some(agent));
        let is_agents = matches!(agent.kind, ActorKind::Agent | ActorKind::Orchestrator);
        (is_agents && !is_announced).then_some((agent, text))
    }

    /// Whose the lines of a run are, where that is not the agent itself.
    fn whose(&mut self, run: &Run, lines: &[Line], sources: &[Source], agent: &Actor, kept: &Kept) -> Vec<Moved> {
        let mut found = Vec::new();
        for at in 0..run.len {
            let new = &lines[run.at + at];
            let owners = |(source, first): &(usize, usize)| {
                let (source, old) = (&sources[*source], &sources[*source].lines[first + at]);
                // The blanks around it may be others.
                let is_same = new.is_set_like(old);
                let (here, there) = if is_same { (&new.bytes, &old.bytes) } else { (&new.words, &old.words) };
                (here.clone(), source.owners.spans(there.clone()))
            };
            let Some((bytes, there)) = run.places.first().map(owners).filter(|(bytes, _)| !bytes.is_empty()) else {
                continue;
            };
            let authors = |runs: &[(usize, OwnerRef)]| {
                let mut all: Vec<&Actor> =
                    runs.iter().map(|(_, owner)| &self.ledger.book.owner(*owner).verdict.origin).collect();
                all.dedup();
                all
            };
            let first = authors(&there);
            if run.places.iter().any(|place| authors(&owners(place).1) != first) {
                let why = "ran the command that made this file, and the line stands in files of several";
                let doubted = Owner { verdict: doubted(agent, why), at_ms: Some(kept.to.ms), event: None };
                found.push((bytes.clone(), vec![(bytes.len(), self.ledger.book.enter(doubted))]));
            } else if first != [agent] {
                let path = &sources[run.places[0].0].path;
                let word = Evidence::new(EvidenceKind::Copied, format!("{agent} copied it here from {path}"));
                let told = |(len, owner)| (len, self.ledger.book.copied(owner, &word));
                found.push((bytes, there.into_iter().map(told).collect()));
            }
        }
        found
    }
}
