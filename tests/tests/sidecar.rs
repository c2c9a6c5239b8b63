//! The sidecar of a plain editor: what it shows, and when what surrounds it fails: a hub that stands still or never
//! answers, a sidecar killed, an editor that does not read, a full disk. Typing goes on, and what was typed is in the log
//! once.
//!
//! That an answer comes while the hub stands is what is judged here; how fast it comes is `scripts/bench`'s matter.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use codi2_ipc::{Places, spool};
use codi2_protocol::Fact;
use codi2_tests::editor::Editor;
use codi2_tests::{Entry, Neovim, World, neovim_program, skip, wait_for};
use serde_json::{Value, json};

/// Text of `keys` letters, no two neighbours equal.
fn letters(keys: usize) -> String {
    ('a'..='z').cycle().take(keys).collect()
}

/// Bytes that edits put in.
fn typed(log: &[Entry]) -> u64 {
    log.iter().filter(|entry| entry.kind() == "edit").map(Entry::inserted).sum()
}

/// Waits until exactly `wanted` bytes were put in by edits, and no event is there twice.
fn wait_typed(world: &World, wanted: usize) {
    let log = world.wait_log("every key in the log", |log| {
        let typed = typed(log);
        assert!(typed <= wanted as u64, "{typed} bytes recorded, {wanted} typed: something is there twice");
        (typed == wanted as u64).then(|| log.to_vec())
    });
    let mut ids: Vec<_> = log.iter().map(Entry::id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "an event is there twice");
}

/// A window with `a.txt` open, whose hub runs and knows the window.
fn window(world: &World) -> Editor {
    let mut editor = Editor::start(world, world.repository());
    assert!(editor.open(&world.path("a.txt")));
    world.wait_log("the window", |log| log.iter().any(|entry| entry.kind() == "session-started").then_some(()));
    editor
}

/// Types and has every hundredth key answered for: none waits for anything but the sidecar.
fn type_answered(editor: &mut Editor, path: &Path, text: &str) {
    let mut at = 0;
    for piece in text.as_bytes().chunks(100) {
        editor.type_at(path, at, std::str::from_utf8(piece).expect("letters"));
        at += piece.len();
        editor.hover(path);
    }
}

#[test]
fn a_plain_editor_is_shown_whose_its_file_is_as_the_settings_say() {
    let world = World::new(&[("a.txt", "one\ntwo\n")]);
    let path = world.path("a.txt");
    let root = world.repository();
    let hinting = [("CODI2_EDITOR_INLAY_HINTS", "true")];
    let mut editor = Editor::start_within(&world, root, "editor", Stdio::null(), &hinting);
    assert!(editor.open(&path));
    editor.type_at(&path, 0, "new\n");
    editor.save(&path);
    let shares = ["unknown 67% · Ada Example 33%".to_owned()];
    wait_for("shares", || world.explain(), || (editor.lenses(&path) == shares).then_some(()));
    let hints = editor.hints(&path);
    assert!(matches!(&hints[..], [(0, hers), (1, _)] if hers.starts_with("Ada Example, ")), "{hints:?}");
    assert_eq!(hints[1].1, "unknown");
    editor.quit();
    let mut editor = Editor::start_within(&world, root, "editor", Stdio::null(), &[("CODI2_EDITOR_CODE_LENS", "no")]);
    assert!(editor.open(&path));
    assert!(editor.lenses(&path).is_empty() && editor.hints(&path).is_empty());
    editor.quit();
}

/// The window stays open while another person begins to work here.
#[test]
fn whoever_git_names_from_now_on_is_who_types_from_now_on() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut editor = window(&world);
    let path = world.path("a.txt");
    editor.type_at(&path, 0, "by Ada\n");
    editor.save(&path);
    world.git(&["config", "user.name", "Bob Builder"]);
    let shown = |editor: &mut Editor| editor.lenses(&path).join(" ");
    wait_for(
        "what is typed is Bob's",
        || world.explain(),
        || {
            editor.type_at(&path, 0, "more\n");
            editor.save(&path);
            shown(&mut editor).contains("Bob Builder").then_some(())
        },
    );
    assert!(shown(&mut editor).contains("Ada Example"), "what she typed stays hers");
    editor.quit();
}

