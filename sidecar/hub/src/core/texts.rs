//! Texts that come beside facts, for memory alone: those of groups, which may come ahead of them, and whole buffers in parts.
//!
//! Bounded in number and bytes; whoever lost one is asked for the whole text. Absent on purpose: whose they are.

use codi2_protocol::Text;

use super::{Core, bounds};
use crate::ports::Ports;

/// Groups whose texts wait for them, at most.
const WAITING_TEXTS: usize = 256;
/// Bytes of texts that wait for their groups, at most; whoever lost one is asked for the whole text.
const WAITING_BYTES: usize = 8 << 20;
/// What a piece of text takes beside its bytes: deletions have pieces without any.
const PIECE_BYTES: usize = size_of::<String>();

impl Core {
    /// Text for memory: beside a group, or a whole buffer.
    pub(super) fn text(&mut self, text: Text, ports: &mut dyn Ports) {
        match text {
            Text::Group { group, part, inserted, .. } => {
                self.texts.push_back(((group, part), inserted));
                let bytes = |texts: &Vec<String>| texts.iter().map(|text| text.len() + PIECE_BYTES).sum::<usize>();
                let mut waiting: usize = self.texts.iter().map(|(_, texts)| bytes(texts)).sum();
                while (self.texts.len() > WAITING_TEXTS || waiting > WAITING_BYTES)
                    && let Some((_, dropped)) = self.texts.pop_front()
                {
                    waiting -= bytes(&dropped);
                }
            }
            Text::Full { session, file, digest, part, parts, text } => {
                let key = (session, file);
                let wanted = self.ledger.branches.get(&(key.1.clone(), session)).is_some_and(|branch| branch.asked);
                if !wanted {
                    self.full.remove(&key);
                    return;
                }
                let entry = self.full.entry(key.clone()).or_insert_with(|| (digest, Vec::new()));
                if entry.0 != digest || part == 0 {
                    *entry = (digest, Vec::new());
                }
                if entry.1.len() == part as usize {
                    entry.1.push(text);
                }
                if self.full_bytes() > bounds::FULL_BYTES {
                    // Asked for again with the next group.
                    self.full.remove(&key);
                    if let Some(branch) = self.ledger.branches.get_mut(&(key.1, key.0)) {
                        branch.asked = false;
                    }
                    return;
                }
                let Some(entry) = self.full.get(&key) else { return };
                if entry.1.len() == parts as usize
                    && let Some((digest, texts)) = self.full.remove(&key)
                {
                    self.whole_text(key.0, &key.1, digest, texts.concat(), ports);
                }
            }
        }
    }

    /// Bytes of texts that wait for their groups or for their other parts.
    #[cfg(test)]
    pub(super) fn waiting_text_bytes(&self) -> usize {
        let groups = self.texts.iter().flat_map(|(_, texts)| texts).map(String::len).sum::<usize>();
        groups + self.full.values().flat_map(|(_, texts)| texts).map(String::len).sum::<usize>()
    }
}
