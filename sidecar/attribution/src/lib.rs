//! codi2-attribution
