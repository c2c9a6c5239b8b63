//! Which repositories are one: clones that share the normalised origin and the first commit, on whatever machine.
//!
//! Ids stay local: whatever is of one clone (its worktrees, its files on disk, its events) keeps its id. What is shared
//! (owners by content) is kept under the id of the clone that came first. Absent on purpose: looking at git.

use codi2_protocol::RepositoryId;
use codi2_store::{Row, Store, StoreError, Subspace};
use codi2_workspace::Lineage;

/// The id under which a repository shares, settled once for all hubs of the store.
///
/// # Errors
/// What the store says.
pub fn join(store: &Store, repository: RepositoryId, lineage: &Lineage) -> Result<RepositoryId, StoreError> {
    store.once(&mut |atomic| {
        let key = [repository.into()];
        if let Some(shared) = atomic.get(Subspace::Joined, &key)? {
            return Ok(shared);
        }
        let parts = [(&lineage.origin).into(), (&lineage.first).into()];
        let shared = match atomic.get(Subspace::Join, &parts)? {
            Some(shared) => shared,
            None => {
                atomic.write(&Row::set(Subspace::Join, &parts, &repository)?)?;
                repository
            }
        };
        atomic.write(&Row::set(Subspace::Joined, &key, &shared)?)?;
        Ok(shared)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use codi2_store::memory::Memory;

    use super::*;

    #[test]
    fn those_who_share_both_are_one_and_stay_so() {
        let store = Store::on(Arc::new(Memory::shared())).unwrap();
        let lineage = |origin: &str, first: &str| Lineage { origin: origin.into(), first: first.into() };
        let [one, two, three, four] = [(); 4].map(|()| RepositoryId::new());
        let ours = lineage("host/ours", "c1");
        assert_eq!(join(&store, one, &ours), Ok(one));
        assert_eq!(join(&store, two, &ours), Ok(one));
        assert_eq!(join(&store, three, &lineage("host/ours", "c2")), Ok(three), "another history");
        assert_eq!(join(&store, four, &lineage("host/fork", "c1")), Ok(four), "another origin");
        assert_eq!(join(&store, two, &lineage("host/fork", "c1")), Ok(one), "what was settled stays");
    }
}
