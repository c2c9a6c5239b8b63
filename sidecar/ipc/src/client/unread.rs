//! News that wait for a reader who is slow.

use std::collections::VecDeque;

use super::News;

/// Keeps news for a slow reader. Bounded: while anything waits nothing is read from the hub, of the connection only how
/// it went and came last counts, and one loss says as much as many.
pub(super) fn wait_for_reader(unread: &mut VecDeque<News>, news: News) {
    let is_away = |news: &News| matches!(news, News::Disconnected { .. } | News::Unreachable { .. });
    match &news {
        News::Disconnected { .. } | News::Unreachable { .. } => {
            unread.retain(|old| !is_away(old) && !matches!(old, News::Connected { .. }));
        }
        News::Connected { .. } => unread.retain(|old| !matches!(old, News::Connected { .. })),
        News::Lost(_) => unread.retain(|old| !matches!(old, News::Lost(_))),
        News::Notice(_) => {}
    }
    unread.push_back(news);
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{Gap, GapReason, Notice};

    use super::*;
    use crate::connect::hello;

    #[test]
    fn news_for_a_reader_that_reads_nothing_stay_few_and_say_how_it_is() {
        let gap = || Gap { first_seq: 1, last_seq: 1, facts: 1, bytes: 1, reason: GapReason::SpoolFull };
        let mut unread = VecDeque::from([News::Notice(Notice::Durable { seq: 1 })]);
        for n in 0..1_000 {
            wait_for_reader(&mut unread, News::Disconnected { reason: n.to_string() });
            wait_for_reader(&mut unread, News::Unreachable { reason: n.to_string() });
            wait_for_reader(&mut unread, News::Lost(gap()));
            wait_for_reader(&mut unread, News::Connected { hub: hello("hub", &[], None) });
            assert_eq!(unread.len(), 4);
        }
        // It went and came: a reader that only heard of the latter would not make its calls again.
        let gone = unread.iter().position(|news| matches!(news, News::Unreachable { reason } if reason == "999"));
        let back = unread.iter().position(|news| matches!(news, News::Connected { .. }));
        assert!(gone.is_some() && gone < back, "{unread:?}");
    }
}
