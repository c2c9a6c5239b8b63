//! A real FoundationDB for tests: the cluster that the environment names, or servers of our own in temporary folders.
//!
//! `CODI2_FDB_CLUSTER_FILE` names a cluster that tests may write to, under prefixes of their own. Without it,
//! `fdbserver` and `fdbcli` on `PATH` are started, one process on a free port, beside the client library
//! (`CODI2_FDB_LIBRARY`, or where the packages put it). Where there is neither, a test says so by its name and passes.
//! A server dies with the test's process, however that ends. Absent on purpose: anything of codi2 (the store's own
//! tests include this file).

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

/// A cluster that answers.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its cluster file.
    pub file: PathBuf,
    /// The client library, where it is not in a usual place.
    pub library: Option<PathBuf>,
}

/// The cluster that the tests of this process share; none is said once, by `name`.
pub fn shared(name: &str) -> Option<Cluster> {
    static SHARED: OnceLock<Option<(Cluster, Option<Server>)>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        if let Some(file) = std::env::var_os("CODI2_FDB_CLUSTER_FILE") {
            return Some((Cluster { file: file.into(), library: library() }, None));
        }
        let server = Server::start("memory", None)?;
        Some((server.cluster.clone(), Some(server)))
    });
    if shared.is_none() {
        println!("SKIP {name}: no FoundationDB here");
    }
    shared.as_ref().map(|(cluster, _)| cluster.clone())
}

/// A server of one's own, to do harm to; where none can be started, that is said by `name`.
pub fn own(name: &str, proxy: Option<&Proxy>) -> Option<Server> {
    let server = Server::start("ssd", proxy);
    if server.is_none() {
        println!("SKIP {name}: no FoundationDB server to start here");
    }
    server
}

fn library() -> Option<PathBuf> {
    std::env::var_os("CODI2_FDB_LIBRARY").map(PathBuf::from)
}

fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// One server process with a folder of its own.
pub struct Server {
    /// How to reach it.
    pub cluster: Cluster,
    arguments: Vec<String>,
    cli: PathBuf,
    process: Option<Running>,
    folder: tempfile::TempDir,
}

/// The server under a shell that ends it when the pipe to this process closes.
struct Running {
    shell: Child,
    pid: String,
}

impl Server {
    fn start(engine: &str, proxy: Option<&Proxy>) -> Option<Self> {
        let (program, cli) = (installed("fdbserver")?, installed("fdbcli")?);
        let usual = ["/usr/lib/libfdb_c.so", "/usr/local/lib/libfdb_c.so", "/usr/local/lib/libfdb_c.dylib"];
        if library().is_none() && !usual.iter().any(|path| Path::new(path).exists()) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listening = free_port();
        let public = proxy.map_or(listening, |proxy| proxy.port);
        let file = folder.path().join("fdb.cluster");
        std::fs::write(&file, format!("test:test@127.0.0.1:{public}\n")).expect("the cluster file is written");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut arguments: Vec<String> = vec![program.display().to_string()];
        arguments
            .extend(["-p", &format!("127.0.0.1:{public}"), "-l", &format!("127.0.0.1:{listening}")].map(String::from));
        arguments.extend(["-C".to_owned(), at("fdb.cluster"), "-d".to_owned(), at("data"), "-L".to_owned(), at("")]);
        if let Some(proxy) = proxy {
            *proxy.target.lock().expect("no panic under the lock") = listening;
        }
        let cluster = Cluster { file, library: library() };
        let mut server = Self { cluster, arguments, cli, process: None, folder };
        server.restart();
        server.cli(&format!("configure new single {engine}"));
        Some(server)
    }

