//! What processes of codi2 measure of themselves, as they tell it: distributions and counts. Nothing in it names a file,
//! a person or a text. Absent on purpose: the measuring (`codi2-histogram`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one process says of itself. Latest wins: each one holds everything since the process's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessStats {
    /// Which part it is, such as `hub` or `sidecar`.
    pub part: String,
    /// Its process id.
    pub pid: u32,
    /// What was measured, by name, such as `change` or `durable`.
    pub measured: Vec<Measured>,
    /// Counts since the start and present sizes, by name, such as `gaps` or `spool_bytes`.
    pub counts: Vec<Count>,
}

/// The distribution of one measured quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// What.
    pub name: String,
    /// `ns` for latencies, else what is counted, such as `entries`.
    pub unit: String,
    /// How many values.
    pub count: u64,
    /// Half of the values are not above this.
    pub p50: u64,
    /// 99 of 100 values are not above this.
    pub p99: u64,
    /// The largest value, exactly.
    pub max: u64,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// What.
    pub name: String,
    /// How many.
    pub value: u64,
}
