//! Owners of lines, from texts that are known to one that nobody saw.

use codi2_protocol::{Actor, ActorKind, EventId, EvidenceKind, Verdict};

use super::*;

fn shown(ranges: &[LineRange]) -> String {
    let second = |range: &LineRange| range.second.map(|second| format!("+{second}")).unwrap_or_default();
    let one = |range: &LineRange| format!("{}-{}:{}{}", range.first, range.last, range.owner, second(range));
    ranges.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_line_is_whose_most_of_it_is() {
    for (text, spans, lines, expected) in [
        ("a\nb\nc\n", vec![(4, 0), (2, 1)], vec![1..=3], "1-2:0 3-3:1"),
        ("a\nb\nc\n", vec![(4, 0), (2, 1)], vec![1..=1, 3..=3], "1-1:0 3-3:1"),
        ("a\nb", vec![(2, 0), (1, 1)], vec![1..=2], "1-1:0 2-2:1"),
        // Blanks weigh nothing, unless there is nothing else.
        ("      x\n   \n", vec![(6, 0), (6, 1)], vec![1..=2], "1-2:1"),
        ("aaaabb\n", vec![(4, 0), (3, 1)], vec![1..=1], "1-1:0+1"),
        ("aaaaaab\n", vec![(6, 0), (2, 1)], vec![1..=1], "1-1:0+1"),
        ("ab\n", vec![(1, 1), (2, 0)], vec![1..=1], "1-1:1+0"),
        ("", vec![], vec![1..=1], ""),
    ] {
        assert_eq!(
            shown(&ranges(text, &OwnerTree::from_spans(spans), &lines, &mut Owners::default())),
            expected,
            "{text:?}"
        );
    }
}

/// Whoever changed a word of a line makes nobody else its author, and its author less sure.
#[test]
fn a_line_is_as_sure_as_its_least_sure_part() {
    let mut owners = Owners::default();
    let mut by = |kind, name: &str, class| {
        let verdict = Verdict::new(Actor::named(kind, name), class, EvidenceKind::Other, "");
        owners.enter(&Owner { verdict, at_ms: None, event: Some(EventId::new()) })
    };
    let exact = by(ActorKind::Agent, "bot", Class::Exact);
    let moved = by(ActorKind::Agent, "bot", Class::Declared);
    let typed = by(ActorKind::Person, "ada", Class::Inferred);
    let stranger = by(ActorKind::External, "", Class::Unknown);
    for (spans, class, second) in [
        (vec![(10, exact)], Class::Exact, None),
        (vec![(9, exact), (1, moved)], Class::Declared, None),
        (vec![(9, exact), (1, typed)], Class::Inferred, Some(typed)),
        (vec![(9, exact), (1, stranger)], Class::Carried, Some(stranger)),
        (vec![(8, exact), (1, moved), (1, stranger)], Class::Carried, Some(stranger)),
        (vec![(9, stranger), (1, exact)], Class::Unknown, Some(exact)),
    ] {
        let range = ranges("0123456789", &OwnerTree::from_spans(spans.clone()), &[1..=1], &mut owners)[0];
        let owner = &owners.list[range.owner as usize].verdict;
        assert_eq!(owner.origin, owners.list[spans[0].1 as usize].verdict.origin);
        assert_eq!((owner.class, range.second), (class, second), "{spans:?}");
    }
}

#[test]
fn a_text_that_nobody_saw_has_the_lines_of_its_relatives() {
    let mut owners = Owners::default();
    let mut person = |name: &str, event: bool| {
        let (kind, class) = match name {
            "" => (ActorKind::Unknown, Class::Unknown),
            _ => (ActorKind::Person, Class::Exact),
        };
        let verdict = Verdict::new(Actor::named(kind, name), class, EvidenceKind::Other, "");
        owners.enter(&Owner { verdict, at_ms: None, event: event.then(EventId::new) })
    };
    let [unseen, external] = [false, true].map(|event| person("", event));
    let [ada, bea] = ["ada", "bea"].map(|name| person(name, true));
    let tree = |spans: &[(usize, u32)]| OwnerTree::from_spans(spans.to_vec());
    let first = (Text::new("one\ntwo\nthree\nfour\n"), tree(&[(4, ada), (4, ada), (6, external), (5, external)]));
    let second = (Text::new("zero\ntwo\nthree\nfive\n"), tree(&[(5, bea), (4, bea), (6, bea), (5, unseen)]));
    let text = Text::new("zero\none\ntwo and more\nthree\nfour\nfive\n");
    let exact = OwnerTree::new(text.len_bytes(), unseen);
    let near = |(text, owners)| Base { text, owners, is_near: true };
    let tree = derived(&text, &exact, &[first, second].map(near), &owners);
    let found: Vec<u32> = ranges(&text.to_string(), &tree, &[1..=6], &mut owners)
        .iter()
        .flat_map(|range| (range.first..=range.last).map(|_| range.owner))
        .collect();
    assert_eq!(found, [bea, ada, unseen, bea, external, unseen]);
}

/// `git apply --unidiff-zero` sets a hunk where the new text had it, whatever else was left out.
#[test]
fn a_line_counts_also_where_another_order_stands() {
    let mut owners = Owners::default();
    let mut person = |name: &str| {
        let verdict = Verdict::new(Actor::named(ActorKind::Person, name), Class::Exact, EvidenceKind::Other, "");
        owners.enter(&Owner { verdict, at_ms: None, event: Some(EventId::new()) })
    };
    let [ada, bea] = ["ada", "bea"].map(&mut person);
    let nobody = owners.enter(&crate::core::not_observed());
    let old = Text::new("zero is here\none is here\ntwo is here\n{\nthe line of bea\n");
    let base = |spans: &[(usize, u32)], old: &Text| Base {
        text: old.clone(),
        owners: OwnerTree::from_spans(spans.to_vec()),
        is_near: true,
    };
    let text = Text::new("the line of bea\n{\nzero is here\none is here\ntwo is here\n");
    let exact = OwnerTree::new(text.len_bytes(), nobody);
    let bases = [base(&[(39, ada), (16, bea)], &old)];
    let tree = derived(&text, &exact, &bases, &owners);
    assert_eq!(shown(&ranges(&text.to_string(), &tree, &[1..=5], &mut owners)), "1-1:1 2-2:2 3-5:0");
    // Two who wrote the same line are none.
    let other = Text::new("the line of bea\n");
    let bases = [bases[0].clone(), base(&[(16, ada)], &other)];
    let text = Text::new("zero is here\nthe line of bea\none is here\ntwo is here\n");
    let tree = standing(&text, &bases.iter().collect::<Vec<_>>(), &owners);
    assert!(tree.spans(13..29).iter().all(|(_, owner)| *owner == NOBODY));
}

/// Somebody's line elsewhere says the same: the hub saw that nobody known, or somebody before codi2, wrote this one.
#[test]
fn a_line_that_was_seen_to_be_nobodys_is_not_anothers() {
    let mut owners = Owners::default();
    let mut by = |kind, name: &str, class, evidence| {
        let verdict = Verdict::new(Actor::named(kind, name), class, evidence, "");
        let event = (evidence != EvidenceKind::BeforeCodi2).then(EventId::new);
        owners.enter(&Owner { verdict, at_ms: None, event })
    };
    let bot = by(ActorKind::Agent, "bot", Class::Exact, EvidenceKind::IntentExact);
    let external = by(ActorKind::External, "", Class::Unknown, EvidenceKind::DiskChange);
    let older = by(ActorKind::Unknown, "", Class::Unknown, EvidenceKind::BeforeCodi2);
    let unseen = owners.enter(&crate::core::not_observed());
    let text = Text::new("the same line\n");
    for (first, second, expected) in [
        (bot, external, NOBODY),
        (external, bot, NOBODY),
        (bot, older, NOBODY),
        (older, bot, NOBODY),
        (bot, unseen, bot),
        (bot, bot, bot),
        (external, external, external),
    ] {
        let old = Text::new("the same line\nother\nthe same line\n");
        let spans = [(14, first), (6, unseen), (14, second)];
        let base = Base { text: old, owners: OwnerTree::from_spans(spans), is_near: true };
        let tree = standing(&text, &[&base], &owners);
        assert_eq!(tree.iter().collect::<Vec<_>>(), [(14, expected)], "{first} {second}");
    }
}

/// A program wrote here what an agent wrote in another worktree.
#[test]
fn a_near_line_of_nobodys_is_not_whose_a_far_one_is() {
    let mut owners = Owners::default();
    let mut by = |kind, name: &str, class, evidence| {
        let verdict = Verdict::new(Actor::named(kind, name), class, evidence, "");
        owners.enter(&Owner { verdict, at_ms: None, event: Some(EventId::new()) })
    };
    let bot = by(ActorKind::Agent, "bot", Class::Exact, EvidenceKind::IntentExact);
    let external = by(ActorKind::External, "", Class::Unknown, EvidenceKind::DiskChange);
    let unseen = owners.enter(&crate::core::not_observed());
    let text = Text::new("the same line\n");
    let exact = OwnerTree::new(14, unseen);
    for (near, expected) in [(external, external), (unseen, bot)] {
        let base = |owner, is_near| Base { text: text.clone(), owners: OwnerTree::new(14, owner), is_near };
        for bases in [[base(near, true), base(bot, false)], [base(bot, false), base(near, true)]] {
            let tree = derived(&text, &exact, &bases, &owners);
            assert_eq!(tree.iter().collect::<Vec<_>>(), [(14, expected)], "{near}");
        }
    }
}

#[test]
fn what_was_found_out_before_is_kept_for_what_nobody_sees_any_more() {
    let mut owners = Owners::default();
    let mut by = |name: &str, class, event: bool| {
        let kind = if name.is_empty() { ActorKind::Unknown } else { ActorKind::Agent };
        let verdict = Verdict::new(Actor::named(kind, name), class, EvidenceKind::Other, "");
        owners.enter(&Owner { verdict, at_ms: None, event: event.then(EventId::new) })
    };
    let (bot, unseen, disputed) =
        (by("bot", Class::Exact, true), by("", Class::Unknown, false), by("", Class::Unknown, true));
    let tree = |spans: &[(usize, u32)]| OwnerTree::from_spans(spans.to_vec());
    let now = tree(&[(2, unseen), (2, disputed), (2, unseen)]);
    let before = tree(&[(4, bot), (2, NOBODY)]);
    let both: Vec<_> = completed(&now, &before, &owners).iter().collect();
    assert_eq!(both, [(2, bot), (2, disputed), (2, unseen)], "late evidence is not undone");
    assert_eq!(completed(&now, &tree(&[(4, bot)]), &owners), now, "of another text");
}

#[test]
fn of_a_far_relative_only_telling_lines_count() {
    let mut owners = Owners::default();
    let verdict = Verdict::new(Actor::named(ActorKind::Person, "ada"), Class::Exact, EvidenceKind::Other, "");
    let ada = owners.enter(&Owner { verdict, at_ms: None, event: Some(EventId::new()) });
    let nobody = owners.enter(&crate::core::not_observed());
    let old = "{\n}\n\nfn longer_name() {\n}\nelse\n}\n";
    let new = "{\nother\n}\n\nfn longer_name() {\n}\nelse\n}\n";
    for (is_near, old, expected) in
        [(true, old, "1-1:0 2-2:1 3-8:0"), (false, old, "1-3:1 4-6:0 7-8:1"), (false, "{\n}\n\n}\nelse\n}\n", "1-8:1")]
    {
        let (old, text) = (Text::new(old), Text::new(new));
        let base = Base { owners: OwnerTree::new(old.len_bytes(), ada), text: old, is_near };
        let tree = derived(&text, &OwnerTree::new(text.len_bytes(), nobody), &[base], &owners);
        assert_eq!(shown(&ranges(new, &tree, &[1..=8], &mut owners)), expected);
    }
}
