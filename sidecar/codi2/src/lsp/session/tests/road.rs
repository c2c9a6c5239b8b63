//! The life of documents and groups: what is told, when, and what is left out.

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Put text in at a byte, deleting some before.
    Edit(usize, usize, &'static str),
    /// The next edit's hint comes before it.
    Early(SourceKind),
    /// The last edit's hint comes after it.
    Late(SourceKind),
    Wait(u64),
    Save,
    WillSave,
    Close,
    Flush,
    /// Git did something here.
    Git,
    /// Git did something in a worktree where nothing is open.
    GitElsewhere,
    End,
}

use Step::{Close, Early, Edit as Put, End, Flush, Git, GitElsewhere, Late, Save, Wait, WillSave};

/// Steps in a document with this text, and the facts after `started` and `opened`.
fn check(client: ClientCapabilities, before: &str, steps: &[Step], expected: &[&str]) {
    let mut bench = Bench::with(client, before);
    for step in steps {
        match step {
            Put(at, deleted, text) => bench.edit(*at, *deleted, text),
            Early(kind) => bench.hint(bench.version + 1, *kind),
            Late(kind) => bench.hint(bench.version, *kind),
            Wait(ms) => bench.wait(*ms),
            Save => bench.on(Input::Document(DocumentEvent::Save { uri: URI.to_owned(), text: None })),
            WillSave => bench.on(Input::Document(DocumentEvent::WillSave { uri: URI.to_owned() })),
            Close => bench.on(Input::Document(DocumentEvent::Close { uri: URI.to_owned() })),
            Flush => bench.on(Input::Flush),
            Git => bench.on(Input::Git { worktree: worktree() }),
            GitElsewhere => {
                let elsewhere = WorktreeId { name: "linked".to_owned(), ..worktree() };
                bench.on(Input::Git { worktree: elsewhere });
            }
            End => bench.on(Input::End { reason: "bye".to_owned() }),
        }
    }
    let told = lines(&bench.facts());
    assert_eq!(told[0], "started person Ada /w");
    assert_eq!(told[1], format!("opened a.rs {}", before.len()));
    assert_eq!(told[2..], *expected, "{steps:?}");
}

const KEY: &str = "0-0+1:keystroke";

#[test]
fn a_group_is_sealed_by_quiet_age_size_save_close_git_flush_and_end() {
    let key = format!("edits {KEY}");
    check(plain(), "ab", &[Put(0, 0, "x"), Wait(249)], &[]);
    check(plain(), "ab", &[Put(0, 0, "x"), Wait(250)], &[&key]);
    check(plain(), "ab", &[Put(0, 0, "x"), Save], &[&key, "saved a.rs"]);
    check(plain(), "ab", &[Put(0, 0, "x"), WillSave], &[&key]);
    check(plain(), "ab", &[Put(0, 0, "x"), Close], &[&key, "closed a.rs"]);
    check(plain(), "ab", &[Put(0, 0, "x"), Flush], &[&key]);
    check(plain(), "ab", &[Put(0, 0, "x"), Git], &[&key]);
    check(plain(), "ab", &[Put(0, 0, "x"), Git, Put(1, 0, "y"), Wait(250)], &[&key, "edits 1-0+1:keystroke"]);
    check(plain(), "ab", &[Git, Put(0, 0, "x"), GitElsewhere], &[]);
    check(plain(), "ab", &[Put(0, 0, "x"), End], &[&key, "ended bye"]);
    check(plain(), "ab", &[End, Put(0, 0, "x"), Wait(9_000)], &["ended bye"]);
    check(plain(), "ab", &[Save, Close], &["saved a.rs", "closed a.rs"]);
    let two = "edits 0-0+1:keystroke 1-0+1:keystroke";
    check(plain(), "ab", &[Put(0, 0, "x"), Wait(200), Put(1, 0, "y"), Wait(250)], &[two]);
    // Quiet never comes, so the group is cut at a second.
    let keys: Vec<Step> = (0..6).flat_map(|at| [Put(at, 0, "x"), Wait(200)]).collect();
    let first = "edits 0-0+1:keystroke 1-0+1:keystroke 2-0+1:keystroke 3-0+1:keystroke 4-0+1:keystroke";
    check(plain(), "", &keys, &[first]);
    let large: &'static str = Box::leak("word ".repeat(1_000).into_boxed_str());
    check(plain(), "ab", &[Put(0, 0, large)], &["edits 0-0+5000:insert"]);
}

