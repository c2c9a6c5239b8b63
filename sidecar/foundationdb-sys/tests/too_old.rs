//! A library that has every function and is of an older version is refused before anything of it runs. Alone in its
//! process, which can load one library.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use foundationdb_sys::{NAMES, StartError, load, start};

#[test]
fn a_library_of_an_older_version_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("old.rs"), folder.path().join("libfdb_c.so"));
    let functions = NAMES.iter().map(|name| match *name {
        "fdb_get_max_api_version" => format!("#[no_mangle] pub extern \"C\" fn {name}() -> i32 {{ 720 }}\n"),
        "fdb_get_client_version" => {
            format!("#[no_mangle] pub extern \"C\" fn {name}() -> *const u8 {{ b\"7.2.9,abc\\0\".as_ptr() }}\n")
        }
        _ => format!("#[no_mangle] pub extern \"C\" fn {name}() -> i32 {{ panic!() }}\n"),
    });
    std::fs::write(&source, functions.collect::<String>()).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc).args(["--crate-type", "cdylib", "-o"]).arg(&library).arg(&source).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    load(&[library.as_os_str()]).unwrap();
    let expected = StartError::Version { library: "7.2.9,abc".into(), known: 720 };
    assert_eq!(start(), Err(expected.clone()));
    assert_eq!(start(), Err(expected.clone()), "asked once");
    let said = "the client library (7.2.9,abc) knows API versions up to 720, 730 is needed";
    assert_eq!(expected.to_string(), said);
}
