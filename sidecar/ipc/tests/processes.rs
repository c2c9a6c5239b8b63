//! Hubs and clients as processes: starting, races, deaths, other users. This binary plays all of the roles.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

mod support;

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use codi2_ipc::blocking::Link;
use codi2_ipc::{
    Announcement, Client, ConnectError, Flushed, HubInfo, HubLock, Listener, LockError, Options, Places, ReachError,
    SpawnSpec, StartError, announce, detach, frame,
};
use codi2_protocol::{Call, Reply};
use support::roles::{self, ROLE};
use support::{LONG, Store, fact, serve};

const TESTS: &[(&str, fn())] = &[
    ("sixty_four_at_once_meet_in_one_hub", sixty_four_at_once_meet_in_one_hub),
    ("a_killed_hub_is_replaced", a_killed_hub_is_replaced),
    ("no_fact_is_lost_or_doubled_over_killed_hubs", no_fact_is_lost_or_doubled_over_killed_hubs),
    ("a_hub_that_cannot_start_says_why", a_hub_that_cannot_start_says_why),
    ("a_hub_keeps_nothing_of_its_starter", a_hub_keeps_nothing_of_its_starter),
    ("a_hub_that_cannot_be_reached_is_named", a_hub_that_cannot_be_reached_is_named),
    ("a_hub_out_of_descriptors_waits_and_goes_on", a_hub_out_of_descriptors_waits_and_goes_on),
    ("other_users_are_refused_both_ways", other_users_are_refused_both_ways),
];

fn main() {
    match roles::role().as_deref() {
        Some("hub") => hub(),
        Some("client") => client(),
        Some("raw") => raw(),
        Some("broken") => panic!("the hub broke at once"),
        _ => roles::run(TESTS),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A hub: notes what it was born with, serves, remembers in a file.
fn hub() {
    let fds: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, std::fs::read_link(entry.path()).ok()?)))
        .filter(|(_, target)| !target.starts_with("/proc"))
        .map(|(fd, _)| fd)
        .collect();
    detach();
    if let Some(most) = std::env::var("CODI2_TEST_FILES").ok().and_then(|most| most.parse().ok()) {
        let limit = rustix::process::Rlimit { current: Some(most), maximum: Some(most) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    }
    let places = Places::find().unwrap();
    if let Some(reason) = std::env::var_os("CODI2_TEST_FAIL") {
        announce(&Announcement::Failed(reason.into_string().unwrap())).unwrap();
        return;
    }
    let mut lock = match HubLock::take(&places) {
        Ok(lock) => lock,
        Err(LockError::Held { .. }) => return announce(&Announcement::Running).unwrap(),
        Err(error) => return announce(&Announcement::Failed(error.to_string())).unwrap(),
    };
    let mut starts = std::fs::File::options().append(true).create(true).open(places.state().join("starts")).unwrap();
    starts.write_all(format!("{}\n", std::process::id()).as_bytes()).unwrap();
    let born = serde_json::json!({
        "fds": fds,
        "folder": std::env::current_dir().unwrap(),
        "session": rustix::process::getsid(None).unwrap().as_raw_nonzero().get(),
        "pid": std::process::id(),
        "variables": std::env::vars_os().map(|(name, _)| name.into_string().unwrap()).collect::<Vec<_>>(),
    });
    std::fs::write(places.state().join("born.json"), born.to_string()).unwrap();
    let store = Store::open(places.state().join("facts"));
    runtime().block_on(async {
        store.drain(&places);
        let listener = Listener::bind(&mut lock, "test hub", &[]).unwrap();
        announce(&Announcement::Ready).unwrap();
        serve(&listener, &store).await;
    });
}

/// A client: reaches the hub, starting it, and prints its process id, or why not.
fn client() {
    let places = Places::find().unwrap();
    match Link::connect_or_start(&places, &spec("hub"), "test client") {
        Ok(mut link) => println!("{}", hub_pid(&mut link)),
        Err(error) => println!("{error}"),
    }
}

/// Connects without any checks of ours, greets, and prints how many bytes came back.
fn raw() {
    let socket = std::env::var_os("CODI2_TEST_SOCKET").unwrap();
    let mut stream = UnixStream::connect(socket).unwrap();
    let _ = stream.write_all(&frame::encode(&codi2_ipc::hello("raw", &[], None)).unwrap());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    println!("{}", bytes.len());
}

fn spec(role: &str) -> SpawnSpec {
    let mut spec = SpawnSpec::this_program(["hub"]).unwrap();
    spec.variables = vec![(ROLE.into(), role.into())];
    spec
}

fn hub_pid(link: &mut Link) -> u32 {
    let Reply::Status(status) = link.call(Call::Status).unwrap() else { panic!() };
    status.pid
}

fn places() -> (Hubs, Places) {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::at(folder.path().join("state"), folder.path().join("run"));
    (Hubs { places: places.clone(), _folder: folder }, places)
}

/// Ends the hubs of a test with it.
struct Hubs {
    places: Places,
    _folder: tempfile::TempDir,
}