#[test]
fn an_edit_that_changes_nothing_is_not_told() {
    check(plain(), "abc", &[Put(1, 1, "b"), Put(0, 0, ""), Wait(500)], &[]);
}

#[test]
fn hints_are_matched_by_version_early_or_late_until_the_seal() {
    use SourceKind::{Paste, Typed};
    let typed = "edits 0-0+1:keystroke/typed";
    check(ours(), "ab", &[Early(Typed), Put(0, 0, "x"), Wait(250)], &[typed]);
    check(ours(), "ab", &[Put(0, 0, "x"), Late(Typed), Wait(250)], &[typed]);
    check(ours(), "ab", &[Put(0, 0, "x"), Wait(100), Late(Typed), Wait(250)], &[typed]);
    // Too late: the group is gone, and without a hint it is nobody's typing.
    check(ours(), "ab", &[Put(0, 0, "x"), Wait(250), Late(Typed), Wait(250)], &["edits 0-0+1:other"]);
    check(plain(), "ab", &[Put(0, 0, "x"), Wait(250), Late(Typed), Wait(250)], &["edits 0-0+1:keystroke"]);
    // A change of the declared source seals at once when the hint is early, and parts the group when it is late.
    let parted = ["edits 0-0+1:keystroke/typed", "edits 1-0+5:insert/paste"];
    check(ours(), "ab", &[Early(Typed), Put(0, 0, "x"), Early(Paste), Put(1, 0, "hello"), Wait(250)], &parted);
    check(ours(), "ab", &[Put(0, 0, "x"), Late(Typed), Put(1, 0, "hello"), Late(Paste), Wait(250)], &parted);
    check(ours(), "ab", &[Early(Typed), Put(0, 0, "x"), Put(1, 0, "hello"), Late(Paste), Wait(250)], &parted);
    check(ours(), "ab", &[Early(Typed), Put(0, 0, "x"), Early(Paste), Put(1, 0, "hello")], &parted[..1]);
    // A large insert waits for its hint.
    let large: &'static str = Box::leak("word ".repeat(1_000).into_boxed_str());
    check(ours(), "ab", &[Put(0, 0, large), Late(Paste), Wait(10)], &["edits 0-0+5000:insert/paste"]);
}

#[test]
fn one_notification_over_several_versions_takes_all_their_hints() {
    let mut bench = Bench::with(ours(), "ab");
    bench.hint(1, SourceKind::Typed);
    bench.hint(2, SourceKind::Paste);
    let insert = |character: u32, text: &str| Change {
        range: Some((at(0, character), at(0, character))),
        text: text.to_owned(),
    };
    bench.version = 2;
    let changes = vec![insert(0, "x"), insert(1, "pasted")];
    bench.on(Input::Document(DocumentEvent::Change { uri: URI.to_owned(), version: 2, changes }));
    // Two that agree speak for three changes; two that do not speak for none.
    bench.version = 4;
    bench.hint(3, SourceKind::Typed);
    let changes = vec![insert(0, "1"), insert(1, "2"), insert(2, "3")];
    bench.on(Input::Document(DocumentEvent::Change { uri: URI.to_owned(), version: 4, changes }));
    bench.hint(4, SourceKind::Typed);
    bench.wait(300);
    let told = lines(&bench.facts());
    let expected = [
        "edits 0-0+1:keystroke/typed",
        "edits 1-0+6:insert/paste",
        "edits 0-0+1:keystroke/typed 1-0+1:keystroke/typed 2-0+1:keystroke/typed",
    ];
    assert_eq!(told[2..], expected);
}

