//! Agents edit a file one after the other, and one look finds all of it: a hub stands still, or there is none (ADR 0176).

use codi2_protocol::{Call, HookFound, HookPhase, HookRecord};

use super::super::Input;
use super::said::left_by;
use super::world::{World, of};

const START: &str = "one\ntwo\nthree\nfour\nfive\n";
/// What a hub that stands still and one that is not there find: in time, and after it.
const WAYS: [&str; 3] = ["watch first", "hooks first", "no hub"];

/// An edit: by whom, what lies there then, and what its tool says that it puts in.
type Edit<'a> = (&'a str, &'a str, &'a [&'a str]);

/// What everybody does; somebody whose name is empty announces nothing.
fn after(edits: &[Edit<'_>], way: &str) -> (World, Vec<String>) {
    let mut w = World::bare();
    w.put("a.rs", START);
    w.staged("a.rs");
    w.scan();
    w.tick(10_000);
    let mut spool = Vec::new();
    for (agent, text, said) in edits {
        let digest = Some(of(&w.ports.files["a.rs"]));
        let found = vec![HookFound { file: 0, digest, put: None, lines: None }];
        let before = HookRecord { found, ..w.hook_record(HookPhase::Before, agent, &["a.rs"]) };
        w.ports.now += 20;
        w.put("a.rs", text);
        w.ports.now += 20;
        if !agent.is_empty() {
            spool.extend([before, left_by(&w, agent, "a.rs", said)]);
        }
        w.ports.now += 300;
    }
    match way {
        "watch first" => w.watch_sees("a.rs"),
        "no hub" => w.hub_restarts(),
        _ => {}
    }
    for record in spool {
        w.feed(Input::Called(None, 0, Call::Hook(record)));
    }
    match way {
        "no hub" => w.scan(),
        _ => w.watch_sees("a.rs"),
    }
    let blame = w.blame("a.rs").iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    (w, blame)
}

#[test]
fn each_has_its_own_lines() {
    let (ann, bot, cat) = ("a line of ann's", "a line of bot's", "a line of cat's");
    let cases: &[(&str, &[Edit<'_>], &str)] = &[
        (
            "apart",
            &[
                ("ann", &format!("one\n{ann}\ntwo\nthree\nfour\nfive\n"), &[ann]),
                ("bot", &format!("one\n{ann}\ntwo\nthree\nfour\nfive\n{bot}\n"), &[bot]),
            ],
            "- ann - - - - bot",
        ),
        (
            "one below the other, and three",
            &[
                ("ann", &format!("one\n{ann}\ntwo\nthree\nfour\nfive\n"), &[ann]),
                ("bot", &format!("one\n{ann}\n{bot}\ntwo\nthree\nfour\nfive\n"), &[bot]),
                ("cat", &format!("one\n{ann}\n{bot}\n{cat}\ntwo\nthree\nfour\nfive\n"), &[cat]),
            ],
            "- ann bot cat - - - -",
        ),
        (
            "in place of others",
            &[
                ("ann", &format!("one\n{ann}\nthree\nfour\nfive\n"), &[ann]),
                ("bot", &format!("one\n{ann}\n{bot}\nfour\nfive\n"), &[bot]),
            ],
            "- ann bot - -",
        ),
        (
            "the second one takes lines out",
            &[
                ("ann", &format!("one\n{ann}\ntwo\nthree\nfour\nfive\n"), &[ann]),
                ("bot", &format!("one\n{ann}\ntwo\nthree\n{bot}\n"), &[bot]),
            ],
            "- ann - - bot",
        ),
        (
            "the second one writes all of it",
            &[
                ("ann", &format!("{START}{ann}\n"), &[ann]),
                ("bot", &format!("{bot}\n{START}{ann}\n"), &[&format!("{bot}\n{START}{ann}\n")]),
            ],
            "bot - - - - - ann",
        ),
        (
            "a stranger within the first one's call",
            &[
                ("ann", &format!("one\n{ann}\ntwo\nby a stranger\nthree\nfour\nfive\n"), &[ann]),
                ("bot", &format!("one\n{ann}\ntwo\nby a stranger\nthree\nfour\nfive\n{bot}\n"), &[bot]),
            ],
            "- ann - - - - - bot",
        ),
        (
            "a stranger between the two",
            &[
                ("ann", &format!("one\n{ann}\ntwo\nthree\nfour\nfive\n"), &[ann]),
                ("", &format!("one\n{ann}\ntwo\nby a stranger\nthree\nfour\nfive\n"), &[]),
                ("bot", &format!("one\n{ann}\ntwo\nby a stranger\nthree\nfour\nfive\n{bot}\n"), &[bot]),
            ],
            "- ann - - - - - bot",
        ),
    ];
    for (name, edits, expected) in cases {
        for way in WAYS {
            let (w, blame) = after(edits, way);
            let blame: Vec<_> = blame.iter().map(|name| if name == "unknown" { "-" } else { name }).collect();
            assert_eq!(blame.join(" "), *expected, "{name}, {way}\n{:#?}", w.log(0));
        }
    }
}

/// What the text between was nobody can tell: then nobody has what was not theirs alone.
#[test]
fn what_nobody_can_tell() {
    let (ann, bot) = ("a line of ann's", "a line of bot's");
    let cases: &[(&str, &[Edit<'_>])] = &[
        (
            "a stranger within the second one's call, which repeats everything",
            &[
                ("ann", &format!("{START}{ann}\n"), &[ann]),
                ("bot", &format!("{bot}\n{START}by a stranger\n{ann}\n"), &[&format!("{bot}\n{START}{ann}\n")]),
            ],
        ),
        (
            "a stranger between the two",
            &[
                ("ann", &format!("{START}{ann}\n"), &[ann]),
                ("", &format!("{START}{ann}\nby a stranger\n"), &[]),
                (
                    "bot",
                    &format!("{bot}\n{START}{ann}\nby a stranger\n"),
                    &[&format!("{bot}\n{START}{ann}\nby a stranger\n")],
                ),
            ],
        ),
        (
            "the second one's in place of the first one's",
            &[
                ("ann", &format!("{START}{ann}\n"), &[ann]),
                ("bot", &format!("{START}{bot}, once ann's\n"), &[&format!("{bot}, once ann's")]),
            ],
        ),
    ];
    for (name, edits) in cases {
        for way in WAYS {
            let (w, blame) = after(edits, way);
            let text = String::from_utf8(w.ports.files["a.rs"].clone()).unwrap();
            for (line, owner) in text.lines().zip(&blame) {
                let author = ["ann", "bot"].into_iter().find(|name| line.contains(&format!("of {name}'s")));
                let is_right = owner == "unknown" || owner == "external" || Some(owner.as_str()) == author;
                assert!(is_right, "{name}, {way}: {line:?} is {owner}'s\n{:#?}", w.log(0));
            }
        }
    }
}
