//! codi2-tests
