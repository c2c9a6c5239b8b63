//! Which keys exist. `docs/store-layout.md` describes each; a test compares it with [`SPACES`].
//!
//! Keys are FoundationDB tuples: layout version, space, parts. Lists in log order end in incarnation and versionstamp.
//! Absent on purpose: values (`append`, `rows`), queries.

use std::borrow::Cow;
use std::fmt;

use codi2_protocol::{Digest, EventId, GroupId, HostId, ProducerId, RepositoryId, SessionId, Stamp};
use foundationdb_tuple::{Bytes, Element, TuplePack, Versionstamp, pack, unpack};
use uuid::Uuid;

use crate::error::StoreError;

/// Version of the layout; also the first element of every key but the root row's.
pub const LAYOUT: u32 = 3;

/// One space of keys: its name, what follows the name in the key, what the value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Second element of the key.
    pub name: &'static str,
    /// The elements after the name.
    pub key: &'static str,
    /// The value.
    pub value: &'static str,
}

macro_rules! spaces {
    ($($name:literal, $key:literal, $value:literal;)*) => {
        /// Every space, as documented.
        pub const SPACES: &[Space] = &[$(Space { name: $name, key: $key, value: $value }),*];
    };
}

spaces! {
    "e", "incarnation, stamp", "event";
    "i", "event id", "stamp; incarnation, order";
    "s", "session, incarnation, stamp", "nothing";
    "f", "path, incarnation, stamp", "nothing";
    "a", "actor kind or name, incarnation, stamp", "nothing";
    "k", "kind, incarnation, stamp", "nothing";
    "t", "minute", "stamp; incarnation, order, event id";
    "m", "name", "number";
    "c", "name", "counter";
    "p", "producer", "seq";
    "h", "host, hour, hook id", "at_ms";
    "b", "host, lane", "stamp; run";
    "head", "", "stamp; incarnation, order";
    "fence", "repository", "number";
    "queue", "name, incarnation, stamp", "item";
    "owners", "repository, path, digest, chunk", "chunk of a hub value";
    "disk", "repository, host, worktree, path, chunk", "chunk of a hub value";
    "branch", "session, path, chunk", "chunk of a hub value";
    "worktree", "repository, host, worktree, chunk", "chunk of a hub value";
    "session", "session, chunk", "chunk of a hub value";
    "heartbeat", "session, chunk", "chunk of a hub value";
    "upgrade", "event id, chunk", "chunk of a hub value";
    "call", "host, hook id, chunk", "chunk of a hub value";
    "hub", "host, chunk", "chunk of a hub value";
    "join", "origin, commit, chunk", "chunk of a hub value";
    "joined", "repository, chunk", "chunk of a hub value";
    "meta", "name, chunk", "chunk of a hub value";
}

/// The spaces of the hub's own rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subspace {
    /// (repository, path lineage, content digest): the owners of a content.
    Owners,
    /// (repository, host, worktree name, path): what was last seen on disk.
    Disk,
    /// (session, path): an open buffer's branch.
    Branch,
    /// (repository, host, worktree name): what is known of a worktree.
    Worktree,
    /// (session): a session.
    Session,
    /// (session): its last sign of life.
    Heartbeat,
    /// (event): how an unexplained event was explained later.
    Upgrade,
    /// (host, hook): an agent's call that has begun and not ended.
    Call,
    /// (host): a hub's last sign of life.
    Hub,
    /// (origin, first commit): the repository under whose id those that share both keep what they share.
    Join,
    /// (repository): the id under which it shares.
    Joined,
    /// (name): whatever the hub keeps once.
    Meta,
}

impl Subspace {
    /// Every subspace.
    pub const ALL: [Self; 12] = [
        Self::Owners,
        Self::Disk,
        Self::Branch,
        Self::Worktree,
        Self::Session,
        Self::Heartbeat,
        Self::Upgrade,
        Self::Call,
        Self::Hub,
        Self::Join,
        Self::Joined,
        Self::Meta,
    ];

    /// The name in the key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owners => "owners",
            Self::Disk => "disk",
            Self::Branch => "branch",
            Self::Worktree => "worktree",
            Self::Session => "session",
            Self::Heartbeat => "heartbeat",
            Self::Upgrade => "upgrade",
            Self::Call => "call",
            Self::Hub => "hub",
            Self::Join => "join",
            Self::Joined => "joined",
            Self::Meta => "meta",
        }
    }

    /// How many parts a row's key has.
    pub const fn parts(self) -> usize {
        match self {
            Self::Disk => 4,
            Self::Owners | Self::Worktree => 3,
            Self::Branch | Self::Call | Self::Join => 2,
            Self::Session | Self::Heartbeat | Self::Upgrade | Self::Hub | Self::Joined | Self::Meta => 1,
        }
    }
}

/// One element of a row's key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part<'a> {
    /// Text: a path, a name.
    Text(Cow<'a, str>),
    /// Bytes: a digest.
    Bytes(Cow<'a, [u8]>),
    /// A number.
    Number(i64),
    /// An id.
    Id(Uuid),
}

impl Part<'_> {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The id, if it is one.
    pub fn id(&self) -> Option<Uuid> {
        if let Self::Id(id) = self { Some(*id) } else { None }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<i64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// The digest, if it is 32 bytes.
    pub fn digest(&self) -> Option<Digest> {
        if let Self::Bytes(bytes) = self { <[u8; 32]>::try_from(&bytes[..]).ok().map(Digest::new) } else { None }
    }

    fn element(&self) -> Element<'_> {
        match self {
            Self::Text(text) => Element::String(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Element::Bytes(Bytes(Cow::Borrowed(bytes))),
            Self::Number(number) => Element::Int(*number),
            Self::Id(id) => Element::Uuid(*id),
        }
    }

    fn of(element: Element<'_>) -> Option<Part<'static>> {
        Some(match element {
            Element::String(text) => Part::Text(Cow::Owned(text.into_owned())),
            Element::Bytes(bytes) => Part::Bytes(Cow::Owned(bytes.into_owned())),
            Element::Int(number) => Part::Number(number),
            Element::Uuid(id) => Part::Id(id),
            _ => return None,
        })
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Number(number) => write!(f, "{number}"),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}

impl<'a> From<&'a str> for Part<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Part<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a [u8]> for Part<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }
}

impl<'a> From<&'a Digest> for Part<'a> {
    fn from(digest: &'a Digest) -> Self {
        Self::Bytes(Cow::Borrowed(digest.bytes()))
    }
}

