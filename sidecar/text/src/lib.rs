//! codi2-text
