//! Sidecars in this process, each with one open buffer, and the time that a group takes to be durable.
//!
//! Absent on purpose: the session machine and its sealing (digests of the text and evidence), which `did-change` and
//! `windows` measure.

use std::time::{Duration, Instant};

use codi2_ipc::{Flushed, Options};
use codi2_tests::sidecar::Sidecar;
use tokio::runtime::Runtime;

use crate::ground::{BUILD, Ground};
use crate::samples::Samples;

/// Keys of a group.
const KEYS: usize = 8;

/// One sidecar for each file, and the runtime they share.
pub fn sidecars(ground: &Ground, names: &[String], text: &str) -> (Runtime, Vec<Sidecar>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime for the sidecars");
    let sidecars = runtime.block_on(async {
        let mut sidecars = Vec::new();
        for name in names {
            let mut options = Options::new(BUILD);
            options.capabilities = vec!["text".to_owned(), "owners".to_owned()];
            sidecars.push(Sidecar::start(&ground.world, name, text, options).await);
        }
        sidecars
    });
    (runtime, sidecars)
}

/// Each sidecar has `each` groups made durable, one after the other, all sidecars at once.
pub async fn all_at_once(sidecars: Vec<Sidecar>, each: usize, into: &mut Samples) -> Vec<Sidecar> {
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
}

/// Types a few keys and gives the time from their report to the hub's word.
pub async fn group(sidecar: &mut Sidecar) -> Duration {
    let (text, group) = sidecar.types(sidecar.text.len() / 2, KEYS);
    let start = Instant::now();
    sidecar.client.text(text);
    sidecar.report(group);
    let flushed = sidecar.flush().await;
    let time = start.elapsed();
    assert_eq!(flushed, Flushed::Durable);
    time
}
