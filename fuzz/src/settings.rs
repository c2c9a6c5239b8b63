//! Texts of settings, a person's and a repository's, TOML and YAML: every mistake has its place and says what to do.
//!
//! The first byte chooses owner and syntax. Promises: places lie inside the text; no mistake is told twice; words are
//! few; what counts survives being kept for the day when the file has mistakes; the settings that follow can be read.

use std::path::{Path, PathBuf};

use codi2_config::{Layer, Layers, Origin, Owner, Syntax, check};

use crate::corpus::list;
use crate::{Choices, check_words};

pub(crate) fn run(input: &[u8]) {
    let mut choices = Choices(input);
    let flags = choices.byte();
    let owner = if flags & 1 == 0 { Owner::User } else { Owner::Repository };
    let syntax = if flags & 2 == 0 { Syntax::Toml } else { Syntax::Yaml };
    let Ok(text) = std::str::from_utf8(choices.rest()) else { return };
    let (layer, mistakes) = check(owner, syntax, Path::new("settings"), text);
    let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    for mistake in &mistakes {
        let Origin::File(_, place) = &mistake.origin else { panic!("{mistake} has no place") };
        assert!((1..=lines + 1).contains(&place.line) && place.column >= 1, "{mistake} lies outside of {lines} lines");
        assert!(!mistake.todo.trim().is_empty(), "{mistake} does not say what to do");
        check_words(&mistake.to_string());
    }
    assert!(mistakes.windows(2).all(|pair| pair[0] != pair[1]), "told twice: {mistakes:?}");
    let kept = layer.to_json();
    assert_eq!(Layer::from_json(&kept).to_json(), kept, "what counts survives being kept");
    match owner {
        Owner::User => {
            let mut layers = Layers::default();
            layers.lay(layer);
            drop(layers.settings());
        }
        Owner::Repository => drop(layer.repository()),
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let files: Vec<PathBuf> = ["valid", "invalid"].iter().flat_map(|folder| list(&root.join(folder))).collect();
    let seed = |path: &PathBuf| {
        let syntax = Syntax::of(path)?;
        let repository = path.file_name()?.to_str()?.starts_with("repository");
        let flags = u8::from(repository) | u8::from(syntax == Syntax::Yaml) << 1;
        Some([vec![flags], std::fs::read(path).expect("a sample")].concat())
    };
    files.iter().filter_map(seed).collect()
}
