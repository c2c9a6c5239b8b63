//! What hover says: who wrote the text under the cursor, how sure that is, why, and when; and who else has a part in
//! the line. Text from outside is escaped: a name is not markup.

use codi2_protocol::{Actor, EvidenceKind, Owner};
use codi2_text::{Position, lines};

use super::Session;
use super::owners::Known;

/// Reasons shown, at most.
const REASONS: usize = 4;

/// Markdown for a range of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoverText {
    /// What to show.
    pub markdown: String,
    /// The run of text it is about.
    pub range: (Position, Position),
}

impl Session {
    /// Who wrote the text at a position; `when` writes times for people. `None` where nothing is recorded.
    pub fn hover(&self, uri: &str, position: Position, when: &dyn Fn(u64) -> String) -> Option<HoverText> {
        let document = self.documents.get(uri)?;
        let encoding = self.window.encoding;
        let len = document.text.len_bytes();
        // At the very end there is no byte under the cursor: the last one speaks.
        let at = document.offset(position, encoding).min(len.checked_sub(1)?);
        let owner = document.owners.at(at)?;
        let mut start = 0;
        let mut run = 0..0;
        for (length, _) in document.owners.tree().iter() {
            if at < start + length {
                run = start..start + length;
                break;
            }
            start += length;
        }
        let mut markdown = describe(self.table.get(owner), when);
        if document.unsynced.is_some() {
            markdown.push_str("\n\n*The text here may differ from the editor's; the answer may be off.*");
        }
        let line = document.text.line_of(at);
        let view = document.text.line_start(line)..document.text.line_start(line + 1);
        let piece = codi2_text::Text::new(&document.text.slice(view.clone()));
        if let Some(line) = lines(&piece, document.owners.tree().spans(view)).first()
            && let Some(second) = line.second
        {
            let other = if line.owner == owner { second } else { line.owner };
            markdown.push_str(&format!("\n\nAlso in this line: {}", short(self.table.get(other))));
        }
        let range = (document.text.position(run.start, encoding), document.text.position(run.end, encoding));
        Some(HoverText { markdown, range })
    }
}

fn describe(known: &Known, when: &dyn Fn(u64) -> String) -> String {
    match known {
        Known::Loading => "**codi2**: who wrote this is still loading".to_owned(),
        Known::NoAnswer => "**codi2**: unknown who wrote this (the hub has no answer)".to_owned(),
        Known::Provisional { at_ms, declared } => {
            let declared = declared.as_ref().map(|words| format!(", the editor says: {}", escape(words)));
            format!(
                "**edited in this window**, not judged yet{}  \nwhen: {}",
                declared.unwrap_or_default(),
                when(*at_ms)
            )
        }
        Known::Judged(owner) => judged(owner, when),
    }
}

fn judged(owner: &Owner, when: &dyn Fn(u64) -> String) -> String {
    let verdict = &owner.verdict;
    let mut text = format!("**{}**  \nclass: {}", actor(&verdict.origin), verdict.class);
    for evidence in verdict.evidence.iter().take(REASONS) {
        let kind = kind(evidence.kind);
        let detail = if evidence.detail.is_empty() { String::new() } else { format!(": {}", escape(&evidence.detail)) };
        text.push_str(&format!("  \nwhy: {kind}{detail}"));
    }
    if let Some(modifier) = &verdict.modifier {
        text.push_str(&format!("  \nlast changed by: {}", actor(modifier)));
    }
    if let Some(acceptor) = &verdict.acceptor {
        text.push_str(&format!("  \naccepted by: {}", actor(acceptor)));
    }
    let at = owner.at_ms.map_or_else(|| "not seen by codi2".to_owned(), when);
    text.push_str(&format!("  \nwhen: {at}"));
    text
}

/// The name of a kind of evidence on the wire and in every output.
fn kind(kind: EvidenceKind) -> String {
    let name = serde_json::to_value(kind).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_else(|| "other".to_owned())
}

fn short(known: &Known) -> String {
    match known {
        Known::Loading => "loading".to_owned(),
        Known::NoAnswer => "unknown".to_owned(),
        Known::Provisional { .. } => "edited in this window, not judged yet".to_owned(),
        Known::Judged(owner) => {
            let why = owner.verdict.evidence.first().map(|evidence| kind(evidence.kind));
            format!("{} ({})", actor(&owner.verdict.origin), why.unwrap_or_else(|| owner.verdict.class.to_string()))
        }
    }
}

fn actor(actor: &Actor) -> String {
    let mut text = escape(&actor.to_string());
    let more = [("tool", &actor.tool), ("model", &actor.model), ("session", &actor.session)];
    let more =
        more.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {}", escape(value))));
    let more: Vec<String> = more.collect();
    if !more.is_empty() {
        text.push_str(&format!(" ({})", more.join(", ")));
    }
    for parent in actor.chain().skip(1) {
        text.push_str(&format!(" for {}", escape(&parent.to_string())));
    }
    text
}

/// Text from outside as plain Markdown text: marks escaped, control characters and line ends gone, cut to a length.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars().take(200) {
        match character {
            ' ' | '.' | ',' | ':' => escaped.push(character),
            '\n' | '\r' | '\t' => escaped.push(' '),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            // Marks that turn the direction of text round could make one name read as another.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            _ if character.is_ascii_punctuation() => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use codi2_protocol::{ActorKind, Class, KnownBy, Verdict};

    #[test]
    fn a_verdict_reads_as_who_class_why_when() {
        let mut verdict = Verdict::new(
            Actor { tool: Some("claude".to_owned()), ..Actor::named(ActorKind::Agent, "Bob *x*") },
            Class::Declared,
            EvidenceKind::EditorDeclared,
            "paste\nfrom <script>",
        );
        verdict.origin = verdict.origin.on_behalf_of(Actor::named(ActorKind::Person, "Eve"), KnownBy::GitIdentity);
        verdict.acceptor = Some(Actor::named(ActorKind::Person, "Ada"));
        let owner = Owner { verdict, at_ms: Some(60_000), event: None };
        let text = describe(&Known::Judged(owner), &|ms| format!("at {ms}"));
        let expected = "**agent Bob \\*x\\* (tool claude) for person Eve**  \nclass: declared  \nwhy: editor-declared: paste from \
                        \\<script\\>  \naccepted by: person Ada  \nwhen: at 60000";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_not_known_is_said() {
        let none = |_: u64| String::new();
        assert!(describe(&Known::Loading, &none).contains("loading"));
        assert!(describe(&Known::NoAnswer, &none).contains("unknown"));
        assert!(describe(&Known::Judged(Owner::before_codi2()), &none).contains("first saw the file"));
    }
}
