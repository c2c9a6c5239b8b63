//! A watch under test: collects its events and waits for conditions, with a deadline.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use codi2_protocol::Digest;
use codi2_workspace::{Content, Hand, Observation, Watch, WatchEvent, WatchOptions, identify};

const DEADLINE: Duration = Duration::from_secs(30);

pub struct Watching {
    pub watch: Watch,
    pub root: PathBuf,
    /// What came before the first scan was done.
    pub scanned: Vec<WatchEvent>,
    events: Receiver<WatchEvent>,
    cookies: Cell<u32>,
    /// What was last reported of each path that is there.
    known: RefCell<BTreeMap<String, Digest>>,
}

impl Watching {
    /// Starts a watch and waits until its first scan is done.
    pub fn start(root: &Path, options: WatchOptions) -> Self {
        let (sender, events) = channel();
        let watch = Watch::start(identify(root).unwrap(), options, move |event| {
            sender.send(event).ok();
        })
        .unwrap();
        let (cookies, known) = (Cell::new(0), RefCell::default());
        let mut watching = Self { watch, root: root.to_owned(), scanned: Vec::new(), events, cookies, known };
        watching.scanned = watching.until(|event| matches!(event, WatchEvent::State(..)), "the first state");
        watching
    }

    /// All events up to and with the one that is waited for.
    pub fn until(&self, which: impl Fn(&WatchEvent) -> bool, what: &str) -> Vec<WatchEvent> {
        let end = Instant::now() + DEADLINE;
        let mut out = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                let seen: Vec<_> = out.iter().map(short).collect();
                panic!("{what} did not come; saw {seen:#?}");
            };
            self.note(&event);
            let found = which(&event);
            out.push(event);
            if found {
                return out;
            }
        }
    }

    /// Waits until everything that happened before is reported: a cookie file comes and goes. Its own reports are left
    /// out of the answer.
    pub fn sync(&self) -> Vec<WatchEvent> {
        self.cookies.set(self.cookies.get() + 1);
        let name = "codi2-cookie";
        let file = self.root.join(name);
        let about = |gone: bool| {
            move |event: &WatchEvent| match event {
                WatchEvent::Observed(page) => {
                    page.iter().any(|one| one.path == name && gone == matches!(one.content, Content::Gone))
                }
                _ => false,
            }
        };
        std::fs::write(&file, format!("{}\n", self.cookies.get())).unwrap();
        let mut events = self.until(about(false), "the cookie");
        std::fs::remove_file(&file).unwrap();
        events.extend(self.until(about(true), "the cookie's end"));
        for event in &mut events {
            if let WatchEvent::Observed(page) = event {
                page.retain(|one| one.path != name);
            }
        }
        events.retain(|event| !matches!(event, WatchEvent::Observed(page) if page.is_empty()));
        events
    }

    /// Runs something and returns the observations it led to.
    pub fn after(&self, action: impl FnOnce()) -> Vec<Observation> {
        action();
        observations(self.sync())
    }

    /// Runs something and returns what the observations it led to come to: what is as it was before is left out, of each
    /// path the last one counts, and of a move whose two ends were seen apart the pairing. How often the watch looked in
    /// between is a matter of speed.
    pub fn net(&self, action: impl FnOnce()) -> Vec<Observation> {
        let before = self.known.borrow().clone();
        let mut last: BTreeMap<String, Observation> = BTreeMap::new();
        for mut one in self.after(action) {
            if let Some(from) = &one.from {
                last.remove(from);
            } else if let Some(earlier) = last.remove(&one.path)
                && earlier.content == one.content
            {
                one.from = earlier.from;
            }
            last.insert(one.path.clone(), one);
        }
        last.retain(|path, one| one.from.is_some() || before.get(path).copied() != one.content.digest());
        last.into_values().collect()
    }

    fn note(&self, event: &WatchEvent) {
        let (WatchEvent::Observed(page) | WatchEvent::Scan(page)) = event else { return };
        let mut known = self.known.borrow_mut();
        for one in page {
            one.from.as_ref().map(|from| known.remove(from));
            match one.content.digest() {
                Some(digest) => known.insert(one.path.clone(), digest),
                None => known.remove(&one.path),
            };
        }
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
}

/// A watch whose time is moved on by hand: it looks when it is told to.
pub struct ByHand {
    pub watch: Watch,
    hand: Hand,
    events: Receiver<WatchEvent>,
}

impl ByHand {
    /// Starts one, and its first scan is done.
    pub fn start(root: &Path) -> Self {
        let (hand, (sender, events)) = (Hand::default(), channel());
        let options = WatchOptions { hand: Some(hand.clone()), ..WatchOptions::default() };
        let watch = Watch::start(identify(root).unwrap(), options, move |event| drop(sender.send(event))).unwrap();
        let started = Self { watch, hand, events };
        started.settled();
        started
    }

    /// Time passes.
    pub fn passes(&self, time: Duration) {
        self.hand.advance(time);
    }

    /// Lets everything settle, and gives what was observed since.
    pub fn settled(&self) -> Vec<Observation> {
        assert!(self.hand.hear());
        while let Some(wait) = self.hand.step() {
            self.hand.advance(wait);
        }
        observations(self.events.try_iter().collect())
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        self.hand.end();
    }
}

/// The observations of some events, scans included.
pub fn observations(events: Vec<WatchEvent>) -> Vec<Observation> {
    events
        .into_iter()
        .flat_map(|event| match event {
            WatchEvent::Observed(page) | WatchEvent::Scan(page) => page,
            _ => Vec::new(),
        })
        .collect()
}

/// One line about an event.
pub fn short(event: &WatchEvent) -> String {
    match event {
        WatchEvent::Scan(page) => format!("scan of {}", page.len()),
        WatchEvent::Observed(page) => page.iter().map(observation).collect::<Vec<_>>().join(" | "),
        other => format!("{other:?}"),
    }
}

/// One line about an observation.
pub fn observation(one: &Observation) -> String {
    let content = match &one.content {
        Content::Gone => "gone".to_owned(),
        other => format!("{} bytes {}", other.size(), other.digest().unwrap().short()),
    };
    let from = one.from.as_deref().map(|from| format!(" from {from}")).unwrap_or_default();
    let git = match &one.git {
        None => "no git".to_owned(),
        Some(git) => format!("git {} by {:?}, {} sources", git.what.as_str(), git.operation, git.sources.len()),
    };
    format!("{}{from}: {content}, {git}, clean {}, {:?}", one.path, one.blob.is_some(), one.cause)
}
