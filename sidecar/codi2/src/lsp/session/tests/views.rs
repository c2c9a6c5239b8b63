//! What a window shows of owners, when it is switched on and off, and when the editor is told to ask again.

use codi2_protocol::{Class, EvidenceKind, Owner, OwnersReply, Span, Verdict};

use super::*;

fn views() -> Views {
    Views {
        code_lens: true,
        inlay_hints: true,
        refreshes_code_lens: true,
        refreshes_inlay_hints: true,
        registers_inlay_hints: true,
    }
}

/// A window that is connected and shows this, with "ab\n" open.
fn bench(views: Views, client: ClientCapabilities) -> Bench {
    let mut bench = Bench::new(client);
    bench.session.window.views = views;
    bench.session.hints_offered = views.inlay_hints;
    bench.on(Input::Link(Link { connected: true, ..Link::default() }));
    assert_eq!(refreshes(&bench), [], "nothing is open");
    bench.open(URI, "a.rs", "ab\n");
    bench
}

/// Answers what was asked last: all of the text is the agent's.
fn answer(bench: &mut Bench) {
    let asked = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::AskOwners { ask, digest, .. } => Some((*ask, *digest)),
        _ => None,
    });
    let (ask, digest) = asked.expect("asked");
    let verdict = Verdict::new(Actor::named(ActorKind::Agent, "claude"), Class::Exact, EvidenceKind::IntentExact, "");
    let owners = vec![Owner { verdict, at_ms: Some(0), event: None }];
    let len = bench.session.documents[URI].sealed.0.len_bytes() as u64;
    let reply = OwnersReply { digest, spans: vec![Span { len, owner: 0 }], owners, text: None };
    bench.on(Input::Owners { ask, reply: Some(reply) });
}

fn refreshes(bench: &Bench) -> Vec<Refresh> {
    let refresh = |effect: &Effect| if let Effect::Refresh(refresh) = effect { Some(*refresh) } else { None };
    bench.effects.iter().filter_map(refresh).collect()
}

fn shares(bench: &Bench) -> Option<String> {
    Some(bench.session.authorship(URI, View::CodeLens)?.shares())
}

const ALL: Refresh = Refresh { code_lens: true, inlay_hints: true, blame: true };

#[test]
fn a_window_loads_then_shows_and_tells_the_editor() {
    let mut bench = bench(views(), ours());
    assert_eq!(shares(&bench).unwrap(), "codi2: loading who wrote this");
    assert_eq!(refreshes(&bench), []);
    answer(&mut bench);
    assert_eq!(refreshes(&bench), [ALL]);
    assert_eq!(shares(&bench).unwrap(), "claude 100%");
    // An edit needs no word: the editor made it. Its verdict does.
    bench.edit(0, 0, "x");
    assert_eq!(shares(&bench).unwrap(), "claude 75% · not judged yet 25%");
    bench.wait(1_500);
    assert_eq!(refreshes(&bench), [ALL]);
    let verdict = Verdict::new(Actor::named(ActorKind::Person, "Ada"), Class::Declared, EvidenceKind::Keystrokes, "");
    bench.on(Input::Judged { group: group(1), verdict: Some(verdict) });
    assert_eq!(refreshes(&bench), [ALL, ALL]);
    assert_eq!(shares(&bench).unwrap(), "claude 75% · Ada 25%");
}

#[test]
fn many_changes_are_one_word_a_second() {
    let mut bench = bench(views(), ours());
    let times = 40;
    for _ in 0..times {
        answer(&mut bench);
        bench.session.documents.get_mut(URI).unwrap().owners.refresh(bench.now + 100);
        bench.wait(100);
    }
    let told = refreshes(&bench).len();
    assert!((4..=5).contains(&told), "{told} words in {} ms", times * 100);
    bench.wait(5_000);
    let told = refreshes(&bench).len();
    bench.wait(60_000);
    assert_eq!(refreshes(&bench).len(), told, "nothing changes, nothing is said");
}

#[test]
fn an_editor_is_told_only_what_it_can_take_and_shows() {
    let cases = [
        (Views { refreshes_inlay_hints: false, ..views() }, plain(), Refresh { code_lens: true, ..Refresh::default() }),
        (Views { code_lens: false, ..views() }, plain(), Refresh { inlay_hints: true, ..Refresh::default() }),
        (Views::default(), ours(), Refresh { blame: true, ..Refresh::default() }),
        (Views { code_lens: true, inlay_hints: true, ..Views::default() }, plain(), Refresh::default()),
    ];
    for (views, client, expected) in cases {
        let mut bench = bench(views, client);
        answer(&mut bench);
        bench.wait(2_000);
        let told = refreshes(&bench);
        assert_eq!(told, if expected.is_wanted() { vec![expected] } else { Vec::new() }, "{views:?}");
    }
}

#[test]
fn switches_work_at_once() {
    let mut bench = bench(Views { inlay_hints: false, ..views() }, plain());
    answer(&mut bench);
    bench.effects.clear();
    let asked = |bench: &Bench, view| bench.session.authorship(URI, view).is_some();
    assert!(asked(&bench, View::CodeLens) && !asked(&bench, View::InlayHints) && asked(&bench, View::Asked));
    bench.on(Input::Shows(Shows { code_lens: Some(false), inlay_hints: Some(true) }));
    assert!(!asked(&bench, View::CodeLens) && asked(&bench, View::InlayHints));
    let both = Refresh { code_lens: true, inlay_hints: true, blame: false };
    assert_eq!(bench.effects, [Effect::OfferHints, Effect::Refresh(both)]);
    // Offered once, whatever follows; what says nothing changes nothing.
    bench.effects.clear();
    bench.on(Input::Shows(Shows::default()));
    bench.on(Input::Shows(Shows { inlay_hints: Some(false), ..Shows::default() }));
    bench.on(Input::Shows(Shows { inlay_hints: Some(true), ..Shows::default() }));
    let hints = Effect::Refresh(Refresh { inlay_hints: true, ..Refresh::default() });
    assert_eq!(bench.effects, [hints.clone(), hints]);
}

#[test]
fn a_hub_that_goes_and_comes_is_said() {
    let mut bench = bench(views(), ours());
    bench.on(Input::Link(Link::default()));
    assert_eq!((refreshes(&bench).len(), shares(&bench).unwrap().contains("hub is away")), (1, true));
    bench.on(Input::Link(Link { pending: 7, ..Link::default() }));
    bench.wait(5_000);
    assert_eq!(refreshes(&bench).len(), 1, "what waits is the status bar's matter");
    bench.on(Input::Link(Link { connected: true, ..Link::default() }));
    assert_eq!((refreshes(&bench).len(), shares(&bench).unwrap().contains("loading")), (2, true));
}

#[test]
fn what_is_not_recorded_has_no_owners() {
    let mut bench = bench(views(), ours());
    bench.on(Input::Open {
        uri: "file:///w/id_rsa".to_owned(),
        version: 0,
        text: "secret".to_owned(),
        place: Place::Apart(Apart::Private),
    });
    assert!(bench.session.authorship("file:///w/id_rsa", View::Asked).is_none());
    assert!(bench.session.authorship("file:///w/never", View::Asked).is_none());
}

#[test]
fn a_hub_that_never_answers_ends_in_no_answer() {
    let mut bench = bench(views(), ours());
    bench.wait(10 * 60_000);
    assert_eq!(shares(&bench).unwrap(), "unknown 100%");
    assert_eq!(refreshes(&bench).last(), Some(&ALL));
}
