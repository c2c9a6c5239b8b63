//! Bytes as texts: what was found, and what git's explanation has.

use codi2_protocol::Digest;
use codi2_text::Text;
use codi2_workspace::{Content as Found, GitExplanation};

use crate::known::{Content, Known};

/// The index has moved on with the file: git's explanation has the text that it gave before.
pub(super) fn give_text(before: &mut Known, git: &GitExplanation) {
    let texts = || git.sources.iter().filter_map(|source| decode_text(source));
    if before.text().is_none()
        && let Some(text) = texts().find(|text| Digest::new(text.digest()) == before.digest)
    {
        before.content = Content::Text(text);
    }
}

/// The text of what was found, if it is text.
pub(super) fn text_of(content: &Found) -> Option<Text> {
    match content {
        Found::Bytes { bytes, .. } => decode_text(bytes),
        Found::Gone | Found::Large { .. } | Found::Binary { .. } => None,
    }
}

/// Bytes as text; none if they are not text.
pub(crate) fn decode_text(bytes: &[u8]) -> Option<Text> {
    let decoded = codi2_workspace::decode(bytes);
    (decoded.encoding != codi2_workspace::Encoding::Binary).then(|| Text::new(&decoded.text))
}
