//! Layers over layers: what counts, where it says it comes from, and what mistakes cost.

#![allow(clippy::unwrap_used)] // A test that cannot unwrap has failed.

use std::ffi::OsString;
use std::path::Path;

use codi2_config::schema::{keys, user};
use codi2_config::{Layer, Layers, Mistake, Owner, Settings, Syntax, check, flag, variables};
use proptest::prelude::*;
use serde_json::{Value, json};

fn file(text: &str) -> (Layer, Vec<Mistake>) {
    check(Owner::User, Syntax::Toml, Path::new("c.toml"), text)
}

fn environment(variables: &[(&str, &str)]) -> (Layer, Vec<Mistake>) {
    let variables: Vec<(OsString, OsString)> =
        variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
    codi2_config::variables(variables)
}

fn shown(mistakes: &[Mistake]) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn each_layer_covers_the_one_below_and_says_so() {
    let mut layers = Layers::default();
    let laid = [
        file(
            "log = \"debug\"\n[hub]\nidle_minutes = 3\n[watch]\n\npoll = true\nprivate = [\"*.secret\"]\n[spool]\ncap_mib = 8\n",
        ),
        environment(&[
            ("CODI2_WATCH_POLL", "off"),
            ("CODI2_WATCH_EXCLUDE", "a/**:*.log"),
            ("CODI2_HUB_IDLE_MINUTES", ""),
        ]),
        flag("watch.settle_ms=5"),
    ];
    for (layer, mistakes) in laid {
        assert_eq!(mistakes, []);
        layers.lay(layer);
    }
    let rows: Vec<String> =
        layers.rows().iter().map(|row| format!("{}={} {}", row.key, row.value, row.origin)).collect();
    assert_eq!(
        rows,
        [
            "ci.rules=[] default",
            "editor.code_lens=true default",
            "editor.inlay_hints=false default",
            "hub.idle_minutes=3 c.toml:3:16",
            "log=\"debug\" c.toml:1:7",
            "notes.write=true default",
            "spool.cap_mib=8 c.toml:9:11",
            "store.cluster_file=null default",
            "store.kind=\"file\" default",
            "store.library=null default",
            "store.path=null default",
            "store.prefix=\"codi2/\" default",
            "store.timeout_ms=5000 default",
            "tools=[] default",
            "watch.exclude=[\"a/**\",\"*.log\"] env CODI2_WATCH_EXCLUDE",
            "watch.include=[] default",
            "watch.max_file_mib=2 default",
            "watch.max_folders=null default",
            "watch.poll=false env CODI2_WATCH_POLL",
            "watch.poll_ms=2000 default",
            "watch.private=[\"*.secret\"] c.toml:7:11",
            "watch.settle_ms=5 flag --set watch.settle_ms",
        ]
    );
    let settings = layers.settings();
    assert_eq!((settings.idle_ms(), settings.spool_bytes()), (180_000, 8 << 20));
    assert_eq!((settings.watch.poll, settings.log.as_deref()), (false, Some("debug")));
}

#[test]
fn nobody_says_anything_is_the_default() {
    assert_eq!(Layers::default().settings(), Settings::default());
}

#[test]
fn mistakes_cost_only_what_is_wrong_and_never_privacy() {
    let (good, _) = file("[watch]\nprivate = [\"*.secret\"]\nsettle_ms = 7\npoll_ms = 900\n[hub]\nidle_minutes = 3\n");
    let last = Layer::from_json(&good.to_json());
    for (text, wrong, private, settle, idle) in [
        // A wrong value keeps its last good one; what is right counts.
        ("[watch]\nsettle_ms = \"x\"\nprivate = [\"*.new\"]\n", 1, &["*.secret", "*.new"][..], 7, 3),
        ("[watch]\nprivate = [\"a[\", \"*.new\", \"*.secret\"]\nsettle_ms = 9\n", 1, &["*.secret", "*.new"], 9, 3),
        // Broken syntax loses a line, not the file.
        ("[hub]\nidle_minutes = = 4\n[watch]\nsettle_ms = 9\n", 1, &["*.secret"], 9, 3),
        ("[watch\n", 1, &["*.secret"], 7, 3),
    ] {
        let (layer, mistakes) = file(text);
        assert_eq!(mistakes.len(), wrong, "{text:?}: {mistakes:?}");
        let mut layers = Layers::default();
        layers.lay_mistaken(last.clone(), layer);
        let settings = layers.settings();
        assert_eq!(settings.watch.private, private, "{text:?}");
        assert_eq!((settings.watch.settle_ms, settings.hub.idle_minutes), (settle, idle), "{text:?}");
    }
    // Never a good one: the defaults stay private.
    let mut layers = Layers::default();
    let (layer, mistakes) = file("[watch]\nprivate = [\"*.secret\", 1]\n");
    assert_eq!(mistakes.len(), 1);
    layers.lay_mistaken(Layer::default(), layer);
    assert_eq!(layers.settings().watch.private, [".env*", "*.pem", "*.key", "id_*", "*.secret"]);
}

