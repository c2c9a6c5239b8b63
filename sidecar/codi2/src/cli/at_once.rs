//! The same question about many things, asked from as many threads as there are processors.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The answers, in the order of the things.
pub fn at_once<T: Sync, R: Send>(things: &[T], ask: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answers = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(at) else { return answers };
            answers.push((at, ask(thing)));
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(things.len());
    let mut answers: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let answers = workers.into_iter().map(|worker| worker.join());
        answers.flat_map(|answers| answers.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_answer() {
        for count in [0, 1, 2, 100] {
            let things: Vec<usize> = (0..count).collect();
            assert_eq!(at_once(&things, |thing| thing * 2), things.iter().map(|thing| thing * 2).collect::<Vec<_>>());
        }
    }
}
