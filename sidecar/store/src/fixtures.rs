//! What the tests are written with.

use crate::engine::PageLimit;
use crate::error::StoreError;
use crate::overlay::Base;

/// A snapshot of nothing, which tells somebody what is read of it.
pub(crate) struct Empty<T>(pub(crate) T);

/// Whoever is told that a key is read, and may say that it cannot be.
pub(crate) trait Told {
    fn read(&self) -> Result<(), StoreError>;
}

impl Told for () {
    fn read(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl<T: Told> Base for Empty<T> {
    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read().map(|()| None)
    }

    fn visit(
        &self,
        _: &[u8],
        _: &[u8],
        _: bool,
        _: PageLimit,
        _: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}
