//! Secrets in free text: what looks like one gives way to a placeholder that names the rule, the length and a keyed
//! hash, such as `[redacted:aws-access-key-id:20:1f3a9c04]`.
//!
//! Always: time grows with the length of the text alone; what goes in as UTF-8 comes out as UTF-8; redacting twice
//! changes nothing; equal secrets under one key have equal placeholders. Never: that nothing is missed. The rules know
//! the forms of tokens and the names that secrets are assigned to; a secret without either passes.
//!
//! Absent on purpose: where texts come from (the two doors call this), files, clocks, and any reversal.

mod assignment;
mod bytes;
mod entropy;
mod keywords;
mod placeholder;
mod rule;
mod rules;
mod scan;
mod structures;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use scan::Depth;

/// Redacts texts under one key.
#[derive(Clone)]
pub struct Redactor {
    key: Option<[u8; 32]>,
}

impl Redactor {
    /// A redactor whose placeholders carry a hash keyed by the hub's secret; without one they carry none.
    pub fn new(secret: Option<&[u8; 32]>) -> Self {
        // Derived, so that no placeholder says anything about other hashes under the same secret.
        Self { key: secret.map(|secret| blake3::derive_key("codi2 2026 redaction placeholders", secret)) }
    }

    /// Words: every rule applies.
    pub fn words<'t>(&self, text: &'t str) -> Cow<'t, str> {
        scan::redact(text, Depth::All, self.key.as_ref())
    }

    /// A path: only rules that know a token by its own form. What names and values in a path look like says nothing.
    pub fn path<'t>(&self, path: &'t str) -> Cow<'t, str> {
        scan::redact(path, Depth::Tokens, self.key.as_ref())
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

/// Whether this path holds a token or, because it passed a door, a token's placeholder.
pub fn holds_token(path: &str) -> bool {
    placeholder::next(path, 0).is_some() || scan::holds(path, Depth::Tokens)
}

/// The names of all rules, each once.
pub fn rules() -> Vec<&'static str> {
    rules::all().map(|rule| rule.id).collect()
}
