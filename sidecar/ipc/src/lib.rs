//! codi2-ipc
