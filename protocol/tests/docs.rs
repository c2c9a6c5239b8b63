//! The pages in `docs/` name every message of the schema.

#![allow(clippy::unwrap_used)] // A test that cannot unwrap has failed.

use std::path::Path;

use codi2_protocol::{EventBody, lsp, schema};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_hub_protocol_page_names_every_message() {
    let page = page("hub-protocol.md");
    let schema = serde_json::to_value(schema::protocol()).unwrap();
    let mut names: Vec<String> = EventBody::KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    for (definition, key) in [("Fact", ""), ("Call", "method"), ("Notice", "kind")] {
        for variant in schema["$defs"][definition]["oneOf"].as_array().unwrap() {
            let properties = variant["properties"].as_object().unwrap();
            names.push(match properties.get(key) {
                Some(tag) => tag["const"].as_str().unwrap().to_owned(),
                None => properties.keys().next().unwrap().clone(),
            });
        }
    }
    for variant in schema["$defs"]["ErrorCode"]["oneOf"].as_array().unwrap() {
        let name = variant["const"].as_str().unwrap();
        if name != "other" {
            names.push(name.to_owned());
        }
    }
    assert!(names.len() > 35, "the schema's shape changed: {names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/hub-protocol.md does not name {missing:?}");
}

#[test]
fn the_extensions_page_names_every_method_and_source() {
    let page = page("lsp-extensions.md");
    let schema = serde_json::to_value(schema::protocol()).unwrap();
    let kinds = schema["$defs"]["SourceKind"]["oneOf"].as_array().unwrap();
    let kinds = kinds.iter().filter_map(|kind| kind["const"].as_str()).filter(|kind| *kind != "other");
    let mut checked = 0;
    let methods = [lsp::STATUS, lsp::EDIT_HINT, lsp::DOCUMENT_TEXT, lsp::BLAME, lsp::OWNERS_CHANGED, lsp::SHOW_OWNER];
    for name in methods.into_iter().chain(kinds) {
        assert!(page.contains(&format!("`{name}`")), "docs/lsp-extensions.md does not name {name}");
        checked += 1;
    }
    assert!(checked >= 17, "the schema's shape changed");
}
