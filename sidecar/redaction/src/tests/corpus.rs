//! Misses and false hits, counted: planted secrets in many notations, innocent texts, and this repository's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::redactor;
use crate::placeholder;

/// False hits in this repository's files, at most; there were none. Room for tests that need something like a password.
const FALSE_HITS: usize = 10;

/// A small generator, so that each run plants the same.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn bytes(&mut self, set: &str, length: usize) -> String {
        let low = "abcdefghijklmnopqrstuvwxyz0123456789";
        let alnum = format!("{low}ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        let of: String = match set {
            "hex" => "0123456789abcdef".into(),
            "low" => low.into(),
            "up" | "updash" | "updot" => low.to_uppercase(),
            "b32" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".into(),
            "an" | "crypt" => alnum,
            "word" => alnum + "_",
            "url" | "path" | "dot" => alnum + "-_",
            "b64" => alnum + "+/",
            other => panic!("no set {other}"),
        };
        let of: Vec<char> = of.chars().collect();
        // Like the tokens themselves: neither ends is a mark, and a digit is somewhere.
        let marked = |text: &str| {
            text.starts_with(|c: char| !c.is_alphanumeric()) || text.ends_with(|c: char| !c.is_alphanumeric())
        };
        loop {
            let text: String = (0..length).map(|_| of[self.below(of.len())]).collect();
            if !marked(&text) && (length < 8 || text.bytes().any(|byte| byte.is_ascii_digit())) {
                return text;
            }
        }
    }
}

/// Fills a template; gives the text and what must be gone.
fn fill(template: &str, random: &mut Random) -> (String, Vec<String>) {
    let (mut text, mut secrets) = (String::new(), Vec::new());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        let close = rest[open..].find('}').map(|at| open + at);
        let inside = close.map_or("", |close| &rest[open + 1..close]);
        let made = match (inside, inside.split_once(':')) {
            ("uuid", _) => Some(["8", "4", "4", "4", "12"].map(|n| random.bytes("hex", n.parse().unwrap())).join("-")),
            (_, Some((set, n))) => n.parse().ok().map(|n| random.bytes(set, n)),
            _ => None,
        };
        match made {
            Some(made) => {
                text.push_str(&made);
                if made.len() >= 5 {
                    secrets.push(made);
                }
                rest = &rest[close.unwrap() + 1..];
            }
            None => {
                text.push('{');
                rest = &rest[open + 1..];
            }
        }
    }
    text.push_str(rest);
    (text, secrets)
}

/// The rules and templates of the planted corpus.
fn planted() -> Vec<(&'static str, String)> {
    let lines = include_str!("../../corpus/planted.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (rule, template) = line.split_once(' ').unwrap();
            (rule, template.replace("\\\\n", "\u{1}").replace("\\n", "\n").replace('\u{1}', "\\n"))
        })
        .collect()
}

/// The same secret as other texts would have it.
fn notations(template: &str) -> Vec<String> {
    let is_name = |name: &str| {
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte))
    };
    let named = template.split_once('=').filter(|(name, value)| is_name(name) && value.starts_with('{'));
    let mut all = vec![template.to_owned()];
    if let Some((name, value)) = named {
        let loud = name.to_uppercase();
        all.extend([
            format!("{loud}={value}"),
            format!("export {loud}=\"{value}\"; make"),
            format!("{name}: {value}"),
            format!("{name}: '{value}'"),
            format!("\"{name}\": \"{value}\","),
            format!("{{\\\"{name}\\\":\\\"{value}\\\"}}"),
            format!("const {loud}: &str = \"{value}\";"),
            format!("{name} = `{value}`"),
            format!("env[\"{name}\"] = \"{value}\""),
            format!("{name} => '{value}'"),
            format!("--{}={value} --verbose", name.replace('_', "-")),
        ]);
    }
    let around = [("", ""), ("before\n", "\nafter"), ("größe ", " ✓"), ("[{\"text\":\"", "\"}]")];
    all.iter().flat_map(|text| around.iter().map(move |(before, after)| format!("{before}{text}{after}"))).collect()
}

/// Where tokens of their own form are also found.
const GLUED: [(&str, &str); 12] = [
    ("\"", "\""),
    ("'", "';"),
    ("(", ")"),
    ("`", "`."),
    ("https://api.example.test/v1?key=", "&page=2"),
    ("TOKEN=", "\nNEXT=1"),
    ("x: ", ", y: 2"),
    ("line\\n", "\\nline"),
    ("a%3D", "%26b"),
    ("please use ", " for it"),
    ("<b>", "</b>"),
    ("{\\\"k\\\":\\\"", "\\\"}"),
];