#[test]
fn versions_may_jump_but_only_grow() {
    let mut bench = Bench::with(plain(), "ab");
    let change = |version, text: &str| {
        let changes = vec![Change { range: Some((at(0, 0), at(0, 0))), text: text.to_owned() }];
        Input::Document(DocumentEvent::Change { uri: URI.to_owned(), version, changes })
    };
    bench.on(change(7, "x"));
    assert_eq!(bench.text(), "xab");
    bench.on(change(7, "y"));
    assert_eq!(bench.text(), "xab", "what follows a version that did not grow is not applied");
    bench.on(change(8, "z"));
    assert_eq!(bench.text(), "xab");
    // The text whole, and all is well again.
    bench.version = 8;
    bench.whole("yzxab");
    bench.wait(300);
    assert_eq!(bench.text(), "yzxab");
    assert_eq!(bench.edits().len(), 2);
}

#[test]
fn a_client_that_can_is_asked_for_the_text() {
    let mut bench = Bench::with(ours(), "ab");
    bench.edit(0, 0, "x");
    bench.on(Input::Document(DocumentEvent::Garbled { uri: URI.to_owned() }));
    let asked = |bench: &Bench| bench.effects.iter().filter(|effect| matches!(effect, Effect::AskText { .. })).count();
    assert_eq!(asked(&bench), 1);
    // What comes in between is not applied; an answer older than that is asked for again.
    bench.edit(0, 0, "y");
    let answer = |version, text: &str| {
        let result = codi2_protocol::lsp::DocumentTextResult { version, text: text.to_owned() };
        Input::DocumentText { uri: URI.to_owned(), result: Some(result) }
    };
    bench.on(answer(1, "xab"));
    bench.wait(1_000);
    assert_eq!(asked(&bench), 2);
    bench.on(answer(2, "yxab"));
    assert_eq!(bench.text(), "yxab");
    assert_eq!(bench.session.sealed_digest(URI), Some(digest("yxab")));
    bench.version = 2;
    bench.edit(0, 0, "z");
    bench.wait(300);
    assert_eq!(bench.text(), "zyxab");
}

#[test]
fn an_editor_that_never_gives_the_text_is_asked_three_times() {
    let mut bench = Bench::with(ours(), "ab");
    bench.on(Input::Document(DocumentEvent::Garbled { uri: URI.to_owned() }));
    for _ in 0..10 {
        bench.on(Input::DocumentText { uri: URI.to_owned(), result: None });
        bench.wait(2_000);
    }
    let asked = bench.effects.iter().filter(|effect| matches!(effect, Effect::AskText { .. })).count();
    assert_eq!(asked, 3);
    bench.on(Input::Document(DocumentEvent::Close { uri: URI.to_owned() }));
    bench.open(URI, "a.rs", "new");
    bench.version = 0;
    bench.edit(0, 0, "x");
    bench.wait(300);
    assert_eq!(bench.text(), "xnew");
}

#[test]
fn after_a_break_the_text_is_compared_with_what_was_sealed() {
    let mut bench = Bench::with(ours(), "one\ntwo\n");
    bench.edit(0, 0, "x");
    bench.wait(300);
    bench.edit(0, 0, "lost ");
    bench.on(Input::Broke { uri: URI.to_owned() });
    let result = codi2_protocol::lsp::DocumentTextResult { version: 2, text: "lost xone\ntwo\n".to_owned() };
    bench.on(Input::DocumentText { uri: URI.to_owned(), result: Some(result) });
    assert_eq!(bench.text(), "lost xone\ntwo\n");
    assert_eq!(bench.groups().len(), 2, "the bench has checked that they chain");
}