impl From<i64> for Part<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

macro_rules! part_of_id {
    ($($id:ty),*) => {$(
        impl From<$id> for Part<'_> {
            fn from(id: $id) -> Self {
                Self::Id(id.uuid())
            }
        }
    )*};
}

part_of_id!(EventId, GroupId, HostId, ProducerId, RepositoryId, SessionId);

/// The root row: which layout, which incarnation. Its key holds no version, so that every program finds it.
pub(crate) fn root() -> Vec<u8> {
    pack(&(0_u32, "codi2"))
}

/// A space, or one with its first parts.
pub(crate) fn space<T: TuplePack>(name: &str, parts: &T) -> Vec<u8> {
    let mut key = pack(&(LAYOUT, name));
    key.extend(pack(parts));
    key
}

/// A space without parts.
pub(crate) fn single(name: &str) -> Vec<u8> {
    pack(&(LAYOUT, name))
}

/// What a list's keys have before the stamp.
pub(crate) fn before_stamp(list: &[u8], incarnation: u64) -> Vec<u8> {
    let mut key = list.to_vec();
    key.extend(pack(&incarnation));
    // The type code of a versionstamp in a tuple.
    key.push(0x33);
    key
}

/// The key of a stamp in a list.
pub(crate) fn in_list(list: &[u8], stamp: &Stamp) -> Vec<u8> {
    let mut key = list.to_vec();
    key.extend(pack(&(stamp.incarnation, Versionstamp::from(stamp.bytes))));
    key
}

/// The stamp at the end of a list's key.
pub(crate) fn stamp_in(list: &[u8], key: &[u8]) -> Option<Stamp> {
    let (incarnation, stamp) = unpack::<(u64, Versionstamp)>(key.strip_prefix(list)?).ok()?;
    Some(Stamp { incarnation, bytes: *stamp.as_bytes() })
}

/// The name of a key's space; none for a key of another layout, or none of ours.
pub(crate) fn space_of(key: &[u8]) -> Option<String> {
    let elements = unpack::<Vec<Element<'_>>>(key).ok()?;
    let (layout, name) = (elements.first()?.as_i64()?, elements.get(1)?.as_str()?);
    (layout == i64::from(LAYOUT)).then(|| name.to_owned())
}

/// The parts of a key of a space.
pub(crate) fn parts<'a, T: foundationdb_tuple::TupleUnpack<'a>>(key: &'a [u8], space: &str) -> Option<T> {
    unpack(key.strip_prefix(&single(space)[..])?).ok()
}

/// A list's key without and with its stamp.
pub(crate) fn split_list(key: &[u8]) -> Option<(Vec<u8>, Stamp)> {
    let elements = unpack::<Vec<Element<'_>>>(key).ok()?;
    let [.., incarnation, Element::Versionstamp(stamp)] = &elements[..] else { return None };
    let stamp = Stamp { incarnation: u64::try_from(incarnation.as_i64()?).ok()?, bytes: *stamp.as_bytes() };
    let length = in_list(&[], &stamp).len();
    Some((key[..key.len() - length].to_vec(), stamp))
}

/// From a key's first descendant to after its last.
pub(crate) fn below(key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    ([key, &[0x00]].concat(), [key, &[0xff]].concat())
}

/// The key of a hub row, without its chunk number.
pub(crate) fn row(space: Subspace, parts: &[Part<'_>]) -> Result<Vec<u8>, StoreError> {
    if parts.len() != space.parts() {
        let (name, wanted, found) = (space.name(), space.parts(), parts.len());
        return Err(StoreError::Shape(format!("a key of {name} has {wanted} parts, not {found}")));
    }
    Ok(row_prefix(space, parts))
}

/// The beginning of hub rows' keys.
pub(crate) fn row_prefix(space: Subspace, parts: &[Part<'_>]) -> Vec<u8> {
    let mut key = single(space.name());
    for part in parts {
        key.extend(pack(&part.element()));
    }
    key
}

/// The key of one chunk.
pub(crate) fn chunk(row: &[u8], number: u32) -> Vec<u8> {
    let mut key = row.to_vec();
    key.extend(pack(&number));
    key
}

/// Parts, length of the row's key and chunk number of a chunk's key.
pub(crate) fn split_chunk(space: Subspace, key: &[u8]) -> Option<(Vec<Part<'static>>, usize, u32)> {
    let mut elements = unpack::<Vec<Element<'_>>>(key.strip_prefix(&single(space.name())[..])?).ok()?;
    let number = u32::try_from(elements.pop()?.as_i64()?).ok()?;
    let parts = elements.into_iter().map(Part::of).collect::<Option<Vec<_>>>()?;
    (parts.len() == space.parts()).then(|| (parts, key.len() - pack(&number).len(), number))
}

/// A key for people.
pub(crate) fn describe(key: &[u8]) -> String {
    let text = match unpack::<Vec<Element<'_>>>(key) {
        Ok(elements) => format!("{elements:?}"),
        Err(_) => format!("{key:02x?}"),
    };
    text.chars().take(300).collect()
}
