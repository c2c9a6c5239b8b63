//! The line view of a file's owners, as `blame` prints it. Pure.
//!
//! The JSON is a contract: `{"file","lines":[{"line","owner","class","mixed","evidence","commit"}]}`, the owner as
//! [`Owned`] has it. Absent on purpose: the text of the lines in JSON.

use anyhow::Result;
use codi2_attribution::record::class_of_line;
use codi2_attribution::report::Known;
use codi2_protocol::OwnersReply;
use codi2_text::{OwnerTree, Text};
use codi2_workspace::past::{Blamed, BlamedLine};
use codi2_workspace::shown;
use serde::Serialize;

use crate::cli::owned::Owned;
use crate::cli::records::Records;
use crate::noted;

/// Owners of all lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// Path below the root, as people write it.
    pub file: String,
    /// One for each line.
    pub lines: Vec<Line>,
}

/// The owner of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// From 1.
    pub line: usize,
    /// Who, how sure, why.
    #[serde(flatten)]
    pub owned: Owned,
    /// The commit that the line came with, in hexadecimal; `None`: it is not committed.
    pub commit: Option<String>,
}

/// A reply that does not fit the text: the hub and this program disagree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The spans cover another number of bytes.
    #[error("the hub's owners cover {covered} bytes, the text has {bytes}")]
    Length {
        /// Bytes covered.
        covered: u64,
        /// Bytes there are.
        bytes: usize,
    },
    /// A span points to nobody.
    #[error("the hub's owners name owner {0}, which is not in the list")]
    NoSuchOwner(u32),
}

/// The view of a text whose owners the hub gave.
pub fn view(file: &str, text: &Text, reply: &OwnersReply) -> std::result::Result<View, Mismatch> {
    let bytes = text.len_bytes();
    let covered = reply.spans.iter().map(|span| span.len).fold(0u64, u64::saturating_add);
    if covered != bytes as u64 {
        return Err(Mismatch::Length { covered, bytes });
    }
    if let Some(span) = reply.spans.iter().find(|span| span.owner as usize >= reply.owners.len()) {
        return Err(Mismatch::NoSuchOwner(span.owner));
    }
    // The lengths add up to the text's, so each fits.
    let spans = reply.spans.iter().map(|span| (span.len as usize, span.owner));
    // Two keystrokes of one person in two minutes are one owner to whoever reads a line.
    let key = |owner: &u32| &reply.owners[*owner as usize].verdict.origin;
    let lines = codi2_text::lines_by(text, spans.clone(), key);
    let tree = OwnerTree::from_spans(spans);
    let mut from = 0;
    let lines = lines.into_iter().zip(text.line_lengths()).enumerate().map(|(at, (line, len))| {
        let owner = &reply.owners[line.owner as usize];
        let parts = solid_parts(text, &tree, from, len);
        from += len;
        let parts = || parts.iter().filter(|_| !line.blank).map(|part| &reply.owners[*part as usize]);
        let is_mixed = parts().any(|part| part.verdict.origin != owner.verdict.origin);
        let class = class_of_line(owner, parts());
        Line { line: at + 1, owned: Owned { class, ..Owned::new(owner, is_mixed) }, commit: None }
    });
    Ok(View { file: shown(file).into_owned(), lines: lines.collect() })
}

/// Who owns anything of a line but its blanks.
fn solid_parts(text: &Text, tree: &OwnerTree<u32>, from: usize, len: usize) -> Vec<u32> {
    let mut at = from;
    let solid = tree.spans(from..from + len).into_iter().filter(|(len, _)| {
        at += len;
        text.slice(at - len..at).chars().any(|one| !one.is_whitespace())
    });
    solid.map(|(_, owner)| owner).collect()
}

/// The view of a file as a commit has it.
pub fn committed(file: &str, blamed: &Blamed, records: &Records<'_>) -> View {
    let line = |line: &BlamedLine| {
        let commit = blamed.commit(line);
        let record = commit.and_then(|commit| records.record(commit));
        let known = Known::of(record, blamed.path(line), line.original);
        Line { line: line.line as usize, owned: Owned::of(known), commit: commit.map(str::to_owned) }
    };
    View { file: shown(file).into_owned(), lines: blamed.lines.iter().map(line).collect() }
}

