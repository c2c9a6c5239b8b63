//! Attribution: who wrote a change, how sure we are, and why. Evidence goes in, rulings come out.
//!
//! The ladder of the design (§5; `docs/architecture.md`) runs once, in the hub, and lives here: [`judge_group`] for the
//! edits of a buffer, [`judge_disk`] for a file that changed on disk. Both are functions of everything known at the
//! time; when more becomes known they are asked again, and [`DiskRuling::supersedes`] says whether the new answer is
//! worth an upgrade. Because an answer depends on the facts alone, facts may come in any order.
//!
//! [`tools`] is the other half: which AI tool acts, told from what it leaves in an environment or a commit. [`record`] is
//! what is known of a commit, as git's notes, exports and reports have it; [`report`] counts and judges it. [`sessions`]
//! finds the sessions that logs and transcripts name.
//!
//! Absent on purpose: clocks, files, sockets, the ledger. A ruling says "carry the owners known for this content", the
//! hub looks them up. And nothing here turns the absence of evidence into an author: what nobody announced is
//! `external` or `unknown`, class unknown, always.

mod buffer;
mod calls;
mod candidate;
mod disk;
mod moment;
mod open;
pub mod record;
pub mod report;
mod ruling;
mod rung;
pub mod sessions;
pub mod tools;
mod way;

pub use buffer::{BufferFacts, StateSeen, is_filter, is_import, judge_group, may_follow, may_restore};
pub use calls::{CALL_MS, Calls, Effect, FINISHED_MS, FINISHED_PER_FILE, Hook, Intent, OpenCall, Reading, Said};
pub use candidate::doubted;
pub use disk::{DiskFacts, DiskRuling, GitFact, Observed, Seen, Shares, Transition, judge_disk, said_lines, window};
pub use moment::Moment;
pub use open::{Change, OPEN_MS, OPEN_PER_FILE, OpenBook};
pub use ruling::{Carried, GroupRuling, RestoreKind, Ruling, Run};
pub use rung::{Rung, stronger};

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod properties;
