//! Settings of every layout: what is put in comes out to the byte.

use proptest::prelude::*;

use super::*;

fn wanted(program: &str) -> Vec<Wanted> {
    let entry = |matcher: &str| {
        format!(r#"{{ "matcher": "{matcher}", "hooks": [{{ "type": "command", "command": "{program} hook x" }}] }}"#)
    };
    vec![
        Wanted { event: "PreToolUse", entry: entry("Write") },
        Wanted { event: "PostToolUse", entry: entry("Write|Bash") },
    ]
}

fn is_ours(command: &str) -> bool {
    command.ends_with("codi2 hook x")
}

fn put(text: Option<&str>, version: bool) -> String {
    install(text, &wanted("/usr/bin/codi2"), version, &is_ours).unwrap()
}

#[test]
fn what_is_put_in_comes_out_to_the_byte() {
    for text in [
        "{}",
        "{}\n",
        "{ }",
        "{\n}\n",
        "{\"a\": 1}",
        "{\n  \"a\": 1\n}\n",
        "{\r\n\t\"a\": 1\r\n}\r\n",
        "{\n    \"a\": {\"b\": [1]}, // why\n}",
        "// head\n{\n  /* x */ \"a\": 1 // tail\n}\n// end",
        "{\"hooks\": {}}",
        "{\"hooks\": { } }",
        "{\n  \"hooks\": {\n  }\n}",
        "{\"hooks\": {\"PreToolUse\": []}}",
        "{\"hooks\": {\"PreToolUse\": [\n]}, \"version\": 1}",
        "{\n  \"hooks\": {\n    \"Stop\": [{\"hooks\": [{\"command\": \"echo\"}]}]\n  }\n}",
        "{\n  \"hooks\": {\n    \"PreToolUse\": [\n      { \"command\": \"echo hook x\" }\n    ],\n    \"Z\": []\n  },\n  \"version\": 1\n}",
        "{\"version\": 1}",
        "{\"version\": 1, \"hooks\": {\"PostToolUse\": [{\"command\": \"a\"}, {\"command\": \"b\"},]}}",
        "\u{feff}{\n  \"a\": \"é\"\n}",
    ] {
        for version in [false, true] {
            let with = put(Some(text), version);
            assert_eq!(count(&with, &wanted("/usr/bin/codi2"), &is_ours).unwrap(), (2, 2), "{text:?}: {with}");
            assert_eq!(put(Some(&with), version), with, "twice is once: {text:?}");
            assert_eq!(remove(&with, &is_ours).unwrap().as_deref(), Some(text), "{with}");
            assert_eq!(remove(text, &is_ours).unwrap().as_deref(), Some(text), "nothing of ours");
        }
    }
}

#[test]
fn a_file_with_nothing_in_it_stays() {
    for nothing in ["", " \n", "\n\n", "\r\n\t", "\u{feff}", "\u{feff}\n"] {
        for version in [false, true] {
            assert_eq!(count(nothing, &wanted("codi2"), &is_ours).unwrap(), (0, 0));
            assert_eq!(remove(nothing, &is_ours).unwrap().as_deref(), Some(nothing));
            let with = put(Some(nothing), version);
            let text = with.trim_start_matches('\u{feff}');
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{with}");
            assert_eq!(count(&with, &wanted("/usr/bin/codi2"), &is_ours).unwrap(), (2, 2), "{with}");
            assert_eq!(put(Some(&with), version), with, "twice is once: {nothing:?}");
            assert_eq!(remove(&with, &is_ours).unwrap().as_deref(), Some(nothing), "{with}");
            let elsewhere = install(Some(nothing), &wanted("/old/codi2"), version, &is_ours).unwrap();
            assert_eq!(put(Some(&elsewhere), version), with);
        }
    }
    // What no reader of JSON passes over is somebody's, and no file of nothing.
    assert!(install(Some("\u{a0}"), &wanted("codi2"), false, &is_ours).is_err());
}

#[test]
fn a_file_that_came_with_them_goes_with_them() {
    for version in [false, true] {
        let with = put(None, version);
        assert!(serde_json::from_str::<serde_json::Value>(&with).is_ok(), "{with}");
        assert_eq!(remove(&with, &is_ours).unwrap(), None);
        // Of an earlier place, too.
        let elsewhere = install(None, &wanted("/old/codi2"), version, &is_ours).unwrap();
        assert_eq!(put(Some(&elsewhere), version), with);
        // Not if something was added since.
        let more = with.replacen('{', "{\"mine\": 1,", 1);
        assert_eq!(remove(&more, &is_ours).unwrap().unwrap().split_whitespace().collect::<String>(), "{\"mine\":1}");
    }
}

#[test]
fn another_place_of_the_program_is_replaced_and_a_persons_entry_stays() {
    let old = install(Some("{\"hooks\": {}}"), &wanted("/old/codi2"), false, &is_ours).unwrap();
    assert_eq!(count(&old, &wanted("/usr/bin/codi2"), &is_ours).unwrap(), (0, 2));
    let new = put(Some(&old), false);
    assert!(!new.contains("/old/") && count(&new, &wanted("/usr/bin/codi2"), &is_ours).unwrap() == (2, 2));
    for mine in [r#"{"command": "mine"}"#, r#"{"type": "prompt", "prompt": "p"}"#, r#"{"type": "http", "url": "u"}"#] {
        let both = format!(r#"{{"hooks": {{"PreToolUse": [{{"hooks": [{{"command": "codi2 hook x"}}, {mine}]}}]}}}}"#);
        assert_eq!(remove(&both, &is_ours).unwrap().as_deref(), Some(both.as_str()));
        assert!(put(Some(&both), false).contains(mine));
    }
}

#[test]
fn what_a_tool_wrote_anew_is_still_installed() {
    let with = put(Some("{\"model\": \"x\"}"), true);
    let value: serde_json::Value = serde_json::from_str(&with).unwrap();
    let anew = serde_json::to_string_pretty(&value).unwrap();
    assert_ne!(anew, with);
    assert_eq!(count(&anew, &wanted("/usr/bin/codi2"), &is_ours).unwrap(), (2, 2));
    assert_eq!(put(Some(&anew), true), anew);
    let without: serde_json::Value = serde_json::from_str(&remove(&anew, &is_ours).unwrap().unwrap()).unwrap();
    assert_eq!(without.get("model"), value.get("model"));
    assert_eq!(without.get("hooks"), None);
}

#[test]
fn what_is_there_twice_is_refused() {
    let list = r#"[{"command": "codi2 hook x"}, {"command": "codi2 hook x"}]"#;
    for (text, name) in [
        (format!(r#"{{"hooks": {{"PreToolUse": [], "PreToolUse": {list}}}}}"#), "`hooks.PreToolUse`"),
        (format!(r#"{{"hooks": {{"PreToolUse": {list}}}, "hooks": {{}}}}"#), "`hooks`"),
    ] {
        let wanted = wanted("codi2");
        let refused = [
            remove(&text, &is_ours).err(),
            install(Some(&text), &wanted, false, &is_ours).err(),
            count(&text, &wanted, &is_ours).err(),
        ];
        for error in refused {
            let error = error.unwrap().to_string();
            assert!(error.contains(name) && error.contains("twice"), "{error}");
        }
    }
}

#[test]
fn what_is_no_settings_is_refused_with_its_place() {
    for (text, expected) in [
        ("{\n  \"a\": }", "line 2, column 8"),
        ("[]", "no JSON object"),
        ("// mine\n", "only comments"),
        ("{\"hooks\": []}", "`hooks` is there and is no table"),
        ("{\"hooks\": {\"PreToolUse\": {}}}", "`hooks.PreToolUse` is there and is no list"),
        ("{'a': 1}", "line 1"),
    ] {
        let error = install(Some(text), &wanted("codi2"), false, &is_ours).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

fn json() -> impl Strategy<Value = String> {
    let blank = || prop::sample::select(vec!["", " ", "\n  ", "\n", " /* c */ ", " // c\n"]);
    let leaf = prop::sample::select(vec!["1", "\"x\"", "null", "[]", "{}", "{\"command\": \"echo\"}"]);
    let list = (prop::collection::vec((leaf.clone(), blank(), blank()), 0..3), blank()).prop_map(|(items, inside)| {
        let items: Vec<String> = items.into_iter().map(|(item, a, b)| format!("{a}{item}{b}")).collect();
        if items.is_empty() { format!("[{inside}]") } else { format!("[{}]", items.join(",")) }
    });
    let table = |value: BoxedStrategy<String>, names: Vec<&'static str>| {
        (
            prop::sample::subsequence(names.clone(), 0..=names.len()),
            prop::collection::vec((value, blank(), blank()), names.len()),
            blank(),
        )
            .prop_map(|(names, values, inside)| {
                let members = names.iter().zip(values).map(|(name, (value, a, b))| format!("{a}\"{name}\":{value}{b}"));
                let members: Vec<String> = members.collect();
                if members.is_empty() { format!("{{{inside}}}") } else { format!("{{{}}}", members.join(",")) }
            })
    };
    let hooks = table(list.boxed(), vec!["PreToolUse", "Stop", "PostToolUse"]);
    table(hooks.boxed(), vec!["hooks"]).prop_flat_map(move |hooks| {
        let hooks = hooks.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or("").to_owned();
        (prop::sample::select(vec!["", "\"version\": 1", "\"a\": [1, {\"b\": 2}]"]), blank(), any::<bool>()).prop_map(
            move |(other, end, first)| {
                let parts: Vec<&str> = [hooks.as_str(), other].into_iter().filter(|part| part.contains('"')).collect();
                let parts: Vec<&str> = if first { parts } else { parts.into_iter().rev().collect() };
                format!("{{{}{end}}}{end}", parts.join(","))
            },
        )
    })
}

proptest! {
    #[test]
    fn any_settings_come_back_as_they_were(text in json(), version: bool) {
        if let Ok(with) = install(Some(&text), &wanted("/usr/bin/codi2"), version, &is_ours) {
            prop_assert_eq!(count(&with, &wanted("/usr/bin/codi2"), &is_ours).unwrap(), (2, 2));
            prop_assert_eq!(remove(&with, &is_ours).unwrap(), Some(text), "{}", with);
        }
    }
}