#[test]
fn typing_is_answered_while_the_hub_stands() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut editor = window(&world);
    let (path, keys) = (world.path("a.txt"), 2_000);
    let frozen = world.freeze_hub();
    type_answered(&mut editor, &path, &letters(keys));
    editor.save(&path);
    editor.hover(&path);
    assert!(frozen.stands(), "all of it was answered without the hub");
    drop(frozen);
    wait_typed(&world, keys);
    editor.quit();
}

#[test]
fn a_person_types_on_while_the_hub_stands() {
    if let Err(reason) = neovim_program() {
        skip!("a_person_types_on_while_the_hub_stands", "{reason}");
    }
    let world = World::new(&[("a.txt", "one\n")]);
    let mut neovim = Neovim::open(&world, "a.txt");
    neovim.type_keys("obefore, ");
    let frozen = world.freeze_hub();
    neovim.type_keys("while it stands, ");
    assert_eq!(neovim.lines(), ["one", "before, while it stands, "]);
    // She saves: that does not wait for the hub either.
    neovim.type_keys("<Esc>");
    neovim.save();
    assert!(frozen.stands());
    drop(frozen);
    neovim.type_keys("aand after it<Esc>");
    neovim.save();
    let text = "before, while it stands, and after it";
    assert_eq!(world.read("a.txt"), format!("one\n{text}\n"));
    wait_typed(&world, text.len() + 1);
    world.wait_blame("the line is hers", "a.txt", false, |blame| blame.kinds() == ["unknown", "person"]);
}

/// Something that listens where the hub would and never says a word.
struct Mute {
    socket: std::path::PathBuf,
    /// Those who called; none once it is gone.
    held: Arc<Mutex<Option<Vec<UnixStream>>>>,
}

impl Mute {
    fn listen(world: &World) -> Self {
        let socket = Places::at(world.state(), world.runtime()).socket();
        let listener = UnixListener::bind(&socket).expect("nobody listens yet");
        let held = Arc::new(Mutex::new(Some(Vec::new())));
        let streams = Arc::clone(&held);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                match &mut *streams.lock().expect("nobody panics with the lock") {
                    Some(streams) => streams.push(stream),
                    // It has left.
                    None => return,
                }
            }
        });
        Self { socket, held }
    }

    /// How many came.
    fn callers(&self) -> usize {
        self.held.lock().expect("nobody panics with the lock").as_ref().map_or(0, Vec::len)
    }

    /// Goes away: whoever looks from now on finds nobody, and who called finds his connection closed.
    fn leave(self) {
        // The socket first: a hub that is started at once makes its own in the same place.
        fs::remove_file(&self.socket).expect("its own socket");
        *self.held.lock().expect("nobody panics with the lock") = None;
    }
}

#[test]
fn a_hub_that_accepts_and_never_answers_is_survived() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mute = Mute::listen(&world);
    let mut editor = Editor::start(&world, world.repository());
    let path = world.path("a.txt");
    assert!(editor.open(&path));
    wait_for("the sidecar's call", String::new, || (mute.callers() > 0).then_some(()));
    type_answered(&mut editor, &path, &letters(1_000));
    editor.save(&path);
    editor.hover(&path);
    assert_eq!(world.hub_pid(), None, "no other hub was there to answer");
    // It goes; whoever looks next finds nobody and starts a hub.
    mute.leave();
    wait_typed(&world, 1_000);
    editor.quit();
}

/// Bytes that the edits in the world's spools put in, read from a copy: a living sidecar holds its own.
fn spooled(world: &World) -> u64 {
    let copy = tempfile::tempdir().expect("a temporary folder");
    let (from, to) =
        (Places::at(world.state(), world.runtime()), Places::at(copy.path().join("s"), copy.path().join("r")));
    to.prepare().expect("our own folders");
    fs::create_dir_all(to.spool()).expect("our own folder");
    for (path, _) in spool::waiting(&from).unwrap_or_default() {
        let name = path.file_name().expect("a file");
        let _ = fs::copy(&path, to.spool().join(name));
    }
    let mut bytes = 0;
    for mut dead in spool::drain(&to, |_| false).expect("our own folder") {
        while let Some(batch) = dead.next_batch().ok().filter(|batch| !batch.is_empty()) {
            for numbered in batch {
                if let Fact::Edits(group) = numbered.fact {
                    bytes += group.edits.iter().map(|edit| edit.inserted).sum::<u64>();
                }
            }
        }
    }
    bytes
}

