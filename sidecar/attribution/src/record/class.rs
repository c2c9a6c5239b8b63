//! How sure the author of a line is.

use codi2_protocol::{ActorKind, Class, Owner};

/// How sure an author is. Of what git brought none is known, however surely it was git that brought it.
pub(crate) fn class_of(owner: &Owner) -> Class {
    if owner.verdict.origin.kind == ActorKind::Git { Class::Unknown } else { owner.verdict.class }
}

/// How sure the author of a line is of whose non-blank text these are the owners: as sure as the least sure part. What
/// nobody saw another write into it leaves the line its author, but no surer than carried.
pub fn class_of_line<'a>(owner: &Owner, parts: impl IntoIterator<Item = &'a Owner>) -> Class {
    let least = parts.into_iter().map(|part| part.verdict.class).max().unwrap_or(owner.verdict.class);
    owner.verdict.class.max(least.min(Class::Carried))
}
