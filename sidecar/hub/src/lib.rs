//! codi2-hub
