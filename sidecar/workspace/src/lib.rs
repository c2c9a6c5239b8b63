//! codi2-workspace