impl View {
    /// Names the commit of each committed line, given which of git's lines (from 0) each of ours begins on; and where the
    /// hub did not see a line written, says what its commit's record knows.
    ///
    /// # Errors
    /// Notes that cannot be read.
    pub fn overlay(&mut self, blamed: &Blamed, on: &[usize], records: &mut Records<'_>) -> Result<()> {
        let found = |at: &usize| {
            let line = blamed.lines.get(*at)?;
            Some((line, blamed.commit(line)?))
        };
        let found: Vec<Option<(&BlamedLine, &str)>> = on.iter().map(found).collect();
        let unseen = self.lines.iter().zip(&found).filter(|(line, _)| line.owned.is_unseen());
        records.fetch(unseen.filter_map(|(_, found)| Some(found.as_ref()?.1)))?;
        for (line, found) in self.lines.iter_mut().zip(found) {
            let Some((found, commit)) = found else { continue };
            line.commit = Some(commit.to_owned());
            if line.owned.is_unseen()
                && let Some(known) = noted::better(blamed, found, records)
            {
                line.owned = Owned::of(known);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codi2_protocol::{Actor, ActorKind, Class, Digest, EvidenceKind, Owner, Span, Verdict};

    fn reply(spans: &[(u64, u32)], owners: Vec<Owner>) -> OwnersReply {
        let spans = spans.iter().map(|&(len, owner)| Span { len, owner }).collect();
        OwnersReply { digest: Digest::new([0; 32]), spans, owners, text: None }
    }

    fn by(origin: Actor, class: Class, kind: EvidenceKind, detail: &str, at_ms: u64) -> Owner {
        Owner { verdict: Verdict::new(origin, class, kind, detail), at_ms: Some(at_ms), event: None }
    }

    fn ada(at_ms: u64) -> Owner {
        by(Actor::named(ActorKind::Person, "Ada <ada@x>"), Class::Inferred, EvidenceKind::Keystrokes, "", at_ms)
    }

    fn agent() -> Owner {
        let actor =
            Actor { model: Some("m1".into()), session: Some("c1".into()), ..Actor::named(ActorKind::Agent, "claude") };
        by(actor, Class::Exact, EvidenceKind::IntentExact, "agent-v1", 120_000)
    }

    #[test]
    fn the_json_is_the_contract() {
        let external = by(Actor::external(), Class::Unknown, EvidenceKind::DiskChange, "nobody announced it", 0);
        let text = Text::new("aaaa\n\nbbbbbbbb\nold\nx\n");
        let reply = reply(
            &[(6, 0), (6, 1), (3, 0), (4, 3), (2, 2)],
            vec![ada(60_000), agent(), external, Owner::before_codi2()],
        );
        let json = serde_json::to_string(&view("src/a b.rs", &text, &reply).unwrap()).unwrap();
        let line = |line: u32, owner: &str, class: &str, mixed: bool, evidence: &str| {
            format!(
                r#"{{"line":{line},"owner":{owner},"class":"{class}","mixed":{mixed},"evidence":[{evidence}],"commit":null}}"#
            )
        };
        let ada = r#"{"kind":"person","name":"Ada <ada@x>","tool":null,"model":null,"session":null,"parent":null,"parent_by":null}"#;
        let agent = r#"{"kind":"agent","name":"claude","tool":null,"model":"m1","session":"c1","parent":null,"parent_by":null}"#;
        let nobody = |kind: &str| {
            format!(
                r#"{{"kind":"{kind}","name":null,"tool":null,"model":null,"session":null,"parent":null,"parent_by":null}}"#
            )
        };
        let keys = r#"{"kind":"keystrokes","detail":""}"#;
        let lines = [
            line(1, ada, "inferred", false, keys),
            line(2, ada, "inferred", false, keys),
            line(3, agent, "inferred", true, r#"{"kind":"intent-exact","detail":"agent-v1"}"#),
            line(
                4,
                &nobody("unknown"),
                "unknown",
                false,
                r#"{"kind":"before-codi2","detail":"it stood there when codi2 first saw the file"}"#,
            ),
            line(5, &nobody("external"), "unknown", false, r#"{"kind":"disk-change","detail":"nobody announced it"}"#),
        ];
        assert_eq!(json, format!(r#"{{"file":"src/a b.rs","lines":[{}]}}"#, lines.join(",")));
    }

    #[test]
    fn one_person_in_two_minutes_is_not_mixed() {
        let text = Text::new("aaaabbbb\n");
        let lines = view("f", &text, &reply(&[(4, 0), (5, 1)], vec![ada(0), ada(60_000)])).unwrap().lines;
        assert!(!lines[0].owned.mixed);
        let lines = view("f", &text, &reply(&[(4, 0), (5, 1)], vec![ada(0), agent()])).unwrap().lines;
        assert!(lines[0].owned.mixed);
    }

    /// A stranger changed a word of an agent's line: it is the agent's, and nobody saw it become what it is.
    #[test]
    fn a_line_is_as_sure_as_its_least_sure_part() {
        let text = Text::new("  aaaaaaaab\n");
        let verdict = Verdict::new(Actor::external(), Class::Unknown, EvidenceKind::DiskChange, "");
        let external = Owner { verdict, at_ms: None, event: None };
        let shown = |spans: &[(u64, u32)]| {
            let lines = view("f", &text, &reply(spans, vec![agent(), external.clone()])).unwrap().lines;
            (lines[0].owned.owner.kind, lines[0].owned.class, lines[0].owned.mixed)
        };
        assert_eq!(shown(&[(12, 0)]), (ActorKind::Agent, agent().verdict.class, false));
        assert_eq!(shown(&[(10, 0), (2, 1)]), (ActorKind::Agent, Class::Carried, true));
        assert_eq!(shown(&[(2, 1), (9, 0), (1, 1)]), (ActorKind::Agent, agent().verdict.class, false), "blanks");
    }

    #[test]
    fn a_reply_that_does_not_fit_is_refused() {
        let text = Text::new("abc\n");
        assert_eq!(view("f", &text, &reply(&[(3, 0)], vec![agent()])), Err(Mismatch::Length { covered: 3, bytes: 4 }));
        assert_eq!(view("f", &text, &reply(&[(4, 1)], vec![agent()])), Err(Mismatch::NoSuchOwner(1)));
        assert_eq!(view("f", &Text::new(""), &reply(&[], vec![])).unwrap().lines, []);
    }
}
