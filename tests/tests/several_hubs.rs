//! Two machines on one FoundationDB cluster, as two homes on this one: what is typed on one is printed on the other, who
//! works there is seen, and a hub that stands still is missed. And one machine whose cluster goes away under it. Said by
//! name and passed where there is no cluster.

use std::time::{Duration, Instant};
use std::{fs, thread};

use codi2_tests::editor::Editor;
use codi2_tests::{DEADLINE, World, cluster, wait_for};
use serde_json::Value;

/// A home whose settings name the cluster; all of one test share a prefix.
fn machine(cluster: &cluster::Cluster, prefix: &str) -> World {
    let world = World::new(&[("a.txt", "one\n")]);
    let folder = world.home().join("config/codi2");
    fs::create_dir_all(&folder).expect("a folder for settings");
    let mut settings =
        format!("[store]\nkind = \"foundationdb\"\nprefix = {prefix:?}\ncluster_file = {:?}\n", cluster.file);
    if let Some(library) = &cluster.library {
        settings += &format!("library = {library:?}\n");
    }
    fs::write(folder.join("config.toml"), settings).expect("settings");
    world
}

fn status(world: &World) -> Value {
    let output = world.codi2(&["status", "--format", "json"]);
    serde_json::from_str::<Value>(&output.out).map(|value| value["status"].clone()).unwrap_or_default()
}

