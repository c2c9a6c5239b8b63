//! The line view of a file's owners, as `blame` prints it. Pure.
//!
//! The JSON is a contract: `{"file","lines":[{"line","owner":{"kind","name","tool","model","session"},"class","mixed",
//! "evidence":[{"kind","detail"}]}]}`, absent values null. Absent on purpose: the text of the lines in JSON.

use codi2_protocol::{Class, Evidence, Owner, OwnersReply};
use codi2_text::Text;
use serde::Serialize;

/// Owners of all lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// Path below the worktree's root.
    pub file: String,
    /// One for each line.
    pub lines: Vec<Line>,
}

/// The owner of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// From 1.
    pub line: usize,
    /// Who.
    pub owner: LineOwner,
    /// How sure.
    pub class: Class,
    /// Whether a second owner has at least 20 % of the line's non-blank bytes.
    pub mixed: bool,
    /// Why.
    pub evidence: Vec<Evidenced>,
    /// When it was written (ms since the Unix epoch); not in the JSON.
    #[serde(skip)]
    pub at_ms: Option<u64>,
}

/// The owner as the JSON has it: every key there, absent values null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineOwner {
    /// person, completion, agent, orchestrator, tool, git, external or unknown.
    pub kind: &'static str,
    /// Name, where somebody can be named.
    pub name: Option<String>,
    /// The tool acting, where it is not the name itself.
    pub tool: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The tool's own name for the conversation.
    pub session: Option<String>,
}

/// A reason, with its words always there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidenced {
    kind: codi2_protocol::EvidenceKind,
    detail: String,
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
pub fn view(file: &str, text: &Text, reply: &OwnersReply) -> Result<View, Mismatch> {
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
    let lines = codi2_text::lines_by(text, spans, key);
    let lines = lines.into_iter().enumerate().map(|(at, line)| {
        let Owner { verdict, at_ms, .. } = &reply.owners[line.owner as usize];
        let origin = &verdict.origin;
        Line {
            line: at + 1,
            owner: LineOwner {
                kind: origin.kind.as_str(),
                name: Some(origin.name.clone()).filter(|name| !name.is_empty()),
                tool: origin.tool.clone(),
                model: origin.model.clone(),
                session: origin.session.clone(),
            },
            class: verdict.class,
            mixed: line.mixed,
            evidence: verdict.evidence.iter().map(Evidenced::of).collect(),
            at_ms: *at_ms,
        }
    });
    Ok(View { file: file.to_owned(), lines: lines.collect() })
}

impl Evidenced {
    fn of(evidence: &Evidence) -> Self {
        Self { kind: evidence.kind, detail: evidence.detail.clone() }
    }

    /// In a few words.
    pub fn words(&self) -> &'static str {
        crate::cli::feed::evidence(self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codi2_protocol::{Actor, ActorKind, Digest, EvidenceKind, Span, Verdict};

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
            format!(r#"{{"line":{line},"owner":{owner},"class":"{class}","mixed":{mixed},"evidence":[{evidence}]}}"#)
        };
        let ada = r#"{"kind":"person","name":"Ada <ada@x>","tool":null,"model":null,"session":null}"#;
        let agent = r#"{"kind":"agent","name":"claude","tool":null,"model":"m1","session":"c1"}"#;
        let nobody = |kind: &str| format!(r#"{{"kind":"{kind}","name":null,"tool":null,"model":null,"session":null}}"#);
        let keys = r#"{"kind":"keystrokes","detail":""}"#;
        let lines = [
            line(1, ada, "inferred", false, keys),
            line(2, ada, "inferred", false, keys),
            line(3, agent, "exact", true, r#"{"kind":"intent-exact","detail":"agent-v1"}"#),
            line(
                4,
                &nobody("unknown"),
                "unknown",
                false,
                r#"{"kind":"before-codi2","detail":"the line is older than codi2"}"#,
            ),
            line(5, &nobody("external"), "unknown", false, r#"{"kind":"disk-change","detail":"nobody announced it"}"#),
        ];
        assert_eq!(json, format!(r#"{{"file":"src/a b.rs","lines":[{}]}}"#, lines.join(",")));
    }

    #[test]
    fn one_person_in_two_minutes_is_not_mixed() {
        let text = Text::new("aaaabbbb\n");
        let lines = view("f", &text, &reply(&[(4, 0), (5, 1)], vec![ada(0), ada(60_000)])).unwrap().lines;
        assert!(!lines[0].mixed);
        let lines = view("f", &text, &reply(&[(4, 0), (5, 1)], vec![ada(0), agent()])).unwrap().lines;
        assert!(lines[0].mixed);
    }

    #[test]
    fn a_reply_that_does_not_fit_is_refused() {
        let text = Text::new("abc\n");
        assert_eq!(view("f", &text, &reply(&[(3, 0)], vec![agent()])), Err(Mismatch::Length { covered: 3, bytes: 4 }));
        assert_eq!(view("f", &text, &reply(&[(4, 1)], vec![agent()])), Err(Mismatch::NoSuchOwner(1)));
        assert_eq!(view("f", &Text::new(""), &reply(&[], vec![])).unwrap().lines, []);
    }
}
