//! Sidecars in this process, each with one open buffer, and the time that a group takes to be durable.
//!
//! Absent on purpose: the session machine and its sealing (digests of the text and evidence), which `did-change` and
//! `windows` measure.

use std::time::{Duration, Instant};

use codi2_ipc::{Flushed, Options};
use codi2_tests::sidecar::Sidecar;
use tokio::runtime::Runtime;

use crate::editor::code;
use crate::ground::{BUILD, Ground};
use crate::samples::Samples;

/// Keys of a group.
const KEYS: usize = 8;

/// Sidecars at work in one worktree, each at a file of its own, over a hub.
pub struct Crowd {
    pub ground: Ground,
    runtime: Runtime,
    sidecars: Vec<Sidecar>,
}

impl Crowd {
    /// So many, each with a file of about so many bytes; `prepare` is done before the hub starts.
    pub fn new(number: usize, bytes: usize, prepare: impl FnOnce(&Ground)) -> Self {
        let text = code(bytes);
        let names: Vec<String> = (0..number).map(|number| format!("file{number}.rs")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
        let ground = Ground::new(&files);
        prepare(&ground);
        ground.start_hub();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime for the sidecars");
        let sidecars = runtime.block_on(async {
            let mut sidecars = Vec::new();
            for name in &names {
                let mut options = Options::new(BUILD);
                options.capabilities = vec!["text".to_owned(), "owners".to_owned()];
                sidecars.push(Sidecar::start(&ground.world, name, &text, options).await);
            }
            sidecars
        });
        Self { ground, runtime, sidecars }
    }

    /// One group of the first, with nobody else at it.
    pub fn one(&mut self) -> Duration {
        self.runtime.block_on(group(&mut self.sidecars[0]))
    }

    /// Each has `each` groups made durable, one after the other, all sidecars at once.
    pub fn all_at_once(&mut self, each: usize, into: &mut Samples) {
        let sidecars = std::mem::take(&mut self.sidecars);
        self.sidecars = self.runtime.block_on(async {
            let running: Vec<_> = sidecars
                .into_iter()
                .map(|mut sidecar| {
                    tokio::spawn(async move {
                        let mut times = Samples::default();
                        for _ in 0..each {
                            times.add(group(&mut sidecar).await);
                        }
                        (sidecar, times)
                    })
                })
                .collect();
            let mut back = Vec::new();
            for sidecar in running {
                let (sidecar, times) = sidecar.await.expect("a sidecar does not break");
                into.append(times);
                back.push(sidecar);
            }
            back
        });
    }

    /// Ends the sidecars, and then the hub with its ground.
    pub fn end(self) {
        drop(self.sidecars);
        self.runtime.shutdown_timeout(Duration::from_secs(5));
    }
}

/// Types a few keys and gives the time from their report to the hub's word.
async fn group(sidecar: &mut Sidecar) -> Duration {
    let (text, group) = sidecar.types(sidecar.text.len() / 2, KEYS);
    let start = Instant::now();
    sidecar.client.text(text);
    sidecar.report(group);
    let flushed = sidecar.flush().await;
    let time = start.elapsed();
    assert_eq!(flushed, Flushed::Durable);
    time
}
