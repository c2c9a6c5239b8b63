//! JSON Schema (draft 7, which editors' TOML and YAML servers read) of the settings, generated from their types.
//!
//! The checked-in copies are `config/*.schema.json`; a test fails when they differ, and `CODI2_BLESS=1` rewrites them.
//! Formats of ours: `glob`, `absolute-path`, `log-filter`, `store-kind`, `store-prefix`; other programs take them as notes.

use std::borrow::Cow;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::settings::{RepositorySettings, Settings};

macro_rules! formats {
    ($($name:ident $format:literal $about:literal)*) => {$(
        #[doc = $about]
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "format": $format, "minLength": 1, "maxLength": 4096})
            }
        }
    )*};
}

formats! {
    Glob "glob" "A text that is a glob."
    AbsolutePath "absolute-path" "A text that is a path from the root on."
    LogFilter "log-filter" "A text that says what is told on standard error."
    StoreKind "store-kind" "A text that names a store."
    StorePrefix "store-prefix" "A text of at most 32 bytes."
}

/// A text that is a tool's id.
pub(crate) enum ToolId {}

impl JsonSchema for ToolId {
    fn schema_name() -> Cow<'static, str> {
        "ToolId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[a-z0-9-]+$", "minLength": 1, "maxLength": 64})
    }
}

macro_rules! choices {
    ($($name:ident [$($word:literal),*] $about:literal)*) => {$(
        #[doc = $about]
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "enum": [$($word),*]})
            }
        }
    )*};
}

choices! {
    Strength ["strong", "medium", "weak"] "A text that is a strength of evidence."
    KnownClass ["exact", "declared", "inferred", "carried"] "A text that is a class of what is known."
    ActorName ["person", "completion", "agent", "orchestrator", "tool", "git", "external", "unknown"]
        "A text that is a kind of actor."
}

/// The schema of a person's file.
pub fn user() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| of::<Settings>("codi2 settings"));
    &SCHEMA
}

/// The schema of a repository's file.
pub fn repository() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| of::<RepositorySettings>("codi2 settings of a repository"));
    &SCHEMA
}

fn of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<T>());
    tidy(&mut schema);
    schema["title"] = json!(title);
    schema
}

/// Takes out what only Rust knows (`uint64`), the defaults of whole tables, and line ends inside sentences.
fn tidy(value: &mut Value) {
    let Value::Object(map) = value else { return };
    if map.get("format").is_some_and(|format| format == "uint64") {
        map.remove("format");
    }
    if map.contains_key("properties") {
        map.remove("default");
    }
    if let Some(Value::String(about)) = map.get_mut("description") {
        *about = about.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    map.values_mut().for_each(tidy);
}

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its name with its table, such as `watch.poll`.
    pub name: String,
    /// What it means.
    pub about: String,
    /// What holds if nobody says otherwise; null: not set.
    pub default: Value,
    /// Its schema.
    pub shape: Value,
}

impl Key {
    /// Whether it is a list of tables, which only a file can hold.
    pub fn is_tables(&self) -> bool {
        self.shape["items"].get("properties").is_some()
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("CODI2_{}", self.name.replace('.', "_").to_uppercase())
    }
}

/// Every setting of a schema, in the order of the file that declares them by table.
pub fn keys(schema: &Value) -> Vec<Key> {
    let mut keys = Vec::new();
    collect("", schema, &mut keys);
    keys
}

fn collect(prefix: &str, schema: &Value, keys: &mut Vec<Key>) {
    for (name, shape) in properties(schema) {
        let name = joined(prefix, name);
        if shape.get("properties").is_some() {
            collect(&name, shape, keys);
            continue;
        }
        let about = shape["description"].as_str().unwrap_or_default().to_owned();
        keys.push(Key {
            name,
            about,
            default: shape.get("default").cloned().unwrap_or_default(),
            shape: shape.clone(),
        });
    }
}

pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// The schema of a table; `""`: of all.
pub(crate) fn pointer<'a>(schema: &'a Value, table: &str) -> Option<&'a Value> {
    let parts = table.split('.').filter(|part| !part.is_empty());
    parts.into_iter().try_fold(schema, |schema, part| schema.get("properties")?.get(part))
}

pub(crate) fn joined(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}
