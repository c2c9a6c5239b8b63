//! Whose an entry or file is, and what is never written over.

use super::*;

fn site(tool: &str, program: &str, path: PathBuf) -> Site {
    let place = place::of(tool).unwrap();
    let command = format!("{} hook {tool}", quoted(program));
    Site { place, path, command, program: program.to_owned(), project: false }
}

#[test]
fn a_command_is_ours_only_where_the_program_stands_alone() {
    let site = site("claude-code", "codi2", PathBuf::new());
    let is_ours = site.is_ours();
    for program in ["codi2", "/usr/bin/codi2", "/a b/codi2", "/it's/codi2", "C:\\x y\\codi2.exe", "/é/codi2"] {
        assert!(is_ours(&format!("{} hook claude-code", quoted(program))), "{program}");
    }
    for program in [
        "timeout 5 /usr/bin/codi2",
        "x; /opt/codi2",
        "x;/opt/codi2",
        "$HOME/codi2",
        "'a' '/opt/codi2'",
        "'/opt/codi2",
        "/opt/codi2-dev",
        "'/opt/codi2'-dev",
        "",
    ] {
        assert!(!is_ours(&format!("{program} hook claude-code")), "{program}");
    }
    assert!(!is_ours("/usr/bin/codi2 hook cursor"));
}

#[test]
fn a_program_of_another_name_is_not_installed() {
    let folder = tempfile::tempdir().unwrap();
    let site = site("cursor", "/opt/codi2-dev", folder.path().join("hooks.json"));
    let error = site.edits(true).err().unwrap().to_string();
    assert!(error.contains("must be called codi2") && error.contains("/opt/codi2-dev"), "{error}");
    assert_eq!(site.edits(false).unwrap().len(), 1, "what is there may always go");
}

#[test]
fn a_file_of_ours_that_a_person_changed_is_theirs() {
    for tool in ["cline", "opencode", "amp", "pi", "kiro"] {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = ("/old place/codi2", "/new/codi2");
        let put = |program: &str, more: &str| {
            let site = site(tool, program, folder.path().to_owned());
            for (path, text) in site.place.files(&site.path, &site.command, program) {
                fs::write(path, text + more).unwrap();
            }
        };
        let site = site(tool, new, folder.path().to_owned());
        put(old, "");
        assert!(site.edits(true).unwrap().iter().all(|edit| edit.after.as_ref().unwrap().contains(new)));
        assert!(site.edits(false).unwrap().iter().all(|edit| edit.after.is_none()));
        assert_eq!((site.state().unwrap().0, site.state().unwrap().2), (0, true));
        put(new, "\n// mine\n");
        for error in [site.edits(true).err(), site.edits(false).err(), site.state().err()] {
            let error = error.unwrap().to_string();
            assert!(error.contains("not as codi2 wrote it") && error.contains(folder.path().to_str().unwrap()));
        }
    }
}

#[test]
fn a_file_of_a_persons_is_told_how_it_gets_the_hook() {
    for (tool, advice) in [("cline", "add the line"), ("kiro", "move it away"), ("opencode", "move it away")] {
        let folder = tempfile::tempdir().unwrap();
        let site = site(tool, "/new/codi2", folder.path().to_owned());
        for (path, _) in site.place.files(&site.path, &site.command, &site.program) {
            fs::write(path, "{}\n").unwrap();
        }
        let error = site.edits(true).err().unwrap().to_string();
        assert!(error.contains("is there and is yours") && error.contains(advice), "{error}");
    }
}

#[test]
fn every_text_that_is_written_is_known_for_good() {
    let mut unknown = Vec::new();
    for place in PLACES {
        let site = site(place.tool, "/a b/codi2", PathBuf::from("/x"));
        for (path, text) in site.place.files(&site.path, &site.command, &site.program) {
            if !place::is_written(&text, &site.is_ours()) {
                unknown.push(format!("{}: {}", path.display(), place::digest(&text, &site.is_ours())));
            }
        }
    }
    assert!(unknown.is_empty(), "add these to WRITTEN, and take none out:\n{}", unknown.join("\n"));
}

#[test]
fn what_an_earlier_codi2_wrote_is_known() {
    let former = include_str!("former/opencode-1.js").replace("\"CODI2\"", "\"/old place/codi2\"");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("codi2.js"), &former).unwrap();
    let site = site("opencode", "/new/codi2", folder.path().to_owned());
    assert_eq!((site.state().unwrap().0, site.state().unwrap().2), (0, true));
    assert!(site.edits(true).unwrap()[0].after.as_ref().unwrap().contains("parent_session_id"));
    assert_eq!(site.edits(false).unwrap()[0].after, None);
    // Not if a person added a line.
    fs::write(folder.path().join("codi2.js"), former + "// mine\n").unwrap();
    assert!(site.edits(false).err().unwrap().to_string().contains("not as codi2 wrote it"));
}

#[test]
fn a_file_that_changed_meanwhile_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/settings.json");
    let edit = |before: Option<&str>, after: Option<&str>| Edit {
        path: path.clone(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    write(&edit(None, Some("1")), false, false).unwrap();
    for late in [edit(None, Some("2")), edit(Some("0"), Some("2")), edit(Some("0"), None)] {
        let error = write(&late, false, false).unwrap_err().to_string();
        assert!(error.contains("has changed meanwhile"), "{error}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "1");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing half written stays");
    write(&edit(Some("1"), None), false, false).unwrap();
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn rights_stay_and_links_are_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, before: Option<&str>, project: bool, is_program: bool| {
        let path = folder.path().join(name);
        let edit = Edit { path: path.clone(), before: before.map(str::to_owned), after: Some("new".to_owned()) };
        write(&edit, project, is_program).unwrap();
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    let modes = [put("a", None, false, false), put("b", None, true, false)];
    assert_eq!(modes, [0o600, 0o644]);
    assert_eq!([put("c", None, false, true), put("d", None, true, true)], [0o700, 0o755]);
    fs::set_permissions(folder.path().join("a"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("a", folder.path().join("link")).unwrap();
    assert_eq!(put("link", Some("new"), true, false), 0o640);
    assert!(folder.path().join("link").is_symlink());
    let dangling = folder.path().join("dangling");
    symlink("nothing", &dangling).unwrap();
    assert!(read(&dangling).unwrap_err().to_string().contains("a link to nothing"));
}
