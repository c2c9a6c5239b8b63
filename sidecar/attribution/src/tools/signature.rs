//! What a commit says of who made it, and whether it bears a mark. Absent on purpose: reading commits.

use super::document::CommitMark;
use super::words::Match;

/// What a commit says of who made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// The author's name.
    pub author: String,
    /// The author's address.
    pub author_email: String,
    /// The committer's name.
    pub committer: String,
    /// The committer's address.
    pub committer_email: String,
    /// The message.
    pub message: String,
    /// The branch, where it is known.
    pub branch: Option<String>,
}

impl Signature {
    fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The lines of the last paragraph, unless it is the subject's.
    fn trailers(&self) -> impl Iterator<Item = &str> {
        self.paragraphs(1)
    }

    /// The lines of the last paragraphs, at most so many, without the subject's.
    fn paragraphs(&self, last: usize) -> impl Iterator<Item = &str> {
        let paragraphs: Vec<&str> = self.message.split("\n\n").skip(1).filter(|text| !text.trim().is_empty()).collect();
        let first = paragraphs.len().saturating_sub(last);
        paragraphs.into_iter().skip(first).flat_map(str::lines).map(str::trim)
    }
}

/// Whether a commit bears this mark.
pub(super) fn signs(mark: &CommitMark, commit: &Signature) -> bool {
    let value = mark.value.as_str();
    let same = |text: &str| match mark.r#match {
        Match::Exact => text.eq_ignore_ascii_case(value),
        Match::Suffix => text.to_ascii_lowercase().ends_with(&value.to_ascii_lowercase()),
        Match::Prefix => text.get(..value.len()).is_some_and(|start| start.eq_ignore_ascii_case(value)),
        Match::LineContains | Match::Contains => text.contains(value),
        Match::TrailerEmail => address(text).is_some_and(|found| found.eq_ignore_ascii_case(value)),
        Match::Login => login(text) == Some(value),
        _ => false,
    };
    match mark.kind.as_str() {
        // A name beside an address may be anything: the address counts.
        "trailer" => commit.trailers().any(|line| {
            same(line) || mark.r#match == Match::Exact && address(value).is_some() && address(line) == address(value)
        }),
        "footer" => commit.paragraphs(2).any(same),
        "author-name" => same(&commit.author),
        "author-email" | "author-login" => same(&commit.author_email),
        "committer-name" => same(&commit.committer),
        "committer-email" => same(&commit.committer_email),
        "subject" => same(commit.subject()),
        "branch" => commit.branch.as_deref().is_some_and(same),
        // Notes and what stands on a forge's page are not in the commit.
        _ => false,
    }
}

/// The address in angle brackets at the end of a line.
pub(super) fn address(line: &str) -> Option<&str> {
    line.trim_end().strip_suffix('>')?.rsplit_once('<').map(|(_, address)| address)
}

/// The login in an address that GitHub made up, or a plain one.
fn login(email: &str) -> Option<&str> {
    let (name, _) = email.split_once("@users.noreply.github.com").unwrap_or((email, ""));
    Some(name.rsplit('+').next().unwrap_or(name))
}
