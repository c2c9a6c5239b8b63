//! The shape of the workspace: crate arrows, one home for each dependency, and a header on each file (design §3, §11).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use codi2_tests::root;
use toml::Table;

/// Which of our crates each crate may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("codi2-protocol", &[]),
    ("codi2-redaction", &[]),
    ("codi2-text", &[]),
    ("codi2-attribution", &["codi2-text", "codi2-protocol"]),
    ("codi2-config", &[]),
    ("codi2-histogram", &["codi2-protocol"]),
    ("codi2-workspace", &["codi2-text", "codi2-protocol", "codi2-config"]),
    ("foundationdb-sys", &[]),
    ("codi2-store", &["codi2-protocol", "foundationdb-sys"]),
    ("codi2-ipc", &["codi2-protocol", "codi2-redaction"]),
    (
        "codi2-hub",
        &[
            "codi2-protocol",
            "codi2-redaction",
            "codi2-text",
            "codi2-attribution",
            "codi2-workspace",
            "codi2-store",
            "codi2-ipc",
            "codi2-histogram",
        ],
    ),
];
/// These may use all of ours.
const TOP: &[&str] = &["codi2", "codi2-tests", "codi2-fuzz"];

/// Crates that alone may use a dependency, `[dev-dependencies]` included.
const HOMES: &[(&str, &[&str])] = &[
    ("tower-lsp", &["codi2"]),
    ("tower-lsp-server", &["codi2"]),
    ("clap", &["codi2"]),
    ("anyhow", &["codi2"]),
    ("tracing-subscriber", &["codi2"]),
    ("notify", &["codi2-workspace"]),
    ("git2", &["codi2-workspace", "codi2-hub"]),
    ("ignore", &["codi2-workspace"]),
    ("globset", &["codi2-config"]),
    ("saphyr-parser", &["codi2-config"]),
    ("strsim", &["codi2-config"]),
    ("toml", &["codi2-config", "codi2-tests"]),
    ("clap_complete", &["codi2"]),
    ("clap_mangen", &["codi2"]),
    ("interprocess", &["codi2-ipc"]),
    ("rmp-serde", &["codi2-ipc", "codi2-store"]),
    ("redb", &["codi2-store"]),
    ("foundationdb-tuple", &["codi2-store"]),
    ("foundationdb", &["codi2-store", "codi2-tests"]),
    ("futures-executor", &["codi2-store", "codi2-tests"]),
    ("libloading", &["foundationdb-sys"]),
    ("sha2", &["codi2-attribution"]),
    ("ropey", &["codi2-text"]),
    ("imara-diff", &["codi2-text"]),
    ("blake3", &["codi2-text", "codi2-redaction"]),
    ("regex", &["codi2-redaction"]),
    ("schemars", &["codi2-protocol", "codi2-config"]),
    ("rmpv", &["codi2-tests"]),
    ("flate2", &["codi2"]),
    ("jsonc-parser", &["codi2"]),
];

/// Without async, clock, file or socket: no runtime and no way to one.
const PURE: &[&str] =
    &["codi2-protocol", "codi2-redaction", "codi2-text", "codi2-attribution", "codi2-config", "codi2-histogram"];
const IMPURE: &[&str] =
    &["tokio", "rustix", "interprocess", "notify", "git2", "redb", "foundationdb", "tracing-subscriber"];

/// Name → (dependencies, dependencies of tests).
fn crates() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let mut found = BTreeMap::new();
    for manifest in manifests() {
        let text = fs::read_to_string(&manifest).expect("the manifest is there");
        let table: Table = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
        let name = table["package"]["name"].as_str().expect("a name").to_owned();
        let keys = |section: &str| -> BTreeSet<String> {
            let here = table.get(section).and_then(|value| value.as_table());
            let targets = table.get("target").and_then(|value| value.as_table()).into_iter().flatten();
            let there = targets.filter_map(|(_, target)| target.get(section)?.as_table());
            here.into_iter().chain(there).flat_map(|table| table.keys().cloned()).collect()
        };
        let mut used = keys("dependencies");
        used.extend(keys("build-dependencies"));
        found.insert(name, (used, keys("dev-dependencies")));
    }
    found
}