#[test]
fn strange_input_is_survived() {
    let mut bench = Bench::with(plain(), "ab");
    let other = || "file:///w/other.rs".to_owned();
    bench.on(Input::Document(DocumentEvent::Change { uri: other(), version: 1, changes: vec![] }));
    bench.on(Input::Document(DocumentEvent::Save { uri: other(), text: Some("x".to_owned()) }));
    bench.on(Input::Document(DocumentEvent::Close { uri: other() }));
    bench.on(Input::Broke { uri: other() });
    bench.on(Input::DocumentText { uri: other(), result: None });
    bench.on(Input::Document(DocumentEvent::Hint(EditHintParams {
        uri: other(),
        version: i32::MAX,
        source: source(SourceKind::Paste),
    })));
    bench.on(Input::Owners { ask: 99, reply: None });
    bench.on(Input::Judged { group: group(77), verdict: None });
    bench.on(Input::WantText { session: SessionId::from_uuid(Uuid::from_u128(8)), file: file("a.rs") });
    let wild = [(at(u32::MAX, u32::MAX), at(0, 0), "x"), (at(5, 5), at(1, 1), "y"), (at(0, 1), at(0, 0), "z")];
    for (start, end, text) in wild {
        bench.change(vec![Change { range: Some((start, end)), text: text.to_owned() }]);
    }
    bench.wait(300);
    assert_eq!(bench.text(), "zbxy".replace("bxy", "y"), "reversed ranges are read as the same range, others clamp");
}

#[test]
fn a_document_opened_twice_is_closed_and_opened() {
    let mut bench = Bench::with(plain(), "ab");
    bench.edit(0, 0, "x");
    bench.open(URI, "a.rs", "other");
    let told = lines(&bench.facts());
    assert_eq!(told[2..], ["edits 0-0+1:keystroke", "closed a.rs", "opened a.rs 5"]);
}

#[test]
fn a_file_under_a_second_name_is_not_recorded_twice() {
    let mut bench = Bench::with(plain(), "ab");
    let link = "file:///w/link.rs".to_owned();
    bench.on(Input::Open { uri: link.clone(), version: 0, text: "ab".to_owned(), place: place("a.rs") });
    let changes = vec![Change { range: None, text: "other".to_owned() }];
    bench.on(Input::Document(DocumentEvent::Change { uri: link, version: 1, changes }));
    bench.edit(0, 0, "x");
    bench.wait(300);
    assert_eq!(lines(&bench.facts())[2..], ["edits 0-0+1:keystroke"]);
}

#[test]
fn documents_apart_are_silent() {
    let mut bench = Bench::new(ours());
    let apart =
        [Apart::NoFile, Apart::NoWorktree, Apart::GitFolder, Apart::Private, Apart::Ignored, Apart::Unreachable];
    for (number, why) in apart.into_iter().enumerate() {
        let uri = format!("x:{number}");
        bench.on(Input::Open { uri: uri.clone(), version: 0, text: "secret".to_owned(), place: Place::Apart(why) });
        let change = Change { range: None, text: "more".to_owned() };
        bench.on(Input::Document(DocumentEvent::Change { uri: uri.clone(), version: 1, changes: vec![change] }));
        bench.on(Input::Document(DocumentEvent::Save { uri: uri.clone(), text: None }));
        bench.on(Input::Document(DocumentEvent::Close { uri }));
    }
    let long = "x".repeat(DOCUMENT_BYTES + 1);
    bench.on(Input::Open { uri: URI.to_owned(), version: 0, text: long, place: place("a.rs") });
    bench.wait(20_000);
    bench.on(Input::End { reason: "bye".to_owned() });
    assert!(bench.facts().is_empty(), "{:?}", bench.facts());
    let quiet = |effect: &Effect| matches!(effect, Effect::Status(_) | Effect::Note(_));
    assert!(bench.effects.iter().all(quiet), "nothing but words");
}