impl Drop for Hubs {
    fn drop(&mut self) {
        if let Some(info) = HubInfo::read(&self.places)
            && info.pid != std::process::id()
        {
            kill(info.pid);
        }
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn starts(places: &Places) -> usize {
    std::fs::read_to_string(places.state().join("starts")).unwrap_or_default().lines().count()
}

fn role(program: &Path, role: &str, places: &Places) -> Command {
    let mut command = Command::new(program);
    command.env(ROLE, role).envs(places.variables()).stdout(Stdio::piped());
    command
}

fn sixty_four_at_once_meet_in_one_hub() {
    let (_hubs, places) = places();
    let program = std::env::current_exe().unwrap();
    let clients: Vec<_> = (0..64).map(|_| role(&program, "client", &places).spawn().unwrap()).collect();
    let said: Vec<String> = clients
        .into_iter()
        .map(|client| String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap().trim().to_owned())
        .collect();
    let pid = HubInfo::read(&places).unwrap().pid.to_string();
    assert!(said.iter().all(|one| *one == pid), "hub {pid}, but the clients say {said:?}");
    assert_eq!(starts(&places), 1, "exactly one hub ever held the lock");
}

fn a_killed_hub_is_replaced() {
    let (_hubs, places) = places();
    let mut link = Link::connect_or_start(&places, &spec("hub"), "test").unwrap();
    let first = hub_pid(&mut link);
    assert_eq!(hub_pid(&mut Link::connect_or_start(&places, &spec("hub"), "test").unwrap()), first);
    kill(first);
    until("it is gone", || matches!(Link::connect(&places, "test"), Err(ConnectError::Absent { .. })));
    assert!(places.socket().exists(), "a stale socket");
    assert_eq!(HubInfo::read(&places).unwrap().pid, first, "a dead pid");
    let second = hub_pid(&mut Link::connect_or_start(&places, &spec("hub"), "test").unwrap());
    assert_ne!(second, first);
    assert_eq!(HubInfo::read(&places).unwrap().pid, second);
    until("it is reaped, no zombie", || !Path::new(&format!("/proc/{first}")).exists());
}

fn no_fact_is_lost_or_doubled_over_killed_hubs() {
    let (_hubs, places) = places();
    let total = 600;
    runtime().block_on(async {
        let (client, _news) = Client::spawn(places.clone(), Some(spec("hub")), Options::new("test"));
        for n in 1..=total {
            client.report(None, n, fact(n));
            if n % 200 == 100 {
                client.call_within(Call::Status, LONG).await.unwrap();
                kill(HubInfo::read(&places).unwrap().pid);
            }
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        assert!(client.status_until(|status| status.connected && status.pending == 0, LONG).await.is_some());
        assert_eq!(client.flush(LONG).await, Flushed::Durable);
        let expected: String = (1..=total).map(|n| format!("{} {n} {n}\n", client.producer())).collect();
        assert_eq!(std::fs::read_to_string(places.state().join("facts")).unwrap(), expected);
        assert!(starts(&places) > 1);
    });
}

fn a_hub_that_cannot_start_says_why() {
    let (_hubs, places) = places();
    let start = |spec: &SpawnSpec| match Link::connect_or_start(&places, spec, "test") {
        Err(ReachError::Start(error)) => error,
        other => panic!("{other:?}"),
    };
    let mut failing = spec("hub");
    failing.variables.push(("CODI2_TEST_FAIL".into(), "the store is newer than this program".into()));
    let error = start(&failing);
    assert!(matches!(&error, StartError::Failed { reason } if reason.contains("newer than this program")), "{error}");
    // It died without a line: the end of its standard error is the reason, of this start only.
    std::fs::write(places.hub_err(), "an old story\n").unwrap();
    let error = start(&spec("broken"));
    assert!(matches!(&error, StartError::Failed { reason } if reason.contains("broke at once")), "{error}");
    assert!(!error.to_string().contains("old story"), "{error}");
    let missing = SpawnSpec { program: "/nonexistent/codi2".into(), ..spec("hub") };
    assert!(matches!(start(&missing), StartError::Spawn { .. }));
    std::fs::set_permissions(places.state(), PermissionsExt::from_mode(0o777)).unwrap();
    let error = Link::connect_or_start(&places, &spec("hub"), "test").unwrap_err();
    assert!(error.to_string().contains("chmod 700"), "{error}");
    std::fs::set_permissions(places.state(), PermissionsExt::from_mode(0o700)).unwrap();
    Link::connect_or_start(&places, &spec("hub"), "test").unwrap();
}

fn a_hub_keeps_nothing_of_its_starter() {
    let (_hubs, places) = places();
    // An editor left a file open for its children.
    let leak = std::fs::File::open("/dev/zero").unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    let program = std::env::current_exe().unwrap();
    let marks = [("CLAUDECODE", "1"), ("AI_AGENT", "x"), ("GIT_DIR", "/x"), ("TMPDIR", "/x"), ("NVIM", "/x")];
    let mut client = role(&program, "client", &places);
    let said = client.envs(marks).env("CODI2_TEST_KEPT", "1").current_dir("/tmp").output().unwrap();
    let born: serde_json::Value =
        serde_json::from_slice(&std::fs::read(places.state().join("born.json")).unwrap()).unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap().trim(), born["pid"].to_string());
    let mut fds: Vec<&str> = born["fds"].as_array().unwrap().iter().filter_map(|fd| fd.as_str()).collect();
    fds.sort_unstable();
    assert_eq!(fds, ["0", "1", "2"]);
    assert_eq!(born["folder"], "/");
    assert_eq!(born["session"], born["pid"], "a session of its own");
    let variables: Vec<&str> = born["variables"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    for (mark, _) in marks {
        assert!(!variables.contains(&mark), "{mark}");
    }
    assert!(variables.contains(&"CODI2_TEST_KEPT") && variables.contains(&"PATH"));
}

fn a_hub_that_cannot_be_reached_is_named() {
    let (_hubs, places) = places();
    let mut link = Link::connect_or_start(&places, &spec("hub"), "test").unwrap();
    let pid = hub_pid(&mut link);
    // As in a sandbox that sees the state and not the socket.
    std::fs::remove_file(places.socket()).unwrap();
    let error = Link::connect_or_start(&places, &spec("hub"), "test").unwrap_err();
    assert!(matches!(&error, ReachError::Start(StartError::Unreachable { info }) if info.pid == pid), "{error}");
    assert_eq!(starts(&places), 1);
}

fn a_hub_out_of_descriptors_waits_and_goes_on() {
    let (_hubs, places) = places();
    let mut spec = spec("hub");
    spec.variables.push(("CODI2_TEST_FILES".into(), "24".into()));
    let mut link = Link::connect_or_start(&places, &spec, "test").unwrap();
    let pid = hub_pid(&mut link);
    let crowd: Vec<_> = (0..40).map(|_| UnixStream::connect(places.socket()).unwrap()).collect();
    // Those it had descriptors for are served still, while the others wait to be accepted.
    until("it is full", || std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() >= 24);
    assert_eq!(hub_pid(&mut link), pid);
    drop(crowd);
    assert_eq!(hub_pid(&mut Link::connect(&places, "test").unwrap()), pid);
}

const NOBODY: u32 = 65_534;

/// Plays a role as another user and returns what it printed.
fn as_nobody(program: &Path, role: &str, places: &Places) -> String {
    let uid = NOBODY.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &uid, "--regid", &uid, "--clear-groups"]).arg(program);
    command.env(ROLE, role).envs(places.variables()).env("CODI2_TEST_SOCKET", places.socket());
    let said = command.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap()
}

fn other_users_are_refused_both_ways() {
    let can = rustix::process::geteuid().is_root()
        && Command::new("setpriv").arg("--version").output().is_ok_and(|said| said.status.success());
    if !can {
        println!("SKIP other_users_are_refused_both_ways: needs root and setpriv");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let reach = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    reach(folder.path(), 0o755);
    let program = folder.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    reach(&program, 0o755);
    // Our folders: refused before anything else.
    let ours = Places::at(folder.path().join("state"), folder.path().join("run"));
    ours.prepare().unwrap();
    let said = as_nobody(&program, "client", &ours);
    assert!(said.contains("belongs to uid 0, not to you (uid 65534)") && said.contains("CODI2_STATE_DIR"), "{said}");

    // Their folders, and in them our socket; then one that is theirs by name with us behind it.
    let theirs = Places::at(folder.path().join("their-state"), folder.path().join("their-run"));
    theirs.prepare().unwrap();
    for path in [theirs.state(), theirs.runtime(), &theirs.spool()] {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let listener = UnixListener::bind(theirs.socket()).unwrap();
    let said = as_nobody(&program, "client", &theirs);
    assert!(said.contains("hub.sock belongs to uid 0"), "{said}");
    chown(theirs.socket(), Some(NOBODY), Some(NOBODY)).unwrap();
    let said = as_nobody(&program, "client", &theirs);
    assert!(said.contains("runs as uid 0, not as you"), "{said}");
    drop(listener);
    std::fs::remove_file(theirs.socket()).unwrap();

    // We refuse theirs too, and root gets no exception.
    let refused = Link::connect(&theirs, "test").unwrap_err();
    assert!(refused.to_string().contains("belongs to uid 65534"), "{refused}");

    // Their process at our socket: closed without a byte, while we are served.
    runtime().block_on(async {
        let mut lock = HubLock::take(&ours).unwrap();
        let listener = Listener::bind(&mut lock, "test hub", &[]).unwrap();
        let store = Store::default();
        let serving = tokio::spawn(async move { serve(&listener, &store).await });
        reach(ours.runtime(), 0o755);
        reach(&ours.socket(), 0o666);
        assert_eq!(ours.socket().metadata().unwrap().uid(), 0);
        let stranger = tokio::task::spawn_blocking({
            let (program, ours) = (program.clone(), ours.clone());
            move || as_nobody(&program, "raw", &ours)
        });
        let said = stranger.await.unwrap();
        assert_eq!(said.trim(), "0");
        serving.abort();
    });
}
