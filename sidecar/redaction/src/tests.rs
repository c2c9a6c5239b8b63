//! What always holds, and the corpora: planted secrets, innocent texts, this repository.

#![allow(clippy::unwrap_used)] // A test that cannot unwrap has failed.

mod corpus;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::rule::compiles;

const KEY: [u8; 32] = [7; 32];

fn redactor() -> Redactor {
    Redactor::new(Some(&KEY))
}

#[test]
fn a_placeholder_names_rule_length_and_keyed_hash() {
    let secret = format!("AKIA{}", "QWERTYUIOP234567");
    let once = redactor().words(&format!("key {secret}, again {secret}")).into_owned();
    let (first, second) = once.split_once(", again ").unwrap();
    let placeholder = first.strip_prefix("key ").unwrap();
    assert_eq!(placeholder, second, "equal secrets stay equal");
    let hash = placeholder.strip_prefix("[redacted:aws-access-key-id:20:").unwrap().strip_suffix(']').unwrap();
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    let other = Redactor::new(Some(&[8; 32])).words(&secret).into_owned();
    assert_ne!(other, placeholder, "another key, another hash");
    assert_eq!(Redactor::new(None).words(&secret), "[redacted:aws-access-key-id:20]");
}

#[test]
fn only_placeholders_of_ours_are_left_alone() {
    let secret = format!("ghp_{}", "q8Zr2LmX0aPd7VtKq8Zr2LmX0aPd7VtKq8Zr");
    for forged in [
        format!("[redacted:{secret}:40:01234567]"),
        format!("[redacted:github-token:40:{secret}]"),
        format!("[redacted:no-such-rule:4:{secret}]"),
        format!("[redacted:github-token:99999999{secret}]"),
        format!("[redacted:{secret}"),
    ] {
        let out = redactor().words(&forged).into_owned();
        assert!(!out.contains(&secret[4..]), "{forged} → {out}");
        assert_eq!(redactor().words(&out), out);
    }
    let kept = "password=[redacted:github-token:40:01234567] and [redacted:github-token:40]";
    assert_eq!(redactor().words(kept), kept);
}

#[test]
fn paths_know_only_tokens() {
    let secret = format!("ghp_{}", "q8Zr2LmX0aPd7VtKq8Zr2LmX0aPd7VtKq8Zr");
    assert!(holds_token(&format!("notes/{secret}.txt")));
    let passed = redactor().path(&format!("notes/{secret}.txt")).into_owned();
    assert!(passed.starts_with("notes/[redacted:github-token:40:"), "{passed}");
    assert!(holds_token(&passed), "a path stays secret behind the door");
    for path in [
        "src/password=q8Zr2LmX0aPd7VtK/token.rs",
        "target/debug/deps/codi2_store-3f2a9c0417b2d6e1.d",
        ".git/objects/ab/3f2a9c0417b2d6e13f2a9c0417b2d6e13f2a9c",
        "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d/secret.yaml",
        "node_modules/@types/node/index.d.ts",
    ] {
        assert!(!holds_token(path), "{path}");
    }
}

#[test]
fn rules_have_names_of_their_own_and_patterns_that_compile() {
    let names = rules();
    assert!(names.len() > 221, "{} rules", names.len());
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name twice");
    for rule in crate::rules::all() {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(rule.id.bytes().all(plain) && rule.id.len() <= 40, "{}", rule.id);
        assert!(compiles(rule), "{}", rule.id);
        // Shorter ones would call their rule at every other byte.
        assert!(rule.keywords.iter().all(|keyword| keyword.len() >= 2), "{}", rule.id);
    }
}

/// Texts made to be slow or to yield secret after secret: keywords again and again, with little behind them.
#[test]
fn hostile_texts_end() {
    let all: String = crate::rules::all().flat_map(|rule| rule.keywords).copied().collect();
    for unit in
        [all.as_str(), "-----BEGIN PRIVATE KEY-----", "://a:", "sk-ant-", "password=", "eyJ", "curl ", "cookie: a=b"]
    {
        let text = unit.repeat(60_000 / unit.len());
        let once = redactor().words(&text).into_owned();
        assert_eq!(redactor().words(&once), once, "{unit}");
    }
}

/// Pieces that rules are made of, glued at random: the hardest texts for "twice changes nothing".
fn pieces() -> impl Strategy<Value = String> {
    let words: Vec<String> =
        crate::rules::all().flat_map(|rule| rule.keywords).map(|word| (*word).to_owned()).collect();
    let piece = prop_oneof![
        3 => proptest::sample::select(words),
        2 => "[A-Za-z0-9]{8,48}",
        1 => "[0-9a-f]{32}",
        2 => "[=: \"'\\\\\n,;&@/.\\[\\]-]{1,3}",
        1 => "[é😀ß\u{300}]{1,2}",
        1 => Just("[redacted:github-token:40:01234567]".to_owned()),
        1 => Just("[redacted:".to_owned()),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn twice_changes_nothing(text in pieces()) {
        for redactor in [redactor(), Redactor::new(None)] {
            let words = redactor.words(&text).into_owned();
            prop_assert_eq!(redactor.words(&words), words.as_str());
            let path = redactor.path(&text).into_owned();
            prop_assert_eq!(redactor.path(&path), path.as_str());
            // The doors may be of different keys, or of none.
            prop_assert_eq!(Redactor::new(Some(&[9; 32])).words(&words), words.as_str());
            prop_assert_eq!(holds_token(&path), holds_token(&text));
        }
    }

    #[test]
    fn any_text_comes_out_as_text(text in any::<String>()) {
        let out = redactor().words(&text).into_owned();
        prop_assert_eq!(redactor().words(&out), out.as_str());
    }
}
