//! What is worth sending only while it is fresh: the latest touch of each buffer, the latest sign of life of each
//! session, and texts for the hub's memory, bounded. Emptied when the connection goes.

use std::collections::{BTreeMap, VecDeque};

use codi2_protocol::{Call, FileId, Heartbeat, ProcessStats, SessionId, Text, Touched};

/// Bytes of texts waiting, at most; the oldest go first. The hub asks for a whole text where it lacks one.
const TEXT_BYTES: usize = 8 << 20;
/// What a text and each of its pieces take beside their bytes, about: a deletion has pieces without any.
const PIECE_BYTES: usize = 64;
/// Buffers whose latest touch waits, at most, and sessions whose latest sign of life does; then others go first.
const FRESH: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Lanes {
    touched: BTreeMap<(SessionId, FileId), Touched>,
    heartbeats: BTreeMap<SessionId, Heartbeat>,
    measured: Option<ProcessStats>,
    texts: VecDeque<Text>,
    text_bytes: usize,
    dropped_texts: u64,
}

impl Lanes {
    pub(super) fn touched(&mut self, touched: Touched) {
        self.touched.insert((touched.session, touched.file.clone()), touched);
        if self.touched.len() > FRESH {
            self.touched.pop_first();
        }
    }

    pub(super) fn heartbeat(&mut self, heartbeat: Heartbeat) {
        self.heartbeats.insert(heartbeat.session, heartbeat);
        if self.heartbeats.len() > FRESH {
            self.heartbeats.pop_first();
        }
    }

    pub(super) fn text(&mut self, text: Text) {
        self.text_bytes += bytes(&text);
        self.texts.push_back(text);
        while self.text_bytes > TEXT_BYTES && self.pop_text().is_some() {
            self.dropped_texts += 1;
        }
    }

    pub(super) fn measured(&mut self, stats: ProcessStats) {
        self.measured = Some(stats);
    }

    /// A text came while nobody could take it.
    pub(super) fn drop_text(&mut self) {
        self.dropped_texts += 1;
    }

    /// Texts that were dropped since the start.
    pub(super) fn dropped_texts(&self) -> u64 {
        self.dropped_texts
    }

    pub(super) fn is_empty(&self) -> bool {
        self.touched.is_empty() && self.heartbeats.is_empty() && self.measured.is_none() && self.texts.is_empty()
    }

    /// The next to send: touches first, they are small and warn somebody.
    pub(super) fn next(&mut self) -> Option<Call> {
        if let Some((_, touched)) = self.touched.pop_first() {
            return Some(Call::Touched(touched));
        }
        if let Some(text) = self.pop_text() {
            return Some(Call::Text(text));
        }
        if let Some((_, heartbeat)) = self.heartbeats.pop_first() {
            return Some(Call::Heartbeat(heartbeat));
        }
        self.measured.take().map(Call::Measured)
    }

    pub(super) fn clear(&mut self) {
        let dropped_texts = self.dropped_texts + self.texts.len() as u64;
        *self = Self { dropped_texts, ..Self::default() };
    }

    fn pop_text(&mut self) -> Option<Text> {
        let text = self.texts.pop_front()?;
        self.text_bytes -= bytes(&text);
        Some(text)
    }
}

fn bytes(text: &Text) -> usize {
    match text {
        Text::Group { inserted, .. } => {
            PIECE_BYTES + inserted.iter().map(|piece| PIECE_BYTES + piece.len()).sum::<usize>()
        }
        Text::Full { text, .. } => PIECE_BYTES + text.len(),
    }
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{Digest, GroupId, RepositoryId, WorktreeId};

    use super::*;

    fn touch(session: SessionId, path: &str, at_ms: u64) -> Touched {
        let worktree = WorktreeId { repository: RepositoryId::from_uuid(uuid::Uuid::nil()), name: String::new() };
        let file = FileId { worktree, path: path.into() };
        Touched { session, file, base: Digest::new([0; 32]), start: 0, end: 0, at_ms }
    }

    #[test]
    fn the_latest_touch_of_each_buffer_wins() {
        let (a, b) = (SessionId::new(), SessionId::new());
        let mut lanes = Lanes::default();
        for (session, path, at_ms) in [(a, "x", 1), (a, "x", 2), (b, "x", 3), (a, "y", 4), (a, "x", 5)] {
            lanes.touched(touch(session, path, at_ms));
        }
        let mut sent = Vec::new();
        while let Some(Call::Touched(touched)) = lanes.next() {
            sent.push(touched.at_ms);
        }
        sent.sort_unstable();
        assert_eq!(sent, [3, 4, 5]);
        assert!(lanes.is_empty());
    }

    #[test]
    fn texts_are_bounded_and_the_newest_stay() {
        let mut lanes = Lanes::default();
        let big = "x".repeat(TEXT_BYTES / 4);
        for part in 0..9 {
            let (session, group) = (SessionId::new(), GroupId::new());
            lanes.text(Text::Group { session, group, part, inserted: vec![big.clone()] });
        }
        let mut parts = Vec::new();
        while let Some(Call::Text(Text::Group { part, .. })) = lanes.next() {
            parts.push(part);
        }
        assert_eq!(parts, [6, 7, 8]);
        assert_eq!((lanes.text_bytes, lanes.dropped_texts()), (0, 6));
        // What waits when the connection goes is dropped, and counted.
        for _ in 0..3 {
            lanes.text(Text::Group { session: SessionId::new(), group: GroupId::new(), part: 0, inserted: Vec::new() });
        }
        lanes.clear();
        lanes.drop_text();
        assert_eq!((lanes.is_empty(), lanes.dropped_texts()), (true, 10));
    }

    #[test]
    fn of_what_a_process_measured_the_latest_is_sent() {
        let stats = |pid| ProcessStats { part: "sidecar".into(), pid, measured: Vec::new(), counts: Vec::new() };
        let mut lanes = Lanes::default();
        lanes.measured(stats(1));
        lanes.measured(stats(2));
        assert!(!lanes.is_empty());
        assert_eq!(lanes.next(), Some(Call::Measured(stats(2))));
        assert_eq!((lanes.next(), lanes.is_empty()), (None, true));
    }

    /// A connected hub that is stopped takes nothing, for hours.
    #[test]
    fn what_waits_for_a_stopped_hub_is_bounded_by_number_too() {
        let mut lanes = Lanes::default();
        let session = SessionId::new();
        for part in 0..300_000 {
            lanes.text(Text::Group { session, group: GroupId::new(), part, inserted: vec![String::new()] });
        }
        assert!(lanes.texts.len() <= TEXT_BYTES / PIECE_BYTES, "{}", lanes.texts.len());
        for n in 0..3 * FRESH as u64 {
            lanes.touched(touch(session, &n.to_string(), n));
            let session = SessionId::new();
            lanes.heartbeat(Heartbeat { session, at_ms: n, file: None, open: 0, last_edit_ms: None });
        }
        assert_eq!((lanes.touched.len(), lanes.heartbeats.len()), (FRESH, FRESH));
    }
}