/// Waits until a status is as it should be: longer than other tests do, because a silent hub is given half a minute.
fn until(world: &World, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + 6 * DEADLINE;
    loop {
        let status = status(world);
        if holds(&status) {
            return status;
        }
        assert!(Instant::now() < end, "waited for: {what}\n{status:#}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn hosts(status: &Value) -> Vec<&str> {
    let sessions = status["sessions"].as_array().map(Vec::as_slice).unwrap_or_default();
    sessions.iter().filter_map(|session| session["info"]["host"].as_str()).collect()
}

#[test]
fn what_is_typed_on_one_machine_is_seen_on_the_other_and_a_hub_that_stands_still_is_missed() {
    let Some(cluster) = cluster::shared("several_hubs") else { return };
    let prefix = format!("e2e-{}/", std::process::id());
    let (here, there) = (machine(&cluster, &prefix), machine(&cluster, &prefix));
    let started = here.codi2(&["hub", "start"]);
    assert_eq!(started.code, 0, "{}", started.err);
    let mut tail = here.tail(&[]);
    until(&here, "the tail is there", |status| status["connections"].as_u64() >= Some(2));
    let mut editor = Editor::start(&there, there.repository());
    let file = there.path("a.txt");
    assert!(editor.open(&file));
    editor.type_at(&file, 4, "two");
    let typed = || {
        let lines = tail.lines();
        lines.iter().any(|entry| entry.kind() == "edit" && entry.file() == "a.txt").then_some(())
    };
    wait_for("the edit is printed on the other machine", || here.explain(), typed);
    let seen = until(&here, "the session is seen", |status| hosts(status).len() == 1);
    assert_eq!(seen["hubs"].as_array().map(Vec::len), Some(2), "{seen:#}");
    assert!(seen["store"].as_str().is_some_and(|store| store.starts_with("FoundationDB")), "{seen:#}");
    assert_eq!(seen["reach"]["ok"], true);
    // A line says which machine it comes from where that is another one.
    let edits = |world: &World| -> Vec<String> {
        let log = world.codi2(&["log", "--format", "human"]);
        log.out.lines().filter(|line| line.contains("  edit  ")).map(str::to_owned).collect()
    };
    let (elsewhere, own) = (edits(&here), edits(&there));
    assert!(!elsewhere.is_empty() && elsewhere.iter().all(|line| line.contains("  machine …")), "{elsewhere:?}");
    assert!(!own.is_empty() && own.iter().all(|line| !line.contains("machine")), "{own:?}");
    // Its hub stands still: shown as lost, then its session ends, once.
    let ends = |world: &World| world.log().iter().filter(|entry| entry.kind() == "session-ended").count();
    let frozen = there.freeze_hub();
    until(&here, "the hub is lost", |status| status["sessions"][0]["lost"] == true);
    until(&here, "its session ended", |status| hosts(status).is_empty());
    assert_eq!(ends(&here), 1);
    // It goes on, and so does the session.
    drop(frozen);
    until(&here, "the session begins again", |status| hosts(status).len() == 1);
    editor.type_at(&file, 7, "three");
    wait_for(
        "both hold the same log",
        || here.explain(),
        || {
            let logs = [here.log(), there.log()];
            let stamps =
                logs.each_ref().map(|log| log.iter().map(|entry| entry.stamp().to_owned()).collect::<Vec<_>>());
            (stamps[0] == stamps[1] && ends(&here) == 1).then_some(())
        },
    );
    editor.quit();
    let checked = here.codi2(&["store", "check"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
}

/// A machine was copied, its state folder with it: the copy's hub, in another namespace of processes as on another machine,
/// does not begin, says why, and leaves the sessions of the first alone.
#[test]
fn a_hub_does_not_begin_beside_its_twin() {
    let name = "a_hub_does_not_begin_beside_its_twin";
    let Some(cluster) = cluster::shared(name) else { return };
    let prefix = format!("twin-{}/", std::process::id());
    let (first, copied) = (machine(&cluster, &prefix), machine(&cluster, &prefix));
    let apart = |arguments: &[&str]| {
        let mut unshare = copied.command("unshare");
        unshare.args(["--user", "--pid", "--fork"]).args(arguments);
        codi2_tests::run(&mut unshare, "")
    };
    if apart(&["true"]).code != 0 {
        println!("SKIP {name}: no namespaces here");
        return;
    }
    let mut editor = Editor::start(&first, first.repository());
    assert!(editor.open(&first.path("a.txt")));
    until(&first, "the session has begun", |status| hosts(status).len() == 1);
    fs::create_dir_all(copied.state()).expect("a state folder");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(copied.state(), private).expect("of this user alone");
    fs::copy(first.state().join("host"), copied.state().join("host")).expect("the machine's id is copied");
    let program = codi2_tests::program();
    let started = apart(&[program.to_str().expect("a path in UTF-8"), "hub", "start"]);
    assert!(started.code != 0 && started.err.contains("says it is this machine"), "{}{}", started.out, started.err);
    let seen = until(&first, "the hub is there", |status| status["reach"]["ok"] == true);
    assert_eq!((hosts(&seen).len(), seen["hubs"].as_array().map(Vec::len)), (1, Some(1)), "{seen:#}");
    assert!(first.log().iter().all(|entry| entry.kind() != "session-ended"));
    editor.quit();
}

/// Bytes typed, as the log has them.
fn in_log(world: &World) -> usize {
    world.log().iter().filter(|entry| entry.kind() == "edit").map(|entry| entry.inserted() as usize).sum()
}

/// The server is down when hub and editor start: the hub says so and ends, the person types on, and whoever comes first
/// when the server is back starts the hub again, which takes in what was kept.
#[test]
fn a_hub_that_starts_while_its_cluster_is_away_says_so_and_costs_no_key() {
    let Some(mut server) = cluster::own("a_hub_that_starts_while_its_cluster_is_away", None) else { return };
    let world = machine(&server.cluster, "late/");
    server.stop();
    let started = world.codi2(&["hub", "start"]);
    assert!(started.code != 0 && started.err.contains("does not answer"), "{}{}", started.out, started.err);
    let doctor = world.codi2(&["doctor"]);
    assert!(doctor.code != 0 && doctor.out.contains("does not answer"), "{}{}", doctor.out, doctor.err);
    let mut editor = Editor::start(&world, world.repository());
    let file = world.path("a.txt");
    assert!(editor.open(&file));
    for at in 0..100 {
        editor.type_at(&file, 4 + at, "x");
        editor.hover(&file);
    }
    server.restart();
    // Nobody but the editor starts the hub: `status` starts none.
    until(&world, "the editor's hub is there", |status| status["reach"]["ok"] == true);
    wait_for("what was kept is in the log", || world.explain(), || (in_log(&world) == 100).then_some(()));
    editor.quit();
    let log = world.log();
    let count = |kind: &str| log.iter().filter(|entry| entry.kind() == kind).count();
    assert_eq!((count("session-started"), count("gap")), (1, 0));
    println!("COUNT P3 | a hub and its sidecar that start while the cluster is away | 100 keys | 0 lost, 0 twice");
}

/// The server stands still, and later it is killed: the person types on and is answered, the status and `doctor` say what
/// is wrong, and in the end the log has every key once.
#[test]
fn a_cluster_that_goes_away_under_a_hub_is_said_and_costs_no_key() {
    let Some(mut server) = cluster::own("a_cluster_that_goes_away", None) else { return };
    let world = machine(&server.cluster, "outage/");
    let mut editor = Editor::start(&world, world.repository());
    let file = world.path("a.txt");
    assert!(editor.open(&file));
    let mut typed = 0;
    let mut types = |editor: &mut Editor, keys: usize| {
        for _ in 0..keys {
            editor.type_at(&file, 4 + typed, "x");
            typed += 1;
            editor.hover(&file);
        }
        typed
    };
    let before = types(&mut editor, 10);
    wait_for("the first keys are in the log", || world.explain(), || (in_log(&world) == before).then_some(()));
    let said = || {
        until(&world, "the status says that the store is away", |status| status["reach"]["ok"] == false);
        let doctor = world.codi2(&["doctor"]);
        assert!(doctor.code != 0 && doctor.out.contains("does not answer"), "{}{}", doctor.out, doctor.err);
    };
    server.pause();
    types(&mut editor, 100);
    said();
    let kept = types(&mut editor, 10);
    server.resume();
    wait_for("what was kept is in the log", || world.explain(), || (in_log(&world) == kept).then_some(()));
    server.kill();
    types(&mut editor, 100);
    said();
    server.restart();
    let all = types(&mut editor, 10);
    wait_for("all is in the log", || world.explain(), || (in_log(&world) == all).then_some(()));
    until(&world, "the store is reached", |status| status["reach"]["ok"] == true);
    editor.quit();
    println!(
        "COUNT P3 | a cluster that stands still and is killed under a hub and its sidecar | {all} keys | 0 lost, 0 twice"
    );
}