#[test]
fn no_planted_secret_is_missed() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut texts, mut missed) = (0, BTreeMap::<&str, Vec<String>>::new());
    let mut check = |rule: &'static str, template: &str, named: bool| {
        for _ in 0..3 {
            let (text, secrets) = fill(template, &mut random);
            assert!(!secrets.is_empty(), "{rule}: nothing planted in {template}");
            let out = redactor().words(&text).into_owned();
            let leaks = secrets.iter().any(|secret| leaks(&out, secret));
            texts += 1;
            if leaks || (named && !out.contains(&format!("[redacted:{rule}:"))) {
                missed.entry(rule).or_default().push(format!("{text} → {out}"));
            }
        }
    };
    let tokens: BTreeSet<&str> = crate::rules::all().filter(|rule| rule.is_token()).map(|rule| rule.id).collect();
    let planted = planted();
    for (rule, template) in &planted {
        for (at, text) in notations(template).iter().enumerate() {
            check(rule, text, at == 0);
        }
        if tokens.contains(rule) && template.starts_with(|c: char| c.is_ascii_alphanumeric()) && !template.contains(' ')
        {
            GLUED.iter().for_each(|(before, after)| check(rule, &format!("{before}{template}{after}"), false));
        }
    }
    let known: BTreeSet<&str> = crate::rules().into_iter().filter(|rule| *rule != crate::rules::REST.id).collect();
    let planted_rules: BTreeSet<&str> = planted.iter().map(|(rule, _)| *rule).collect();
    println!(
        "{} rules, {texts} texts with planted secrets, {} missed",
        known.len(),
        missed.values().map(Vec::len).sum::<usize>()
    );
    assert_eq!(planted_rules, known, "each rule has a planted secret, and each planted secret a rule");
    let shown: Vec<_> = missed.iter().map(|(rule, texts)| (rule, texts.len(), &texts[0])).collect();
    assert!(missed.is_empty(), "{shown:#?}");
}

/// Whether eight bytes in a row of a secret are still there.
fn leaks(out: &str, secret: &str) -> bool {
    secret.as_bytes().windows(secret.len().min(8)).any(|part| out.contains(std::str::from_utf8(part).unwrap()))
}

/// The placeholders that a text gets; those it holds already are none.
fn hits(text: &str) -> Vec<String> {
    let placeholders = |text: &str| {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(range) = placeholder::next(text, at) {
            found.push(text[range.clone()].to_owned());
            at = range.end;
        }
        found
    };
    let before = placeholders(text);
    let mut found = placeholders(&redactor().words(text));
    found.retain(|hit| !before.contains(hit));
    found
}

#[test]
fn innocent_texts_stay_as_they_are() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut texts = 0;
    let mut wrong = Vec::new();
    for line in include_str!("../../corpus/innocent.txt").lines().filter(|line| !line.starts_with('#')) {
        for _ in 0..20 {
            let (text, _) = fill(line, &mut random);
            texts += 1;
            if let Some(hit) = hits(&text).first() {
                wrong.push(format!("{hit} in {text}"));
            }
        }
    }
    println!("{texts} innocent texts, {} false hits", wrong.len());
    assert!(texts >= 1_000 && wrong.is_empty(), "{wrong:#?}");
}

/// Names of files in folders below, links and build folders left out.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = ["rs", "md", "toml", "json", "lua", "sh", "lock", "py", "txt", "ts", "tsx", "css"];
        if path.is_symlink() || name.starts_with('.') || ["target", "node_modules"].contains(&name.as_str()) {
        } else if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| text.iter().any(|text| ending == *text)) {
            found.push(path);
        }
    }
}

#[test]
fn this_repository_has_few_false_hits() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut found = Vec::new();
    files(&top, &mut found);
    // What is planted here is meant to be found.
    found.retain(|path| !path.starts_with(top.join("sidecar/redaction")) && !path.ends_with("redaction.rs"));
    let (mut bytes, mut lines, mut wrong) = (0, 0, Vec::new());
    for path in &found {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        bytes += text.len();
        for line in text.lines() {
            lines += 1;
            wrong.extend(
                hits(line)
                    .into_iter()
                    .map(|hit| format!("{}: {hit} in {line}", path.strip_prefix(&top).unwrap().display())),
            );
        }
    }
    println!("{} files, {lines} lines, {bytes} bytes of this repository: {} false hits", found.len(), wrong.len());
    wrong.iter().for_each(|wrong| println!("  {wrong}"));
    assert!(found.len() > 200 && wrong.len() <= FALSE_HITS, "{wrong:#?}");
}