fn manifests() -> Vec<PathBuf> {
    let sidecar = fs::read_dir(root().join("sidecar")).expect("sidecar/ is there");
    let crates = sidecar.map(|entry| entry.expect("a readable entry").path());
    let all = crates
        .chain(["protocol", "tests", "fuzz"].map(|folder| root().join(folder)))
        .map(|folder| folder.join("Cargo.toml"));
    all.filter(|manifest| manifest.is_file()).collect()
}

#[test]
fn crates_use_only_what_their_arrows_allow() {
    let crates = crates();
    assert!(crates.len() >= ARROWS.len() + TOP.len(), "crates found: {:?}", crates.keys());
    let mut wrong = Vec::new();
    for (name, (used, _)) in &crates {
        if TOP.contains(&name.as_str()) {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| from == name) else {
            wrong.push(format!("{name} has no arrows: add it to ARROWS and to design §3"));
            continue;
        };
        let ours = used.iter().filter(|dependency| crates.contains_key(*dependency));
        wrong.extend(ours.filter(|to| !allowed.contains(&to.as_str())).map(|to| format!("{name} → {to}")));
    }
    assert!(wrong.is_empty(), "arrows that design §3 does not have: {wrong:#?}");
}

#[test]
fn each_dependency_has_one_home() {
    let mut wrong = Vec::new();
    for (name, (used, tests)) in crates() {
        for (dependency, homes) in HOMES {
            let here = used.contains(*dependency) || tests.contains(*dependency);
            if here && !homes.contains(&name.as_str()) {
                wrong.push(format!("{dependency} in {name}, its home is {homes:?}"));
            }
        }
        if PURE.contains(&name.as_str()) {
            wrong.extend(IMPURE.iter().filter(|d| used.contains(**d)).map(|d| format!("{d} in {name}, which is pure")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_language_server_transport_stays_in_its_folder() {
    let mut wrong = Vec::new();
    for file in sources(&root().join("sidecar/codi2/src")) {
        let text = fs::read_to_string(&file).expect("a readable file");
        let inside = file.components().any(|part| part.as_os_str() == "lsp");
        if !inside && text.lines().any(|line| line.contains("tower_lsp") && !line.trim_start().starts_with("//")) {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "tower-lsp outside codi2/src/lsp: {wrong:#?}");
}

#[test]
fn each_file_opens_with_what_it_is_for() {
    let files: Vec<PathBuf> =
        ["protocol", "sidecar", "tests", "fuzz"].iter().flat_map(|top| sources(&root().join(top))).collect();
    assert!(files.len() > 20, "only {} files found", files.len());
    let without = |file: &&PathBuf| {
        let text = fs::read_to_string(file).expect("a readable file");
        let first = text.lines().next().unwrap_or_default();
        !first.starts_with("//! ") || first.len() < "//! ".len() + 10
    };
    let wrong: Vec<_> = files.iter().filter(without).collect();
    assert!(wrong.is_empty(), "files without a //! header that says what they are for: {wrong:#?}");
}

#[test]
fn no_crate_or_file_is_a_manager_or_a_helper() {
    let banned = ["manager", "helper", "util", "misc"];
    let files = ["protocol", "sidecar", "tests", "fuzz"].iter().flat_map(|top| sources(&root().join(top)));
    let wrong: Vec<PathBuf> = files
        .filter(|file| {
            let stem = file.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
            banned.iter().any(|word| stem.contains(word))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
                found.extend(sources(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A patch counts for one workspace only. One that lacks it still compiles, and then links to what is not here.
#[test]
fn every_workspace_has_the_same_patches() {
    let patches = |manifest: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(root().join(manifest)).expect("the manifest is there");
        let table: Table = toml::from_str(&text).expect("a manifest");
        let patches = table.get("patch").and_then(|patch| patch.get("crates-io")).and_then(|value| value.as_table());
        patches.map(|patches| patches.keys().cloned().collect()).unwrap_or_default()
    };
    let ours = patches("Cargo.toml");
    assert!(!ours.is_empty());
    assert_eq!(patches("fuzz/libfuzzer/Cargo.toml"), ours);
}