#[test]
fn a_killed_sidecar_loses_nothing_that_was_acknowledged_or_spooled() {
    let world = World::new(&[("a.txt", "one\n")]);
    let path = world.path("a.txt");
    let mut keys = 0;
    for _ in 0..3 {
        let mut editor = Editor::start(&world, world.repository());
        assert!(editor.open(&path));
        editor.type_at(&path, 0, &letters(300));
        keys += 300;
        // Acknowledged: it is in the log, and no spool is left of the round before.
        wait_typed(&world, keys);
        wait_for("no spool is left", String::new, || (spooled(&world) == 0).then_some(()));
        let frozen = world.freeze_hub();
        editor.type_at(&path, 0, &letters(200));
        editor.save(&path);
        keys += 200;
        wait_for(
            "the sidecar has spooled what the hub does not take",
            || format!("{} bytes in the spool", spooled(&world)),
            || (spooled(&world) >= 200).then_some(()),
        );
        world.kill_sidecar(editor.sidecar());
        drop(frozen);
        wait_typed(&world, keys);
    }
}

#[test]
fn a_sidecar_killed_while_she_types_comes_back() {
    if let Err(reason) = neovim_program() {
        skip!("a_sidecar_killed_while_she_types_comes_back", "{reason}");
    }
    let world = World::new(&[("a.txt", "one\n")]);
    let mut neovim = Neovim::open(&world, "a.txt");
    neovim.type_keys("o");
    let mut text = String::new();
    let mut events: Vec<String> = Vec::new();
    for part in ["before the first, ", "before the second, ", "after both"] {
        neovim.type_keys(part);
        text.push_str(part);
        if part == "after both" {
            break;
        }
        let wanted = part.len() as u64;
        let log = world.wait_log("what she typed", |log| {
            let new = log.iter().filter(|entry| !events.contains(&entry.id().to_owned()));
            (new.filter(|entry| entry.kind() == "edit").map(Entry::inserted).sum::<u64>() >= wanted)
                .then(|| log.to_vec())
        });
        events = log.iter().map(|entry| entry.id().to_owned()).collect();
        let victim = *world.sidecars().last().expect("a sidecar runs");
        world.kill_sidecar(victim);
        neovim.type_keys("and ");
        text.push_str("and ");
        wait_for("another sidecar", String::new, || world.sidecars().last().filter(|pid| **pid != victim).copied());
        neovim.wait_attached();
    }
    neovim.type_keys("<Esc>");
    assert_eq!(neovim.lines(), ["one", &text]);
    neovim.save();
    world.wait_log("the last words", |log| {
        let new = log.iter().filter(|entry| !events.contains(&entry.id().to_owned()));
        (new.filter(|entry| entry.kind() == "edit").map(Entry::inserted).sum::<u64>() >= "after both".len() as u64)
            .then_some(())
    });
    let after: Vec<String> = world.log().iter().map(|entry| entry.id().to_owned()).collect();
    assert_eq!(after[..events.len()], events[..], "nothing that was acknowledged is gone");
    assert_eq!(world.read("a.txt"), format!("one\n{text}\n"));
}

