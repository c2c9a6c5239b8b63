//! What is made from the settings' types: the schemas, the sample file with every key, the table of the page. Each is
//! checked in; `CODI2_BLESS=1` rewrites it.

#![allow(clippy::unwrap_used)] // A test that cannot unwrap has failed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use codi2_config::schema::{self, Key, keys};
use codi2_config::{Layers, Owner, PREFIX_BYTES, STORE_KINDS, Settings, Syntax, check};
use serde_json::Value;

fn file(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(below)
}

/// Whether a checked-in text is what it should be, and makes it so where that is asked for.
fn same(below: &str, expected: &str) {
    if std::env::var_os("CODI2_BLESS").is_some() {
        fs::write(file(below), expected).unwrap();
    }
    let found = fs::read_to_string(file(below)).unwrap_or_default();
    assert_eq!(found, expected, "{below} does not follow the types: run the test with CODI2_BLESS=1");
}

#[test]
fn the_schemas_follow_the_types() {
    for (below, schema) in
        [("config/codi2.schema.json", schema::user()), ("config/repository.schema.json", schema::repository())]
    {
        same(below, &format!("{}\n", serde_json::to_string_pretty(schema).unwrap()));
    }
}

/// The sample: every key with what it means and its default, commented out.
fn sample() -> String {
    let mut text = "#:schema ./codi2.schema.json\n# Every setting of codi2 with its default.\n".to_owned();
    let mut table = String::new();
    for Key { name, about, default, .. } in ordered() {
        let (of, key) = name.split_once('.').unwrap_or(("", &name));
        if of != table {
            write!(text, "\n[{of}]\n").unwrap();
            of.clone_into(&mut table);
        } else if of.is_empty() {
            text.push('\n');
        }
        let value =
            if default.is_null() { "\"…\"".to_owned() } else { default.to_string().replace("\",\"", "\", \"") };
        let value = if name == "watch.max_folders" { "…".to_owned() } else { value };
        write!(text, "# {about}\n#{key} = {value}\n").unwrap();
    }
    text
}

/// Keys of no table first: in TOML a table has no end.
fn ordered() -> Vec<Key> {
    let (inside, outside): (Vec<Key>, Vec<Key>) =
        keys(schema::user()).into_iter().partition(|key| key.name.contains('.'));
    outside.into_iter().chain(inside).collect()
}

#[test]
fn the_sample_names_every_key_and_says_what_holds_anyhow() {
    let sample = sample();
    same("config/codi2.toml", &sample);
    for text in [sample.clone(), uncommented(&sample)] {
        let (layer, mistakes) = check(Owner::User, Syntax::Toml, Path::new("codi2.toml"), &text);
        assert_eq!(mistakes, []);
        let mut layers = Layers::default();
        layers.lay(layer);
        assert_eq!(layers.settings(), Settings::default());
    }
}

/// With every default written out.
fn uncommented(sample: &str) -> String {
    let lines = sample.lines().filter(|line| !line.contains('…'));
    lines
        .map(|line| {
            format!("{}\n", line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', ':'])).unwrap_or(line))
        })
        .collect()
}

/// The table between the marks of `docs/configuration.md`.
fn table(keys: &[Key]) -> String {
    let mut text = "| key | environment | default | may be | meaning |\n|---|---|---|---|---|\n".to_owned();
    for key in keys {
        let default = match &key.default {
            Value::Null => "not set".to_owned(),
            Value::Array(list) if list.is_empty() => "none".to_owned(),
            Value::Array(list) => {
                list.iter().map(|item| format!("`{}`", item.as_str().unwrap())).collect::<Vec<_>>().join(", ")
            }
            other => format!("`{other}`"),
        };
        let shape = &key.shape;
        let may = match shape["type"].as_str().unwrap() {
            "boolean" => "true, false".to_owned(),
            "integer" => format!("{} to {}", shape["minimum"].as_u64().unwrap_or(0), shape["maximum"]),
            "array" if key.is_tables() => format!("tables, {} at most (see below)", shape["maxItems"]),
            "array" => format!("globs, {} at most", shape["maxItems"]),
            _ => match shape["format"].as_str().unwrap() {
                "absolute-path" => "a path from the root on".to_owned(),
                "store-kind" => STORE_KINDS.join(", "),
                "store-prefix" => format!("a text, {PREFIX_BYTES} bytes at most"),
                _ => "a text".to_owned(),
            },
        };
        let variable = if key.is_tables() { "only in a file".to_owned() } else { format!("`{}`", key.variable()) };
        writeln!(text, "| `{}` | {variable} | {default} | {may} | {} |", key.name, key.about).unwrap();
    }
    text
}

#[test]
fn the_page_describes_every_key() {
    let page = fs::read_to_string(file("docs/configuration.md")).unwrap();
    let (before, rest) = page.split_once("<!-- keys -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /keys -->").unwrap();
    let expected = format!("{before}<!-- keys -->\n{}<!-- /keys -->{after}", table(&ordered()));
    same("docs/configuration.md", &expected);
    for key in keys(schema::repository()) {
        assert!(page.contains(&format!("`{}`", key.name)), "{}", key.name);
    }
}
