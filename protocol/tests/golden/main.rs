//! Each message has a golden sample in `golden/`, and the schema in `schema/` is the one the types generate.
//! `CODI2_BLESS=1 cargo test -p codi2-protocol` rewrites both; the diff is then reviewed like code.

#![allow(clippy::unwrap_used)] // A test that cannot unwrap has failed.

mod samples;

use std::path::{Path, PathBuf};

use codi2_protocol::*;
use samples::*;
use serde_json::json;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares `content` with the checked-in file, or writes it when blessing.
fn check_file(path: &Path, content: &str) {
    if std::env::var_os("CODI2_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, content, "{} differs; CODI2_BLESS=1 rewrites it", path.display());
}

#[test]
fn every_message_matches_its_golden_sample() {
    let samples = samples();
    for (name, value) in &samples {
        let content = format!("{}\n", serde_json::to_string_pretty(value).unwrap());
        check_file(&folder("golden").join(format!("{name}.json")), &content);
    }
    let mut files: Vec<String> = std::fs::read_dir(folder("golden"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".json").to_owned())
        .collect();
    files.sort();
    assert_eq!(files, samples.keys().cloned().collect::<Vec<_>>(), "golden/ holds a file that no message has");
}

/// The schema lists every variant, so a variant without a sample is found through it.
#[test]
fn every_variant_has_a_sample() {
    let schema = serde_json::to_value(schema::protocol()).unwrap();
    let names = samples();
    let mut checked = 0;
    for (definition, prefix, key) in [
        ("Fact", "fact-", ""),
        ("Call", "call-", "method"),
        ("Reply", "reply-", "kind"),
        ("Notice", "notice-", "kind"),
        ("EventBody", "event-", "kind"),
    ] {
        let variants = schema["$defs"][definition]["oneOf"].as_array().unwrap_or_else(|| panic!("{definition}"));
        for variant in variants {
            let properties = variant["properties"].as_object().unwrap();
            let name = match properties.get(key) {
                Some(tag) => tag["const"].as_str().unwrap().to_owned(),
                None => properties.keys().next().unwrap().clone(),
            };
            assert!(names.contains_key(&format!("{prefix}{name}")), "{definition}::{name} has no golden sample");
            checked += 1;
        }
    }
    assert!(checked >= 40, "only {checked} variants found: the schema's shape changed");
}

#[test]
fn the_schema_is_the_one_the_types_generate() {
    let content = format!("{}\n", serde_json::to_string_pretty(&schema::protocol()).unwrap());
    check_file(&folder("schema").join("protocol.json"), &content);
}

#[test]
fn unknown_kinds_and_fields_are_kept_or_ignored() {
    let mut value = serde_json::to_value(event(EventBody::Private)).unwrap();
    value["new_field"] = json!(1);
    assert_eq!(serde_json::from_value::<Event>(value.clone()).unwrap(), event(EventBody::Private));
    value["body"] = json!({"kind": "telepathy", "strength": 3});
    let kept: Event = serde_json::from_value(value).unwrap();
    assert_eq!(kept.kind(), "telepathy");
    assert_eq!(serde_json::to_value(&kept).unwrap()["body"], json!({"kind": "telepathy", "strength": 3}));
    let broken: Result<Event, _> = serde_json::from_value(json!({"body": {"kind": "edit"}}));
    assert!(broken.is_err(), "a known kind with missing fields is an error, not an unknown kind");
}

#[test]
fn ids_refuse_what_they_are_not() {
    for text in [
        "",
        "zz",
        "0-12",
        "x-000000000000000000000000",
        "-",
        "0-00000000000000000000000g",
        "0-é00000000000000000000000",
    ] {
        assert!(text.parse::<Stamp>().is_err(), "{text:?}");
        assert!(text.parse::<Digest>().is_err(), "{text:?}");
        assert!(text.parse::<SessionId>().is_err(), "{text:?}");
    }
    assert_eq!(stamp(9).to_string().parse::<Stamp>().unwrap(), stamp(9));
}

#[test]
fn filters_combine() {
    let event = event(EventBody::Edit { group: group(), part: 0, parts: 1, change: change() });
    for (filter, expected) in [
        (Filter::default(), true),
        (Filter { since_ms: Some(1_700_000_000_005), ..Filter::default() }, true),
        (Filter { since_ms: Some(1_700_000_000_006), ..Filter::default() }, false),
        (Filter { until_ms: Some(1_700_000_000_005), ..Filter::default() }, false),
        (Filter { actor: Some("person".into()), ..Filter::default() }, true),
        (Filter { actor: Some("Ada <ada@example.org>".into()), ..Filter::default() }, true),
        (Filter { actor: Some("agent".into()), ..Filter::default() }, false),
        (Filter { file: Some("src/main.rs".into()), ..Filter::default() }, true),
        (Filter { file: Some("src".into()), ..Filter::default() }, false),
        (Filter { kinds: vec!["disk".into(), "edit".into()], ..Filter::default() }, true),
        (Filter { kinds: vec!["disk".into()], ..Filter::default() }, false),
        (Filter { grep: Some("AGENT-V1".into()), ..Filter::default() }, true),
        (Filter { grep: Some("absent".into()), ..Filter::default() }, false),
    ] {
        assert_eq!(filter.accepts(&event), expected, "{filter:?}");
    }
}