/// Memory of a process that no file stands behind, in bytes.
fn anonymous(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// What reading and taking in a long text needed is given back: at rest there is the text, its owners, and little else.
#[test]
fn long_documents_cost_little_more_than_their_text() {
    const EACH: usize = 8 << 20;
    let text: String = (0..).map(|n| format!("let value_{n} = {n};\n")).take(EACH / 24).collect();
    let world = World::new(&[("a.txt", "one\n"), ("b.txt", &text), ("c.txt", &text)]);
    let mut editor = window(&world);
    let before = anonymous(editor.sidecar());
    for name in ["b.txt", "c.txt"] {
        assert!(editor.open(&world.path(name)));
        editor.hover(&world.path(name));
    }
    let limit = 2 * 3 * text.len() as u64;
    let grown = || anonymous(editor.sidecar()).saturating_sub(before);
    wait_for("it comes to rest", || format!("{} of {limit}", grown()), || (grown() < limit).then_some(()));
    editor.quit();
}

fn frame(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn an_editor_that_does_not_read_makes_nothing_grow() {
    // Answers of about 60 bytes each: three times what the pipes and the room for answers hold.
    const QUESTIONS: u64 = 60_000;
    const GROWTH: u64 = 8 << 20;
    let world = World::new(&[("a.txt", "one\n")]);
    let mut sidecar = world
        .command(codi2_tests::program())
        .arg("lsp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("codi2 lsp starts");
    let (pid, mut input) = (sidecar.id(), sidecar.stdin.take().expect("piped"));
    let mut output = BufReader::new(sidecar.stdout.take().expect("piped"));
    let mut answer = move || -> Option<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            output.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end().strip_prefix("Content-Length: ") {
                Some(bytes) => length = bytes.parse().ok()?,
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        output.read_exact(&mut body).ok()?;
        serde_json::from_slice(&body).ok()
    };
    let root = format!("file://{}", world.repository().display());
    let hello = json!({"processId": null, "rootUri": root, "capabilities": {}});
    input.write_all(&frame(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}))).unwrap();
    assert_eq!(answer().expect("an answer")["id"], 0);
    input.write_all(&frame(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}))).unwrap();
    let before = anonymous(pid);
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let asking = thread::spawn(move || {
        for id in 1..=QUESTIONS {
            let params = json!({"textDocument": {"uri": "file:///a"}, "position": {"line": 0, "character": 0}});
            let question = json!({"jsonrpc": "2.0", "id": id, "method": "textDocument/hover", "params": params});
            input.write_all(&frame(&question)).expect("the sidecar lives");
            counted.store(id, Ordering::Relaxed);
        }
        input
    });
    // It has come to rest when it takes no more: the sidecar does not read on while its answers are not read.
    let mut last = (0, 0);
    wait_for(
        "the sidecar stops reading",
        || format!("{} of {QUESTIONS} sent", sent.load(Ordering::Relaxed)),
        || {
            let now = sent.load(Ordering::Relaxed);
            last = if now > 0 && now == last.0 { (now, last.1 + 1) } else { (now, 0) };
            (last.1 >= 8).then_some(())
        },
    );
    assert!(sent.load(Ordering::Relaxed) < QUESTIONS, "it took every question, though nobody read an answer");
    let grown = anonymous(pid).saturating_sub(before);
    assert!(grown < GROWTH, "{grown} bytes more than before");
    // Read again, each question has its one answer.
    let mut ids: Vec<u64> =
        (0..QUESTIONS).map(|_| answer().expect("an answer")["id"].as_u64().expect("an id")).collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(1..=QUESTIONS));
    let grown = anonymous(pid).saturating_sub(before);
    assert!(grown < GROWTH, "{grown} bytes more than before");
    drop(asking.join().expect("it wrote all"));
    sidecar.wait().expect("our own child");
}

/// A small file system; unmounted when dropped.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(at: std::path::PathBuf) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs"]).arg(&at).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_under_the_spool_is_said_and_stops_no_key() {
    const NAME: &str = "a_full_disk_under_the_spool_is_said_and_stops_no_key";
    if let Err(reason) = neovim_program() {
        skip!(NAME, "{reason}");
    }
    let world = World::new(&[("a.txt", "one\n")]);
    let spool = Places::at(world.state(), world.runtime()).spool();
    fs::create_dir_all(&spool).expect("our own folder");
    let Some(disk) = Disk::mount(spool) else { skip!(NAME, "cannot mount a small tmpfs") };
    let mute = Mute::listen(&world);
    let mut neovim = Neovim::open(&world, "a.txt");
    // More than the disk holds: each key is an edit in the spool.
    let mut text = String::new();
    neovim.type_keys("o");
    let said = loop {
        let keys = letters(50);
        neovim.type_keys(&keys);
        text.push_str(&keys);
        assert_eq!(neovim.lines(), ["one", &text]);
        let line = neovim.lua("return require('codi2').statusline()").as_str().unwrap_or_default().to_owned();
        if line.contains("spool") {
            break line;
        }
        assert!(text.len() < 10_000, "nothing is said: {line}");
    };
    assert!(said.contains("No space left"), "{said}");
    neovim.type_keys("<Esc>");
    // Nothing of it was lost: what no disk took waits in memory for the hub.
    mute.leave();
    wait_typed(&world, text.len() + 1);
    drop(disk);
}
