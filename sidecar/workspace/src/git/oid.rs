//! The names of git's objects.

use std::fmt;

/// A git object's name: SHA-1 or SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    bytes: [u8; 32],
    len: u8,
}

impl Oid {
    pub(crate) fn from_bytes(raw: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        bytes.get_mut(..raw.len())?.copy_from_slice(raw);
        (raw.len() == 20 || raw.len() == 32).then_some(Self { bytes, len: u8::try_from(raw.len()).ok()? })
    }

    /// Reads a whole name in hexadecimal.
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 40 && digits.len() != 64 {
            return None;
        }
        let raw: Option<Vec<u8>> =
            digits.chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
        Self::from_bytes(&raw?)
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The all-zero name that reflogs write for "nothing".
    pub(crate) fn is_zero(&self) -> bool {
        self.raw().iter().all(|byte| *byte == 0)
    }

    /// The SHA-1 name of a blob.
    pub fn of_blob(bytes: &[u8]) -> Option<Self> {
        let oid = git2::Oid::hash_object(git2::ObjectType::Blob, bytes).ok()?;
        Self::from_bytes(oid.as_bytes())
    }

    /// Whether this names a blob of exactly these bytes. SHA-256 names are never recognised: the crate has no SHA-256.
    pub(crate) fn is_blob_of(&self, bytes: &[u8]) -> bool {
        self.len == 20 && Self::of_blob(bytes) == Some(*self)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
