//! Recorded editing histories, typed once more by the real `codi2 replay`, and its report.

use std::ffi::OsStr;

use serde_json::Value;

use crate::{World, program, root};

/// The history that is kept here: 26,078 edits of one character each (`tests/data/friendsforever/README.md`).
pub const FRIENDSFOREVER: &str = "tests/data/friendsforever/friendsforever_flat.json.gz";

/// What `codi2 replay --format json` reported of a history in which all was as its model says.
#[derive(Debug)]
pub struct Replay(pub Value);

impl Replay {
    /// Types a history (a path, or one below the top of this clone) in a world; it must end without a difference.
    pub fn run(world: &World, trace: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        // It waits for nothing without a limit of its own, and takes as long as a hand: nobody ends it here.
        let mut command = world.command(program());
        command.arg("replay").arg(root().join(trace.as_ref())).args(["--format", "json"]).args(arguments);
        let output = command.output().expect("codi2 starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        let report: Value = serde_json::from_str(&out).expect("one JSON document");
        assert_eq!((&report["differences"], &report["told"]), (&Value::from(0), &Value::Array(Vec::new())), "{report}");
        Self(report)
    }

    /// A number of the report.
    pub fn number(&self, pointer: &str) -> u64 {
        self.0.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer} in {}", self.0))
    }

    /// The kinds of owner of what is left, each once.
    pub fn kinds(&self) -> Vec<&str> {
        let owners = self.0["owners"].as_array().into_iter().flatten();
        let mut kinds: Vec<&str> = owners.filter_map(|owned| owned["kind"].as_str()).collect();
        kinds.dedup();
        kinds
    }
}