#[test]
fn what_was_kept_by_another_version_counts_as_far_as_it_makes_sense() {
    let kept = json!({"watch.poll": true, "watch.settle_ms": 1_000_000, "watch.gone": 1, "hub.idle_minutes": "x"});
    let mut layers = Layers::default();
    layers.lay(Layer::from_json(&kept.to_string()));
    let mut expected = Settings::default();
    expected.watch.poll = true;
    assert_eq!(layers.settings(), expected);
    assert_eq!(Layer::from_json("{"), Layer::default());
}

#[test]
fn variables_that_make_no_sense_are_named() {
    let (layer, mistakes) = environment(&[
        ("CODI2_HUB_IDLE_MINUTES", "ten"),
        ("CODI2_WATCH_POLL", "maybe"),
        ("CODI2_STORE_PATH", "here"),
        ("CODI2_SPOOL_CAP_MIB", "0"),
        ("CODI2_WATCH_PRIVATE", "*.a:b["),
        ("CODI2_WATCH_POL", "1"),
        ("CODI2_STATE_DIR", "/elsewhere"),
        ("PATH", "/bin"),
    ]);
    assert_eq!(
        shown(&mistakes),
        [
            "env CODI2_HUB_IDLE_MINUTES: `hub.idle_minutes` is the text \"ten\"; write a whole number from 0 to 525600",
            "env CODI2_SPOOL_CAP_MIB: `spool.cap_mib` is the number 0; write a whole number from 1 to 16384",
            "env CODI2_STORE_PATH: `store.path`: \"here\" does not begin at the root; write the whole path; `~` is not replaced",
            "env CODI2_WATCH_POL: unknown variable; did you mean `CODI2_WATCH_POLL`?",
            "env CODI2_WATCH_POLL: `watch.poll` is the text \"maybe\"; write true or false",
            "env CODI2_WATCH_PRIVATE: `watch.private`: \"b[\" is not a glob: unclosed character class; missing ']'; correct the glob; a plain `*`, `?`, `[` or `{` stands in brackets, such as `[*]`",
        ]
    );
    assert_eq!(layer.to_json(), json!({"watch.private": ["*.a"]}).to_string());
}

#[test]
fn flags_that_make_no_sense_are_named() {
    for (text, expected) in [
        ("watch.poll", "flag --set watch.poll: no `=` in it; write --set KEY=VALUE"),
        ("watch.pol=1", "flag --set watch.pol: unknown key `pol` in `watch`; did you mean `poll`?"),
        ("wath.poll=1", "flag --set wath.poll: unknown key `wath`; did you mean `watch`?"),
        ("watch.poll=2", "flag --set watch.poll: `watch.poll` is the text \"2\"; write true or false"),
    ] {
        assert_eq!(shown(&flag(text).1), [expected]);
    }
}

