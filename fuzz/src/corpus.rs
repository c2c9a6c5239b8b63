//! Where inputs begin: the golden samples of the protocol, and for each target the files in `corpus/` and `crashes/`.
//!
//! `crashes/TARGET/` holds what once broke something, by a name that says what; it is read like any other input.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The golden samples whose file names begin with `prefix`, as JSON, in order of their names.
pub fn golden(prefix: &str) -> Vec<Value> {
    let mut files: Vec<PathBuf> = list(&root().join("../protocol/golden"));
    files.retain(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(prefix)));
    let read = |path: &PathBuf| -> Vec<Value> {
        let text = std::fs::read(path).expect("a golden sample");
        match serde_json::from_slice(&text).expect("golden samples are JSON") {
            Value::Array(samples) => samples,
            sample => vec![sample],
        }
    };
    files.iter().flat_map(read).collect()
}

/// The same, as values of a type.
pub(crate) fn golden_as<T: DeserializeOwned>(prefix: &str) -> Vec<T> {
    let samples = golden(prefix).into_iter();
    samples.map(|sample| serde_json::from_value(sample).expect("a golden sample of this type")).collect()
}

/// The inputs a target begins with: made from golden samples, then those in its folders.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let made = match target {
        "frames" => crate::frames::seeds(),
        "lsp" => crate::lsp::seeds(),
        "hook" => crate::hook::seeds(),
        "spool" => crate::spool::seeds(),
        "settings" => crate::settings::seeds(),
        "values" => crate::values::seeds(),
        "notes" => crate::notes::seeds(),
        "query" => crate::query::seeds(),
        _ => Vec::new(),
    };
    let folders = ["corpus", "crashes"].map(|folder| list(&root().join(folder).join(target)));
    let kept = folders.into_iter().flatten().map(|path| std::fs::read(path).expect("an input of the corpus"));
    made.into_iter().chain(kept).collect()
}

/// The files of a folder, in order; none where it does not exist.
pub(crate) fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    files.sort();
    files
}
