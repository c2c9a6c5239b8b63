//! The samples of `config/`: each invalid one with every mistake in it, each valid one without any.
//! `CODI2_BLESS=1` rewrites what is expected.

#![allow(clippy::unwrap_used)] // A test that cannot unwrap has failed.

use std::fs;
use std::path::{Path, PathBuf};

use codi2_config::{Layers, Mistake, Owner, Settings, Syntax, check};

fn samples(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| Syntax::of(path).is_some()).collect();
    files.sort();
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Samples of a repository's settings are named so.
fn owner(path: &Path) -> Owner {
    if name(path).starts_with("repository") { Owner::Repository } else { Owner::User }
}

fn checked(path: &Path) -> (codi2_config::Layer, Vec<Mistake>) {
    let text = fs::read_to_string(path).unwrap();
    check(owner(path), Syntax::of(path).unwrap(), Path::new(name(path)), &text)
}

#[test]
fn every_mistake_is_named_with_its_place_and_what_to_do() {
    let files = samples("invalid");
    assert!(files.len() >= 20, "{} samples", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let (_, mistakes) = checked(&path);
        let found: String = mistakes.iter().map(|mistake| format!("{mistake}\n")).collect();
        let expected = PathBuf::from(format!("{}.expected", path.display()));
        if std::env::var_os("CODI2_BLESS").is_some() {
            fs::write(&expected, &found).unwrap();
        }
        if found.is_empty() || fs::read_to_string(&expected).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn valid_samples_have_no_mistake_and_are_read() {
    let files = samples("valid");
    assert!(files.len() >= 4, "{} samples", files.len());
    for path in files {
        let (layer, mistakes) = checked(&path);
        assert_eq!(mistakes, [], "{}", path.display());
        match owner(&path) {
            Owner::Repository => assert!(!layer.repository().watch.private.is_empty(), "{}", path.display()),
            Owner::User => {
                let mut layers = Layers::default();
                layers.lay(layer);
                assert_ne!(layers.settings(), Settings::default(), "{}", path.display());
            }
        }
    }
}

#[test]
fn the_same_settings_in_toml_and_yaml_are_the_same() {
    let of = |file: &str| {
        let path = samples("valid").into_iter().find(|path| name(path) == file).unwrap();
        let mut layers = Layers::default();
        layers.lay(checked(&path).0);
        layers.settings()
    };
    assert_eq!(of("everything.toml"), of("everything.yaml"));
}
