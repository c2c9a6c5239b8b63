//! Tests of the folders: where they are, and which are refused.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn find(variables: &[(&str, &str)]) -> Result<Places, PlaceError> {
    Places::from_variables(|name| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into()))
}

#[test]
fn the_environment_names_the_places() {
    let ours = tempfile::tempdir().unwrap();
    let run = ours.path().to_str().unwrap();
    let run_codi2 = format!("{run}/codi2");
    for (variables, state, runtime) in [
        (vec![("HOME", "/h")], "/h/.local/state/codi2", "/h/.local/state/codi2/run"),
        (vec![("HOME", "/h"), ("XDG_STATE_HOME", "/s")], "/s/codi2", "/s/codi2/run"),
        (vec![("HOME", "/h"), ("XDG_STATE_HOME", "rel")], "/h/.local/state/codi2", "/h/.local/state/codi2/run"),
        (vec![("HOME", "/h"), ("XDG_STATE_HOME", "")], "/h/.local/state/codi2", "/h/.local/state/codi2/run"),
        (vec![("HOME", "/h"), ("XDG_RUNTIME_DIR", run)], "/h/.local/state/codi2", &run_codi2),
        // Somebody else's, or none: after `su` the variable still names the former user's.
        (vec![("HOME", "/h"), ("XDG_RUNTIME_DIR", "/nowhere")], "/h/.local/state/codi2", "/h/.local/state/codi2/run"),
        (vec![("CODI2_STATE_DIR", "/a"), ("CODI2_RUNTIME_DIR", "/b"), ("XDG_STATE_HOME", "/s")], "/a", "/b"),
        (vec![("CODI2_STATE_DIR", "/a"), ("TMPDIR", "/t"), ("HOME", "/h")], "/a", "/a/run"),
    ] {
        assert_eq!(find(&variables).unwrap(), Places::at(state, runtime), "{variables:?}");
    }
    assert!(matches!(find(&[]), Err(PlaceError::NoHome)));
    assert!(matches!(find(&[("CODI2_STATE_DIR", "rel")]), Err(PlaceError::Relative { name: "CODI2_STATE_DIR", .. })));
}

#[test]
fn folders_are_made_private_and_nothing_before() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::at(folder.path().join("a/state"), folder.path().join("b/run"));
    places.check().unwrap();
    assert!(!places.state().exists());
    places.prepare().unwrap();
    places.prepare().unwrap();
    for made in [places.state(), places.runtime(), &places.spool()] {
        assert_eq!(made.metadata().unwrap().permissions().mode() & 0o7777, 0o700, "{}", made.display());
    }
    places.check().unwrap();
}

#[test]
fn folders_that_others_can_enter_are_refused() {
    for mode in [0o777, 0o750, 0o755, 0o701, 0o720, 0o1777] {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::at(folder.path().join("state"), folder.path().join("run"));
        places.prepare().unwrap();
        for path in [places.state(), places.runtime(), &places.spool()] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
            let refused = places.prepare().unwrap_err();
            assert!(matches!(&refused, PlaceError::Open { mode: found, .. } if *found == mode), "{refused}");
            assert!(refused.to_string().contains("chmod 700"), "{refused}");
            assert!(matches!(places.check(), Err(PlaceError::Open { .. })));
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
        }
        places.prepare().unwrap();
    }
}

#[test]
fn what_is_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::at(folder.path().join("state"), folder.path().join("run"));
    std::fs::write(places.state(), "").unwrap();
    assert!(matches!(places.prepare(), Err(PlaceError::NotFolder { .. })), "{:?}", places.prepare());
}

#[test]
fn own_links_are_followed_and_what_they_lead_to_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::at(folder.path().join("state"), folder.path().join("run"));
    let target = folder.path().join("elsewhere");
    std::fs::create_dir(&target).unwrap();
    symlink(&target, places.state()).unwrap();
    std::fs::set_permissions(&target, PermissionsExt::from_mode(0o755)).unwrap();
    assert!(matches!(places.prepare(), Err(PlaceError::Open { .. })));
    std::fs::set_permissions(&target, PermissionsExt::from_mode(0o700)).unwrap();
    places.prepare().unwrap();
    // In the spool's place, and in a shared folder, no link at all.
    std::fs::remove_dir(places.spool()).unwrap();
    symlink(folder.path(), places.spool()).unwrap();
    assert!(matches!(places.prepare(), Err(PlaceError::NotFolder { .. })));
}

#[test]
fn a_long_path_gives_a_short_socket_in_a_private_folder() {
    let folder = tempfile::tempdir().unwrap();
    let short = Places::at(folder.path().join("state"), folder.path().join("run"));
    assert_eq!(short.socket(), folder.path().join("run/hub.sock"));
    let long = |last: &str| Places::at(folder.path().join("state"), folder.path().join("x".repeat(90)).join(last));
    let socket = long("run").socket();
    assert!(socket.as_os_str().len() <= SOCKET_PATH_BYTES);
    assert!(socket.starts_with("/tmp"));
    assert_eq!(socket, long("run").socket(), "everybody computes the same");
    assert_ne!(socket, long("other").socket());
    long("run").prepare().unwrap();
    let made = socket.parent().unwrap();
    assert_eq!(made.metadata().unwrap().permissions().mode() & 0o7777, 0o700);
    // Somebody was faster and put a link there.
    std::fs::remove_dir(made).unwrap();
    symlink(folder.path(), made).unwrap();
    assert!(matches!(long("run").prepare(), Err(PlaceError::NotFolder { .. })));
    std::fs::remove_file(made).unwrap();
}
