//! The functions are those that the `foundationdb` crate calls, and a library without them is refused in clear words.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use foundationdb_sys::{LoadError, NAMES, load};

/// The folder of the `foundationdb` crate's source, wherever cargo keeps it.
fn binding() -> PathBuf {
    // What other systems need of it was never fetched.
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host, "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "foundationdb").expect("the crate is used");
    let sys = packages.iter().filter(|package| package["name"] == "foundationdb-sys").collect::<Vec<_>>();
    assert!(sys.len() == 1 && sys[0]["source"].is_null(), "ours alone takes part: {sys:?}");
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().join("src")
}

fn words(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            words(&path, prefix, found);
        } else if path.extension() == Some(OsStr::new("rs")) {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(text.split(prefix).skip(1).map(|rest| {
                rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect::<String>()
            }));
        }
    }
}

#[test]
fn the_list_holds_every_function_that_the_binding_calls() {
    let mut called = BTreeSet::new();
    words(&binding(), "fdb_sys::", &mut called);
    let functions: Vec<_> = called.iter().filter(|name| name.starts_with("fdb_") && !name.ends_with("_t")).collect();
    assert!(functions.len() > 50, "{functions:?}");
    // Of a kind of handle that ended with 6.0; the code that asks for it is not compiled.
    let gone = |name: &str| {
        name.contains("cluster")
            || ["fdb_future_get_database", "fdb_future_get_int", "fdb_future_get_version"].contains(&name)
    };
    let missing: Vec<_> = functions.iter().filter(|name| !gone(name) && !NAMES.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "run `generate`: {missing:?}");
}

#[test]
fn the_list_is_sorted_and_whole() {
    assert!(NAMES.is_sorted_by(|one, next| one < next));
    assert_eq!(NAMES.len(), 96, "the header of API version 730 declares so many");
    // Written from the headers where these and bindgen are at hand; elsewhere the count and the caller above speak.
    let Some(headers) = std::env::var_os("CODI2_FDB_HEADERS") else {
        return println!("SKIP the_list_against_the_headers: CODI2_FDB_HEADERS names no folder of them");
    };
    let generate = Path::new(env!("CARGO_MANIFEST_DIR")).join("generate");
    let output = Command::new(generate).arg("--check").arg(headers).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_library_that_is_not_there_or_not_the_clients_is_named_with_what_is_wrong() {
    let absent = load(&[OsStr::new("/nonexistent/one.so"), OsStr::new("libnonexistent_two.so")]).unwrap_err();
    let LoadError::Missing(tried) = &absent else { panic!("{absent}") };
    assert!(tried.contains("/nonexistent/one.so: ") && tried.contains("; libnonexistent_two.so: "), "{tried}");
    // A library that every Rust program has loaded, and that has none of the functions.
    if cfg!(target_os = "linux") {
        let other = load(&[OsStr::new("libc.so.6")]).unwrap_err();
        let expected = "the library libc.so.6 has no function fdb_add_network_thread_completion_hook";
        assert_eq!(other.to_string(), expected);
    }
}

#[test]
#[should_panic(expected = "called before it was loaded")]
fn a_call_before_loading_says_so() {
    // SAFETY: nothing is loaded, so nothing of the library runs.
    unsafe { foundationdb_sys::fdb_get_max_api_version() };
}
