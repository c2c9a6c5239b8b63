//! codi2-store
