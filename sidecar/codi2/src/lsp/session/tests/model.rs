//! Random edits against a naive model: a `String` that the same changes are applied to. The bench's hub checks every
//! group; here the machine's text, and the hub's, must be the model's at the end. And wild input, of which only that is
//! asked: no panic, and what is told still leads from text to text.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Act {
    Edit { at: usize, deleted: usize, text: String },
    Whole(String),
    Hint(SourceKind, i32),
    Wait(u64),
    Save,
    Distrust,
    Reopen,
}

fn piece() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("a"),
        Just("foo"),
        Just("bar "),
        Just("\n"),
        Just("\r\n"),
        Just("\r"),
        Just("😀"),
        Just("ö"),
        Just("    "),
        Just("x,y"),
        Just("("),
        Just(")"),
        Just("let long_name_of_some_variable = 1;\n"),
    ];
    prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

fn act() -> impl Strategy<Value = Act> {
    let kind = prop_oneof![
        Just(SourceKind::Typed),
        Just(SourceKind::Paste),
        Just(SourceKind::Undo),
        Just(SourceKind::Format),
        Just(SourceKind::Reload),
        Just(SourceKind::Cut),
    ];
    prop_oneof![
        8 => (0usize..200, 0usize..40, piece()).prop_map(|(at, deleted, text)| Act::Edit { at, deleted, text }),
        1 => piece().prop_map(Act::Whole),
        4 => (kind, -2i32..3).prop_map(|(kind, shift)| Act::Hint(kind, shift)),
        3 => (0u64..600).prop_map(Act::Wait),
        1 => Just(Act::Save),
        1 => Just(Act::Distrust),
        1 => Just(Act::Reopen),
    ]
}

/// The border of a character at or below a byte, and never inside a `\r\n`, which no editor's position can name.
fn border(text: &str, at: usize) -> usize {
    let at = at % (text.len() + 1);
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    if at > 0 && text.as_bytes()[at - 1] == b'\r' && text.as_bytes().get(at) == Some(&b'\n') { at - 1 } else { at }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn groups_lead_from_text_to_text(before in piece(), acts in prop::collection::vec(act(), 1..40), hinting in any::<bool>()) {
        let mut model = before.clone();
        let mut bench = Bench::with(if hinting { ours() } else { plain() }, &before);
        for act in acts {
            match act {
                Act::Edit { at, deleted, text } => {
                    let start = border(&model, at);
                    let end = border(&model, start + deleted).max(start);
                    bench.edit(start, end - start, &text);
                    model.replace_range(start..end, &text);
                }
                Act::Whole(text) => {
                    bench.whole(&text);
                    model = text;
                }
                Act::Hint(kind, shift) => bench.hint(bench.version + shift, kind),
                Act::Wait(ms) => bench.wait(ms),
                Act::Save => bench.on(Input::Document(DocumentEvent::Save { uri: URI.to_owned(), text: Some(model.clone()) })),
                Act::Distrust => {
                    bench.on(Input::Document(DocumentEvent::Garbled { uri: URI.to_owned() }));
                    bench.version += 1;
                    let result = codi2_protocol::lsp::DocumentTextResult { version: bench.version, text: model.clone() };
                    bench.on(Input::DocumentText { uri: URI.to_owned(), result: Some(result) });
                }
                Act::Reopen => {
                    bench.on(Input::Document(DocumentEvent::Close { uri: URI.to_owned() }));
                    bench.open(URI, "a.rs", &model);
                    bench.version = 0;
                }
            }
            prop_assert_eq!(bench.text(), model.clone());
        }
        bench.on(Input::Flush);
        prop_assert_eq!(bench.session.sealed_digest(URI), Some(digest(&model)));
        prop_assert_eq!(bench.hub.get(&file("a.rs")).map(ToString::to_string), Some(model));
    }
}

/// Input that no sane client sends, in any order, about any of three documents.
fn wild() -> impl Strategy<Value = Input> {
    let uri =
        prop_oneof![4 => Just(URI.to_owned()), 1 => Just("file:///w/b.rs".to_owned()), 1 => Just("x:".to_owned())];
    let number = || prop_oneof![0u32..5, Just(u32::MAX)];
    let position = || (number(), number()).prop_map(|(line, character)| at(line, character));
    let change = (prop::option::weighted(0.9, (position(), position())), piece());
    let changes = prop::collection::vec(change.prop_map(|(range, text)| Change { range, text }), 0..4);
    let version = || prop_oneof![8 => -2i32..40, 1 => Just(i32::MAX), 1 => Just(i32::MIN)];
    let result = prop::option::of((version(), piece()))
        .prop_map(|found| found.map(|(version, text)| codi2_protocol::lsp::DocumentTextResult { version, text }));
    let kind =
        prop_oneof![Just(SourceKind::Typed), Just(SourceKind::Undo), Just(SourceKind::Format), Just(SourceKind::Other)];
    (0u8..14, uri, version(), changes, piece(), result, kind, any::<bool>()).prop_map(
        |(which, uri, version, changes, text, result, kind, flag)| match which {
            0..=4 => Input::Document(DocumentEvent::Change { uri, version, changes }),
            5 => Input::Open {
                uri,
                version,
                text,
                place: if flag { place("a.rs") } else { Place::Apart(Apart::NoFile) },
            },
            6 => Input::Document(DocumentEvent::Save { uri, text: flag.then_some(text) }),
            7 => Input::Document(DocumentEvent::Close { uri }),
            8 => Input::Document(DocumentEvent::Hint(EditHintParams { uri, version, source: source(kind) })),
            9 if flag => Input::Broke { uri },
            9 => Input::Document(DocumentEvent::Garbled { uri }),
            10 => Input::DocumentText { uri, result },
            11 => Input::WantText { session: SessionId::from_uuid(Uuid::from_u128(7)), file: file("a.rs") },
            12 => Input::Link(Link { connected: flag, ..Link::default() }),
            _ => Input::Owners { ask: u64::from(version.unsigned_abs()) % 8, reply: None },
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn wild_input_breaks_nothing(inputs in prop::collection::vec((wild(), 0u64..400), 1..60), hinting in any::<bool>()) {
        let mut bench = Bench::with(if hinting { ours() } else { plain() }, "one\ntwo\n");
        for (input, wait) in inputs {
            if let Input::Open { text, .. } = &input {
                bench.opening.clone_from(text);
            }
            bench.on(input);
            bench.wait(wait);
            let _ = bench.session.hover(URI, at(0, 0), &|_| String::new());
        }
        bench.on(Input::End { reason: "bye".to_owned() });
        let ended = matches!(bench.facts().last(), Some(Fact::SessionEnded { .. }));
        prop_assert!(ended, "the last fact is the end");
    }
}