#[test]
fn the_session_introduces_itself_once_and_again_when_its_own_worktree_is_known() {
    let mut bench = Bench::with(plain(), "ab");
    bench.on(Input::Rooted { site: Box::new(site()), own: true });
    assert_eq!(lines(&bench.facts()).iter().filter(|line| line.starts_with("started")).count(), 1, "nothing new");
    let mut linked = site();
    linked.worktree.name = "linked".to_owned();
    linked.root = "/linked".to_owned();
    bench.on(Input::Rooted { site: Box::new(linked.clone()), own: false });
    assert!(matches!(bench.facts().last(), Some(Fact::Opened { .. })), "a folder more is not another window");
    bench.on(Input::Rooted { site: Box::new(linked), own: true });
    let told = lines(&bench.facts());
    assert_eq!(told.last().map(String::as_str), Some("started person Ada /linked"));
    let roots = |bench: &Bench| bench.effects.iter().filter(|effect| matches!(effect, Effect::Watch { .. })).count();
    assert_eq!(roots(&bench), 0, "nobody to ask yet");
    bench.on(Input::Link(Link { connected: true, ..Link::default() }));
    assert_eq!(roots(&bench), 2);
    bench.on(Input::Link(Link::default()));
    bench.on(Input::Link(Link { connected: true, ..Link::default() }));
    assert_eq!(roots(&bench), 4, "a watch lasts for a connection");
}

#[test]
fn after_a_gap_the_hub_is_told_anew() {
    let mut bench = Bench::with(plain(), "ab");
    bench.edit(0, 0, "x");
    bench.on(Input::Lost);
    let told = lines(&bench.facts());
    assert_eq!(told[2..], ["edits 0-0+1:keystroke", "started person Ada /w", "opened a.rs 3"]);
}

#[test]
fn a_heartbeat_every_five_seconds_and_a_status_with_it() {
    let mut bench = Bench::with(ours(), "ab");
    bench.wait(20_000);
    let beats: Vec<u64> = bench
        .effects
        .iter()
        .filter_map(|effect| if let Effect::Heartbeat(beat) = effect { Some(beat.at_ms) } else { None })
        .collect();
    assert_eq!(beats, [1_000_000, 1_005_000, 1_010_000, 1_015_000, 1_020_000]);
    let shown = bench.effects.iter().filter(|effect| matches!(effect, Effect::Status(_))).count();
    assert!(shown >= beats.len());
    let mut silent = Bench::with(plain(), "ab");
    silent.wait(20_000);
    assert!(!silent.effects.iter().any(|effect| matches!(effect, Effect::Status(_))), "it did not ask for it");
}

#[test]
fn touches_leave_at_once_and_then_at_most_every_fifty_ms_in_bytes_of_the_base() {
    let mut bench = Bench::with(plain(), "abcdef");
    let touched = |bench: &Bench| -> Vec<(u64, u64, u64)> {
        let touched = bench.effects.iter().filter_map(|effect| match effect {
            Effect::Touched(touched) => {
                assert_eq!(touched.base, digest("abcdef"));
                Some((touched.at_ms - 1_000_000, touched.start, touched.end))
            }
            _ => None,
        });
        touched.collect()
    };
    bench.edit(2, 0, "x");
    assert_eq!(touched(&bench), [(0, 2, 2)]);
    bench.wait(10);
    bench.edit(3, 0, "y");
    bench.wait(10);
    bench.edit(6, 1, "z");
    assert_eq!(touched(&bench).len(), 1);
    bench.wait(30);
    assert_eq!(touched(&bench), [(0, 2, 2), (20, 4, 5)], "the latest, told late");
    bench.on(Input::Document(DocumentEvent::Save { uri: URI.to_owned(), text: None }));
    bench.wait(100);
    bench.effects.clear();
    bench.edit(0, 0, "!");
    let base =
        bench.effects.iter().find_map(|effect| if let Effect::Touched(it) = effect { Some(it.base) } else { None });
    assert_eq!(base, Some(digest("abxycdzf")), "counted from what was saved");
}

