//! Identities: who sent it, what it is about, and where it stands in the order.
//!
//! Every id is written as a string in every encoding (see the crate header). Absent on purpose: ids that carry
//! order. A UUIDv7 begins with a time, but only a [`Stamp`] orders events.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Text that should have been an id and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}: {found:?}")]
pub struct ParseIdError {
    expected: &'static str,
    found: String,
}

impl ParseIdError {
    fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.chars().take(80).collect() }
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(into = "String", try_from = "String")]
        #[schemars(with = "Uuid")]
        pub struct $name(Uuid);

        impl $name {
            /// Mints a fresh UUIDv7.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Wraps an id minted elsewhere.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as a UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError::new("a UUID", text))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

uuid_id! {
    /// One start of one process that reports to the hub. Its fact numbers begin at 1 and have no gaps.
    ProducerId
}
uuid_id! {
    /// One incarnation of an actor at work: an editor window, an agent's conversation in a worktree.
    SessionId
}
uuid_id! {
    /// Identity of one event of the log, for dedupe and reference; it says nothing about order.
    EventId
}
uuid_id! {
    /// Identity of one edit group: the edits sealed into one event (or into numbered parts of one).
    GroupId
}
uuid_id! {
    /// A repository, minted once in its common git folder (`codi2/repository`).
    RepositoryId
}
uuid_id! {
    /// A machine and user: minted once in the state folder.
    HostId
}

/// BLAKE3 of bytes, written as 64 lower-case hexadecimal digits. Of a file: the bytes on disk. Of a buffer: its text
/// as UTF-8 with the line ends as the editor reports them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct Digest([u8; 32]);

impl Digest {
    /// Wraps the 32 bytes of a hash.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 8 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl FromStr for Digest {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let fail = || ParseIdError::new("a BLAKE3 digest of 64 hexadecimal digits", text);
        Ok(Self(unhex(text).ok_or_else(fail)?))
    }
}

impl TryFrom<String> for Digest {
    type Error = ParseIdError;
    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

/// Exactly `N` bytes from exactly `2 N` lower- or upper-case hexadecimal digits.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

/// The place of an event in the log: the only thing that orders events.
///
/// Incarnation first (raised when a store is copied or restored, so that nothing reorders), then the 12 bytes of a
/// FoundationDB versionstamp with user version (8 bytes commit, 2 batch, 2 order inside the transaction). Written
/// `<incarnation>-<24 hexadecimal digits>`; text order of equal incarnations is log order. `tail --from` takes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]+-[0-9a-f]{24}$"))]
pub struct Stamp {
    /// Raised by one whenever the log moves to another store.
    pub incarnation: u64,
    /// The 12-byte versionstamp.
    pub bytes: [u8; 12],
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.incarnation)?;
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stamp({self})")
    }
}

impl FromStr for Stamp {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let fail = || ParseIdError::new("a stamp such as 0-000000000000000000010000", text);
        let (incarnation, hex) = text.split_once('-').ok_or_else(fail)?;
        let bytes = unhex(hex).ok_or_else(fail)?;
        Ok(Self { incarnation: incarnation.parse().map_err(|_| fail())?, bytes })
    }
}

impl TryFrom<String> for Stamp {
    type Error = ParseIdError;
    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> String {
        stamp.to_string()
    }
}

/// A worktree: its repository and git's own name for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct WorktreeId {
    /// The repository that all its worktrees share.
    pub repository: RepositoryId,
    /// Git's name of a linked worktree; empty for the main one (and for a plain folder).
    pub name: String,
}

/// A file of a worktree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct FileId {
    /// Where the file lies.
    pub worktree: WorktreeId,
    /// Path below the worktree's root, `/` between names, no leading `/`, no `..`. Bytes that are not UTF-8 are
    /// written `%XX`, and `%` itself `%25`.
    pub path: String,
}