#[test]
fn tools_are_read_as_far_as_each_entry_is_right_and_know_their_line() {
    let (layer, mistakes) = file(
        "[[tools]]\nid = \"my-agent\"\nname = \"Mine\"\nprocesses = [\"mine\"]\nenv = [{ name = \"MINE\", strength = \"strong\" }]\n\
         [[tools]]\nid = \"My Agent\"\n[[tools]]\nnam = \"x\"\n[[tools]]\nid = \"other\"\nenv = [{ value = \"1\" }, { name = \"A\", strength = \"sure\" }]\n\
         [[tools]]\nid = \"last\"\n",
    );
    assert_eq!(
        shown(&mistakes),
        [
            "c.toml:7:6: `tools.id`: \"My Agent\" is no id; write lower-case letters, digits and dashes, such as my-agent",
            "c.toml:8:1: an entry of `tools` has no `id`; add `id`",
            "c.toml:9:1: unknown key `nam` in `tools`; did you mean `name`?",
            "c.toml:12:8: an entry of `tools.env` has no `name`; add `name`",
            "c.toml:12:50: `tools.env.strength`: \"sure\" is not known; write one of strong, medium, weak",
        ]
    );
    let tools = layer.tools();
    assert_eq!(tools.iter().map(|tool| tool.id.as_str()).collect::<Vec<_>>(), ["my-agent", "last"]);
    assert_eq!(tools[0].env[0].strength.as_deref(), Some("strong"));
    assert_eq!(layer.places("tools").iter().map(|place| place.line).collect::<Vec<_>>(), [1, 13]);
    assert_eq!(Layer::from_json(&layer.to_json()).tools(), tools, "kept for the day when the file has mistakes");
    let (_, mistakes) = variables([("CODI2_TOOLS".into(), "x".into())]);
    assert_eq!(mistakes.len(), 1, "only a file holds tables");
}

#[test]
fn every_key_is_read_into_the_type_it_was_checked_for() {
    for key in keys(user()).into_iter().filter(|key| !key.is_tables()) {
        let value = match key.shape["type"].as_str().unwrap() {
            "boolean" => (key.default != true).to_string(),
            "integer" => key.shape["maximum"].to_string(),
            "array" => "*.x:y/**".to_owned(),
            _ if key.name == "log" => "warn,codi2_hub=debug".to_owned(),
            _ if key.name == "store.kind" => "foundationdb".to_owned(),
            _ if key.name == "store.prefix" => "team/".to_owned(),
            _ => "/a/b".to_owned(),
        };
        let (layer, mistakes) = variables([(key.variable().into(), value.clone().into())]);
        assert_eq!(mistakes, []);
        let mut layers = Layers::default();
        layers.lay(layer);
        assert_ne!(layers.settings(), Settings::default(), "{}={value}", key.name);
        // What is shown is what is in effect, of this key and of those that nobody set.
        let effective = serde_json::to_value(layers.settings()).unwrap();
        for row in layers.rows() {
            let value = row.key.split('.').try_fold(&effective, |table, part| table.get(part));
            assert_eq!(value.unwrap_or(&Value::Null), &row.value, "{} where {} is set", row.key, key.name);
        }
    }
}

/// Pieces of which mistaken files are made.
const PIECES: &[&str] = &[
    "[watch]\n",
    "[hub]\n",
    "poll = true\n",
    "poll = maybe\n",
    "private = [\"*.x\", \"a[\"]\n",
    "idle_minutes = -3\n",
    "= 1\n",
    "settle_ms = 5\n",
    "\"",
    "]\n",
    "watch: {poll: true}\n",
    "hub:\n  idle_minutes: 4\n",
    "- a\n",
    "&a b: *a\n",
    "\u{feff}",
    "  ",
    "é = \"ü\"\n",
    "watch.private = [\"*.y\"]\n",
    "\"\"\"\n",
    "'",
    "{",
    "}",
    ": ",
    "#",
    "\r\n",
    "\t",
    "0x_",
    "1979-05-27\n",
];

proptest! {
    /// Whatever a file holds: no panic, each mistake inside the text, and no default glob lost to a mistake.
    #[test]
    fn no_text_breaks_the_reader_or_privacy(pieces in prop::collection::vec(0..PIECES.len(), 0..24)) {
        let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        let lines = text.matches('\n').count() + 2;
        for (owner, syntax) in [
            (Owner::User, Syntax::Toml), (Owner::User, Syntax::Yaml),
            (Owner::Repository, Syntax::Toml), (Owner::Repository, Syntax::Yaml),
        ] {
            let (layer, mistakes) = check(owner, syntax, Path::new("f"), &text);
            for mistake in &mistakes {
                let codi2_config::Origin::File(_, place) = &mistake.origin else { panic!("{mistake}") };
                prop_assert!(place.line >= 1 && place.line <= lines && place.column >= 1, "{mistake} in {text:?}");
                prop_assert!(!mistake.found.is_empty() && !mistake.todo.is_empty());
            }
            if !mistakes.is_empty() {
                let mut layers = Layers::default();
                layers.lay_mistaken(Layer::default(), layer);
                let private = layers.settings().watch.private;
                prop_assert!(Settings::default().watch.private.iter().all(|glob| private.contains(glob)));
            }
        }
    }
}
