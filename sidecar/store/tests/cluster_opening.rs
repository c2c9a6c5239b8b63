//! Opening a store in a cluster where something is missing: clear words, and what to do. Needs no server anywhere.
//!
//! A process keeps the first client library that it opened, so these stay apart from the tests that open one.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use codi2_store::Fate;
use codi2_store::foundationdb::{self, FoundationDbOptions, PREFIX_BYTES};

/// Options whose cluster file holds this text.
fn with_file(folder: &Path, text: &str) -> FoundationDbOptions {
    let file = folder.join("fdb.cluster");
    std::fs::write(&file, text).unwrap();
    FoundationDbOptions { library: Some("/nonexistent/libfdb_c.so".into()), ..FoundationDbOptions::new(file) }
}

fn refused(options: &FoundationDbOptions) -> String {
    let error = foundationdb::open(options).err().expect("it cannot be opened");
    assert!(matches!(error.fate(), Fate::Process | Fate::Request), "{error}");
    error.to_string()
}

#[test]
fn a_wrong_cluster_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let absent = FoundationDbOptions::new(folder.path().join("absent.cluster"));
    let said = refused(&absent);
    assert!(said.contains("absent.cluster") && said.contains("cannot be read"), "{said}");
    assert!(said.contains("copy the cluster file from a machine of the cluster"), "{said}");
    for (text, word) in [
        ("", "is empty"),
        ("# only a comment\n\n", "is empty"),
        ("127.0.0.1:4500\n", "does not read"),
        ("team@127.0.0.1:4500\n", "does not read"),
        ("team:id@\n", "does not read"),
        ("team:id@host\n", "does not read"),
        ("team:id@host:0\n", "does not read"),
        ("team:id@host:99999,other:4500\n", "does not read"),
    ] {
        let said = refused(&with_file(folder.path(), text));
        assert!(said.contains(word) && said.contains("fdb.cluster"), "{text}: {said}");
    }
    // What reads as a cluster file gets as far as the library.
    for text in ["team:id@127.0.0.1:4500", "# ours\nteam:id@10.0.0.1:4500:tls, [::1]:4500 # two\n"] {
        let said = refused(&with_file(folder.path(), text));
        assert!(said.contains("client library cannot be opened"), "{text}: {said}");
    }
}

#[test]
fn a_library_that_is_missing_or_no_client_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = with_file(folder.path(), "team:id@127.0.0.1:4500\n");
    let said = refused(&options);
    assert!(said.contains("/nonexistent/libfdb_c.so") && said.contains("No such file"), "{said}");
    assert!(said.contains("install the FoundationDB client package"), "{said}");
    if cfg!(target_os = "linux") {
        options.library = Some("libc.so.6".into());
        let said = refused(&options);
        assert!(said.contains("libc.so.6 has no function") && said.contains("7.3 or newer"), "{said}");
    }
}

#[test]
fn a_prefix_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let options = with_file(folder.path(), "team:id@127.0.0.1:4500\n");
    let long = [&[b'p'; PREFIX_BYTES][..], b"/"].concat();
    for prefix in [&b""[..], b"/", &long, b"\xff/", b"team", b"team/a/", b"team/a"] {
        let said = refused(&FoundationDbOptions { prefix: prefix.to_vec(), ..options.clone() });
        assert!(said.contains("must have 2 to 32 bytes, the first below 0xff, the last the only slash"), "{said}");
    }
    let longest = [&[0xfe; PREFIX_BYTES - 1][..], b"/"].concat();
    assert!(refused(&FoundationDbOptions { prefix: longest, ..options }).contains("library"));
}

/// The table of traps in docs/foundationdb.md: each row names tests that exist.
#[test]
fn every_trap_has_its_tests() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documented = std::fs::read_to_string(crates.join("../../docs/foundationdb.md")).unwrap();
    let table = documented.split("## Traps").nth(1).unwrap().split("\n## ").next().unwrap();
    let folders = ["src", "tests", "../foundationdb-sys/tests", "../hub", "../../tests/tests"];
    let code: String = folders.iter().map(|folder| sources(&crates.join(folder))).collect();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| trap")).collect();
    assert!(rows.len() > 15, "{rows:#?}");
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(code.contains(&format!("fn {name}(")), "no test {name}: {row}");
        }
    }
}

/// All that is written below a folder.
fn sources(folder: &Path) -> String {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| {
        if path.is_dir() { sources(&path) } else { std::fs::read_to_string(path).unwrap_or_default() }
    };
    paths.map(text).collect()
}