    /// Runs one command of `fdbcli` and gives what it printed.
    pub fn cli(&self, command: &str) -> String {
        let mut cli = Command::new(&self.cli);
        cli.arg("-C").arg(&self.cluster.file).args(["--timeout", "60", "--exec", command]);
        let output = cli.output().expect("fdbcli runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "fdbcli {command}: {said}");
        said
    }

    /// Starts it (again) on the same data.
    pub fn restart(&mut self) {
        let script = r#""$@" >/dev/null 2>&1 & echo $!; read -r _; kill -9 $! 2>/dev/null; wait"#;
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).args(&self.arguments).current_dir(self.folder.path());
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut pid = String::new();
        let stdout = shell.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut pid).expect("the shell says the server's id");
        self.process = Some(Running { shell, pid: pid.trim().to_owned() });
    }

    fn signal(&self, name: &str) {
        let Some(running) = &self.process else { return };
        let sent = Command::new("kill").args([name, &running.pid]).status().expect("kill runs");
        assert!(sent.success(), "kill {name}");
    }

    /// The id of its process, while that runs.
    pub fn pid(&self) -> Option<&str> {
        self.process.as_ref().map(|running| running.pid.as_str())
    }

    /// Stops it as an operator does (SIGTERM), and waits for its end.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        self.wait_gone();
    }

    /// Kills it (SIGKILL), and waits for its end.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        self.wait_gone();
    }

    fn wait_gone(&mut self) {
        if let Some(mut running) = self.process.take() {
            let state = format!("/proc/{}/stat", running.pid);
            // Its shell reaps it only at the end of the pipe: a zombie is gone, too.
            let gone = || std::fs::read_to_string(&state).map_or(true, |stat| stat.contains(") Z "));
            while !gone() {
                std::thread::park_timeout(Duration::from_millis(2));
            }
            drop(running.shell.stdin.take());
            running.shell.wait().expect("the shell ends");
        }
    }

    /// Halts it (SIGSTOP): connections stay, nobody answers.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.signal("-CONT");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut running) = self.process.take() {
            drop(running.shell.stdin.take());
            let _ = running.shell.wait();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// A way to a server that can be cut, or held up in one direction. The server must name the proxy's port as its own, else
/// clients go round it.
pub struct Proxy {
    port: u16,
    target: Arc<Mutex<u16>>,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    gate: Arc<Gate>,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    There,
    /// From the server to the client.
    Back,
}

/// Holds up what goes one way on the connections that there are; new ones pass.
#[derive(Default)]
struct Gate {
    state: Mutex<Held>,
    opened: Condvar,
}

#[derive(Default)]
struct Held {
    way: Option<Way>,
    /// Connections with lower numbers are held up.
    below: usize,
    /// Connections made.
    made: usize,
    /// Those with something that is held up, or on its last stretch.
    waiting: BTreeSet<usize>,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, Held> {
        self.state.lock().expect("no panic under the lock")
    }

    fn pass(&self, way: Way, number: usize) {
        let held = |held: &mut Held| held.way == Some(way) && number < held.below;
        let mut state = self.state();
        if held(&mut state) {
            state.waiting.insert(number);
            drop(self.opened.wait_while(state, held).expect("no panic under the lock"));
        }
    }

    fn passed(&self, number: usize) {
        if self.state().waiting.remove(&number) {
            self.opened.notify_all();
        }
    }
}

impl Proxy {
    /// A proxy on a free port, to a server that is started with it.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let proxy = Self {
            port: listener.local_addr().expect("it is bound").port(),
            target: Arc::default(),
            cut: Arc::default(),
            open: Arc::default(),
            gate: Arc::default(),
        };
        let (target, cut, open) = (Arc::clone(&proxy.target), Arc::clone(&proxy.cut), Arc::clone(&proxy.open));
        let gate = Arc::clone(&proxy.gate);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let target = *target.lock().expect("no panic under the lock");
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else { continue };
                let number = {
                    let mut state = gate.state();
                    let number = state.made;
                    state.made += 1;
                    number
                };
                let both = [(Way::There, &client, &server), (Way::Back, &server, &client)];
                for (way, from, to) in both {
                    let (from, to) = (from.try_clone().expect("a copy"), to.try_clone().expect("a copy"));
                    let gate = Arc::clone(&gate);
                    std::thread::spawn(move || copy(from, to, &gate, way, number));
                }
                open.lock().expect("no panic under the lock").extend([client, server]);
            }
        });
        proxy
    }

    /// Ends every connection and lets no new one through.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().expect("no panic under the lock").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }

    /// Keeps what goes this way on the connections that there are. A client misses the answers to its pings then, and after
    /// some seconds makes new connections, which pass.
    pub fn hold(&self, way: Way) {
        let mut state = self.gate.state();
        (state.way, state.below) = (Some(way), state.made);
    }

    /// Delivers what it held, and returns when that is done.
    pub fn release(&self) {
        let mut state = self.gate.state();
        state.way = None;
        self.gate.opened.notify_all();
        let delivers = |state: &mut Held| !state.waiting.is_empty();
        drop(self.gate.opened.wait_while(state, delivers).expect("no panic under the lock"));
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, gate: &Gate, way: Way, number: usize) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        gate.pass(way, number);
        let written = to.write_all(&buffer[..bytes]);
        gate.passed(number);
        if written.is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