#[test]
fn a_clock_set_back_keeps_nothing_open() {
    let mut bench = Bench::with(plain(), "ab");
    bench.edit(0, 0, "x");
    bench.now -= 500_000;
    bench.edit(1, 0, "y");
    assert_eq!(bench.groups().len(), 1, "the first is sealed");
    bench.wait(300);
    assert_eq!(bench.groups().len(), 2);
    bench.effects.clear();
    bench.wait(5_100);
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Heartbeat(_))), "the heart beats on");
}

#[test]
fn a_clock_set_back_leaves_no_question_for_later() {
    let mut bench = Bench::with(ours(), "ab");
    bench.on(Input::Document(DocumentEvent::Garbled { uri: URI.to_owned() }));
    // To be asked again in a second, by a clock that then goes back.
    bench.on(Input::DocumentText { uri: URI.to_owned(), result: None });
    bench.now -= 500_000;
    bench.on(Input::Tick);
    bench.wait(1_000);
    let asked = bench.effects.iter().filter(|effect| matches!(effect, Effect::AskText { .. })).count();
    assert_eq!(asked, 2);
}

#[test]
fn a_large_group_goes_in_parts() {
    let mut bench = Bench::with(plain(), &"x\n".repeat(3_000));
    let changes = (0..3_000).map(|line| Change { range: Some((at(line, 0), at(line, 1))), text: "yy".to_owned() });
    bench.change(changes.collect());
    bench.wait(300);
    let groups = bench.groups();
    assert!(groups.len() > 1);
    for (number, part) in groups.iter().enumerate() {
        assert_eq!((part.part as usize, part.parts as usize), (number, groups.len()));
        assert_eq!(part.group, groups[0].group);
        assert!(serde_json::to_vec(part).unwrap().len() <= codi2_protocol::limits::VALUE_BYTES);
    }
    assert_eq!(bench.edits().len(), 3_000);
}

#[test]
fn a_huge_insert_is_cut_so_that_each_text_fits() {
    let mut bench = Bench::with(plain(), "ab");
    bench.edit(1, 0, &"ö".repeat(700_000));
    bench.wait(300);
    for effect in &bench.effects {
        if let Effect::Text(Beside::Group { inserted, .. }) = effect {
            let total: usize = inserted.iter().map(String::len).sum();
            assert!(total <= codi2_protocol::limits::TEXT_BYTES);
        }
    }
    assert!(bench.groups().len() > 1);
}

#[test]
fn the_hub_gets_the_whole_text_when_it_wants_it() {
    let text = "ö\n".repeat(300_000);
    let mut bench = Bench::with(plain(), &text);
    bench.edit(0, 0, "x");
    bench.on(Input::WantText { session: bench.session.id(), file: file("a.rs") });
    let mut whole = String::new();
    for effect in &bench.effects {
        if let Effect::Text(Beside::Full { text, digest: told, part, parts, .. }) = effect {
            assert!(text.len() <= codi2_protocol::limits::TEXT_BYTES && part < parts);
            assert_eq!(*told, digest(&bench.text()), "what was open is sealed first");
            whole.push_str(text);
        }
    }
    assert_eq!(whole, format!("x{text}"));
}

#[test]
fn who_works_here_is_told_again_when_git_says_another() {
    let mut bench = Bench::with(plain(), "ab");
    let bob = Site { actor: Actor::named(ActorKind::Person, "Bob"), ..site() };
    let elsewhere = Site { worktree: WorktreeId { name: "linked".to_owned(), ..worktree() }, ..bob.clone() };
    bench.edit(0, 0, "x");
    for site in [site(), elsewhere, bob.clone(), bob] {
        bench.on(Input::Rooted { site: Box::new(site), own: false });
    }
    bench.edit(1, 0, "y");
    bench.wait(250);
    let told = lines(&bench.facts());
    let expected = [&format!("edits {KEY}"), "started person Bob /w", "edits 1-0+1:keystroke"];
    assert_eq!(told[2..], expected, "what was typed before is sealed before");
}
