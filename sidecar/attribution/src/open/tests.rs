//! What the book keeps, for how long, and the ways it knows.

use codi2_protocol::{Actor, Class, EvidenceKind, Verdict};

use super::*;
use crate::Reading;
use crate::fixtures::{digest, file, intent};

fn change(before: u8, after: u8) -> Change {
    let verdict = Verdict::new(Actor::external(), Class::Unknown, EvidenceKind::DiskChange, "");
    Change {
        event: EventId::new(),
        before: Some(digest(before)),
        after: Some(digest(after)),
        from: Moment::earliest(0),
        to: Moment::earliest(1),
        observed: Observed::Live,
        ruling: DiskRuling::all(verdict),
    }
}

#[test]
fn ways_through_the_changes_of_one_file() {
    let mut book = OpenBook::default();
    let changes = [change(1, 2), change(2, 3), change(3, 4), change(1, 3)];
    for change in &changes {
        book.note(&file("a"), change.clone(), 0);
    }
    book.note(&file("b"), change(4, 5), 0);
    let chain = |before: u8, after: u8| book.chain(&file("a"), Some(digest(before)), Some(digest(after)));
    assert_eq!(chain(1, 4), Some(vec![changes[3].event, changes[2].event]));
    assert_eq!(chain(2, 2), Some(vec![]));
    assert_eq!(chain(1, 5), None, "another file's change is no step");
    assert_eq!(book.ended_in(&file("a"), Some(digest(3))).map(|change| change.event), Some(changes[3].event));
    assert_eq!(book.ended_in(&file("a"), None), None);
    assert_eq!(book.transitions(&file("a")).len(), 4);
}

#[test]
fn rulings_are_replaced_and_old_changes_forgotten() {
    let mut book = OpenBook::default();
    let first = change(1, 2);
    book.note(&file("a"), first.clone(), 10);
    book.note(&file("a"), change(2, 3), 20);
    let better = DiskRuling::Echo { unexplained: None };
    assert!(book.rule(&file("a"), first.event, better.clone()));
    assert_eq!(book.on(&file("a")).next().map(|change| &change.ruling), Some(&better));
    assert!(!book.rule(&file("b"), first.event, better.clone()));
    assert_eq!(book.deadline(), Some(10 + OPEN_MS));
    book.expire(10 + OPEN_MS);
    assert!(!book.rule(&file("a"), first.event, better));
    assert_eq!(book.on(&file("a")).count(), 1);
    book.expire(20 + OPEN_MS);
    assert_eq!(book.deadline(), None);
}

#[test]
fn a_file_keeps_its_last_changes_and_takes_them_along() {
    let mut book = OpenBook::default();
    for number in 0..OPEN_PER_FILE as u64 + 3 {
        book.note(&file("a"), Change { to: Moment::earliest(number), ..change(1, 2) }, number);
    }
    assert_eq!(book.on(&file("a")).map(|change| change.to.ms).min(), Some(3));
    book.note(&file("b"), Change { to: Moment::earliest(1_000), ..change(1, 2) }, 1_000);
    book.rename(&file("a"), &file("b"));
    assert_eq!(book.on(&file("a")).count(), 0);
    let kept: Vec<u64> = book.on(&file("b")).map(|change| change.to.ms).collect();
    assert_eq!((kept.len(), kept.first(), kept.last()), (OPEN_PER_FILE, Some(&4), Some(&1_000)));
}

#[test]
fn news_touch_the_changes_they_can_rule_anew() {
    let at = |number: u8| Reading::Content(digest(number));
    let verdict = Verdict::new(Actor::unknown(), Class::Exact, EvidenceKind::IntentExact, "");
    let weak = Change { from: Moment::earliest(900), to: Moment::earliest(1_000), ..change(1, 3) };
    let exact = Change { ruling: DiskRuling::all(verdict.clone()), ..weak.clone() };
    let evidence = codi2_protocol::Evidence::new(EvidenceKind::Git, "");
    let git = Change { ruling: DiskRuling::CarryAll { evidence, fresh: verdict }, ..weak.clone() };
    let long_ago = (10, 20);
    let ended = [intent(1, "a", long_ago, at(1), at(2)), intent(2, "a", long_ago, at(2), at(3))];
    for (news, touches) in [
        // Open at the time; the same begin; the same end.
        (intent(3, "a", (950, 2_000), at(7), at(8)), [true, true, false]),
        (intent(3, "a", long_ago, at(1), at(8)), [true, true, false]),
        (intent(3, "a", long_ago, at(7), at(3)), [true, true, false]),
        // Between calls that begin and end where an unexplained change does.
        (intent(3, "a", long_ago, at(7), at(8)), [true, false, false]),
    ] {
        let touched = [&weak, &exact, &git].map(|change| change.is_touched_by(&news, &ended));
        assert_eq!(touched, touches, "{news:?}");
    }
    assert!(!weak.is_touched_by(&intent(3, "a", long_ago, at(7), at(8)), &ended[..1]));
}

#[test]
fn a_checkout_of_a_whole_tree_stays_bounded_and_the_newest_stay() {
    let mut book = OpenBook::default();
    let name = |n: usize| file(&format!("f{n}"));
    for n in 0..5 * OPEN_IN_ALL {
        book.note(&name(n), change(1, 2), 1);
        let kept = book.files().count();
        assert!(kept <= OPEN_IN_ALL && kept == book.len, "{kept}");
        assert!((n.saturating_sub(OPEN_IN_ALL / 2)..=n).all(|n| book.on(&name(n)).count() == 1), "{n}");
    }
    book.rename(&name(5 * OPEN_IN_ALL - 1), &name(5 * OPEN_IN_ALL - 2));
    book.expire(1 + OPEN_MS);
    assert_eq!((book.files().count(), book.len), (0, 0));
}

#[test]
fn a_clock_set_back_keeps_nothing_for_longer() {
    let mut book = OpenBook::default();
    let day = 86_400_000;
    book.note(&file("a"), change(1, 2), day);
    book.expire(10);
    assert_eq!(book.deadline(), Some(10 + OPEN_MS));
    book.expire(10 + OPEN_MS);
    assert_eq!(book.deadline(), None);
}
