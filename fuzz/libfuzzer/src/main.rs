//! One of codi2's fuzz targets under libFuzzer: `CODI2_FUZZ_TARGET` names it. `scripts/fuzz` builds and runs this.
//!
//! With `CODI2_FUZZ_SEEDS=FOLDER` it writes the target's seeds there and ends. Absent on purpose: the targets
//! (`codi2-fuzz`).
#![no_main]

use std::sync::OnceLock;

use codi2_fuzz::{TARGETS, Target, seeds, target};
use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fn choose() {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let name = std::env::var("CODI2_FUZZ_TARGET").unwrap_or_default();
    let Some(chosen) = target(&name) else {
        eprintln!("CODI2_FUZZ_TARGET is {name:?}; set it to one of {names:?}");
        std::process::exit(2);
    };
    if let Ok(folder) = std::env::var("CODI2_FUZZ_SEEDS") {
        for (number, seed) in seeds(&name).iter().enumerate() {
            let path = format!("{folder}/seed-{number:04}");
            std::fs::write(&path, seed).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
        std::process::exit(0);
    }
    TARGET.get_or_init(|| chosen);
}

fuzz_target!(init: choose(), |data: &[u8]| {
    if let Some(target) = TARGET.get() {
        (target.run)(data);
    }
});
