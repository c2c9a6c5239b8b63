//! The real hub under faults: killed, without room, without descriptors, with failing syncs, on a damaged store. What it
//! acknowledged is in the log, once; what is wrong is said in words; it goes on by itself.
//!
//! With `CODI2_SOAK` set these run in the full counts of docs/reliability.md, and print them. Absent on purpose: faults
//! below the store, which are tested in memory (`sidecar/store/src/file/tests`).

mod damage;
mod descriptors;
mod full_disk;
mod kills;
mod load;
mod syncs;
