//! Texts, variables and flags against the schema: what of them counts, and every mistake in them.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde_json::{Value, json};

use crate::glob::Globs;
use crate::layers::Layer;
use crate::mistake::{Mistake, Origin};
use crate::schema::{self, Key, joined, keys, properties};
use crate::settings::{PREFIX_BYTES, STORE_KINDS};
use crate::tree::{Content, Entry, Node, Place, short};
use crate::{toml_text, yaml_text};

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A person's: everything may be set.
    User,
    /// A repository's: only what protects more and records less.
    Repository,
}

impl Owner {
    fn schema(self) -> &'static Value {
        match self {
            Self::User => schema::user(),
            Self::Repository => schema::repository(),
        }
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// TOML 1.0.
    Toml,
    /// YAML 1.2, one document.
    Yaml,
}

impl Syntax {
    /// By a file's name; none for other endings.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// Variables of ours that are no settings: the hub's folders, which are found before any file is read.
const FOLDERS: [&str; 2] = ["CODI2_STATE_DIR", "CODI2_RUNTIME_DIR"];

/// Place, what is wrong, what to do.
type Wrong = (Place, String, String);

/// Checks a file's text: what of it counts, and all its mistakes in their order. `path` names it in both.
pub fn check(owner: Owner, syntax: Syntax, path: &Path, text: &str) -> (Layer, Vec<Mistake>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = match syntax {
        Syntax::Toml => toml_text::parse(text),
        Syntax::Yaml => yaml_text::parse(text),
    };
    // What was made up to read on behind broken syntax is no value and no second mistake.
    let mut broken = parsed.wrong;
    broken.sort();
    broken.dedup_by_key(|(place, ..)| place.line);
    let lost: BTreeSet<usize> = broken.iter().map(|(place, ..)| place.line).collect();
    let broken = broken.into_iter().map(|wrong| (wrong, String::new())).collect();
    let mut check = Check { owner, path, layer: Layer::default(), wrong: broken };
    check.table("", owner.schema(), &sound(parsed.entries, &lost));
    let Check { layer, mut wrong, .. } = check;
    wrong.sort();
    let mistake = |((place, found, todo), setting)| Mistake {
        origin: Origin::File(path.to_owned(), place),
        found,
        todo,
        setting,
    };
    (layer, wrong.into_iter().map(mistake).collect())
}

/// Without what stands on lines that were lost.
fn sound(entries: Vec<Entry>, lost: &BTreeSet<usize>) -> Vec<Entry> {
    let stands = |node: &Node| !lost.contains(&node.at.line);
    let entries = entries.into_iter().filter(|entry| !lost.contains(&entry.at.line) && stands(&entry.value));
    let entry = |mut entry: Entry| {
        entry.value.content = match entry.value.content {
            Content::Table(below) => Content::Table(sound(below, lost)),
            Content::List(list) => Content::List(list.into_iter().filter(stands).collect()),
            other => other,
        };
        entry
    };
    entries.map(entry).collect()
}

struct Check<'a> {
    owner: Owner,
    path: &'a Path,
    layer: Layer,
    /// With the setting that it is of, if it is of one.
    wrong: Vec<(Wrong, String)>,
}

impl Check<'_> {
    fn table(&mut self, name: &str, schema: &Value, entries: &[Entry]) {
        for entry in entries {
            let full = joined(name, &entry.key);
            let Some(shape) = schema["properties"].get(&entry.key) else {
                let (found, todo) = unknown(self.owner, name, &entry.key, schema);
                // A setting may be meant that now has no value.
                self.wrong.push(((entry.at, found, todo), String::new()));
                continue;
            };
            if shape.get("properties").is_none() {
                let (mut kept, mut wrong) = (Vec::new(), Vec::new());
                if let Some(value) = noted(&full, shape, &entry.value, &mut wrong, &mut kept) {
                    self.layer.set(&full, value, Origin::File(self.path.to_owned(), entry.value.at));
                    self.layer.put(&full, kept);
                }
                self.wrong.extend(wrong.into_iter().map(|wrong| (wrong, full.clone())));
                continue;
            }
            match &entry.value.content {
                Content::Table(below) => self.table(&full, shape, below),
                // A table whose keys are all commented out.
                Content::Other("nothing", _) => {}
                other => {
                    let known: Vec<String> = properties(shape).map(|(key, _)| format!("`{key}`")).collect();
                    let todo = format!("write a table; its keys are {}", known.join(", "));
                    let found = format!("`{full}` is {}", other.shown());
                    self.wrong.push(((entry.value.at, found, todo), full));
                }
            }
        }
    }
}

fn unknown(owner: Owner, table: &str, key: &str, schema: &Value) -> (String, String) {
    let full = joined(table, key);
    if owner == Owner::Repository {
        let theirs = schema::pointer(schema::user(), table).is_some_and(|table| table["properties"].get(key).is_some());
        if theirs {
            let todo = "remove it here; whoever wants it sets it in the file that `codi2 config path` names";
            return (format!("`{full}` is not for a repository to set"), todo.to_owned());
        }
    }
    let found = match table {
        "" => format!("unknown key `{}`", short(key)),
        _ => format!("unknown key `{}` in `{table}`", short(key)),
    };
    let names: Vec<&String> = properties(schema).map(|(name, _)| name).collect();
    let near = names.iter().map(|name| (strsim::osa_distance(key, name), name.as_str()));
    let near = near.filter(|(distance, name)| *distance <= 1 + name.len() / 3).min();
    let elsewhere = keys(owner.schema()).into_iter().find(|known| known.name.rsplit('.').next() == Some(key));
    let todo = match (elsewhere, near) {
        (_, Some((0..=1, name))) => format!("did you mean `{name}`?"),
        (Some(Key { name, .. }), _) => format!("did you mean `{name}`?"),
        (None, Some((_, name))) => format!("did you mean `{name}`?"),
        (None, None) => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("known here: {}", names.join(", "))
        }
    };
    (found, todo)
}

/// As [`value`]; of a list, where each item stands that is in the value.
fn noted(key: &str, shape: &Value, node: &Node, wrong: &mut Vec<Wrong>, kept: &mut Vec<Place>) -> Option<Value> {
    let Content::List(list) = &node.content else { return value(key, shape, node, wrong) };
    let found = value(key, shape, node, wrong)?;
    for item in list {
        let (mut ours, alone) = (Vec::new(), Content::List(vec![item.clone()]));
        let alone = value(key, shape, &Node { at: node.at, content: alone }, &mut ours);
        if alone.is_some_and(|alone| alone.as_array().is_some_and(|items| !items.is_empty())) {
            kept.push(item.at);
        }
    }
    Some(found)
}

/// The table as settings have it; nothing where anything in it is wrong: half an entry may mean something else.
fn object(key: &str, shape: &Value, node: &Node, entries: &[Entry], wrong: &mut Vec<Wrong>) -> Option<Value> {
    let (before, mut all) = (wrong.len(), serde_json::Map::new());
    for entry in entries {
        let full = joined(key, &entry.key);
        match shape["properties"].get(&entry.key) {
            Some(shape) => {
                if let Some(value) = value(&full, shape, &entry.value, wrong) {
                    all.insert(entry.key.clone(), value);
                }
            }
            None => {
                let (found, todo) = unknown(Owner::User, key, &entry.key, shape);
                wrong.push((entry.at, found, todo));
            }
        }
    }
    for required in shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !entries.iter().any(|entry| entry.key == required) {
            wrong.push((node.at, format!("an entry of `{key}` has no `{required}`"), format!("add `{required}`")));
        }
    }
    (wrong.len() == before).then_some(Value::Object(all))
}

/// The value as settings have it; nothing where it is wrong. Of a list the items that are right count, if any is.
fn value(key: &str, shape: &Value, node: &Node, wrong: &mut Vec<Wrong>) -> Option<Value> {
    match (shape["type"].as_str()?, &node.content) {
        ("boolean", Content::Bool(value)) => Some(json!(value)),
        ("integer", Content::Whole(number)) => {
            let (least, most) = range(shape);
            match u64::try_from(*number) {
                Ok(number) if (least..=most).contains(&number) => Some(json!(number)),
                _ => {
                    wrong.push((node.at, format!("`{key}` is {}", node.content.shown()), wanted(shape)));
                    None
                }
            }
        }
        ("string", Content::Text(text)) => match misshapen(shape, text) {
            None => Some(json!(text)),
            Some((reason, todo)) => {
                wrong.push((node.at, format!("`{key}`: {} {reason}", short(&format!("{text:?}"))), todo));
                None
            }
        },
        ("array", Content::List(list)) => {
            let most = shape["maxItems"].as_u64().unwrap_or(u64::MAX);
            if list.len() as u64 > most {
                let found = format!("`{key}` has {} entries", list.len());
                wrong.push((
                    node.at,
                    found,
                    format!(
                        "keep {most} at most{}",
                        if shape["items"]["format"] == "glob" { "; one glob can match many files" } else { "" }
                    ),
                ));
            }
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let items = list.iter().take(most);
            let good: Vec<Value> = items.filter_map(|item| value(key, &shape["items"], item, wrong)).collect();
            (list.is_empty() || !good.is_empty()).then_some(Value::Array(good))
        }
        ("object", Content::Table(entries)) => object(key, shape, node, entries, wrong),
        (_, content) => {
            wrong.push((node.at, format!("`{key}` is {}", content.shown()), wanted(shape)));
            None
        }
    }
}

fn range(shape: &Value) -> (u64, u64) {
    (shape["minimum"].as_u64().unwrap_or(0), shape["maximum"].as_u64().unwrap_or(u64::MAX))
}

/// What to write instead.
fn wanted(shape: &Value) -> String {
    match shape["type"].as_str() {
        Some("boolean") => "write true or false".to_owned(),
        Some("integer") => {
            let (least, most) = range(shape);
            format!("write a whole number from {least} to {most}")
        }
        Some("array") if shape["items"].get("properties").is_some() => "write a list of tables".to_owned(),
        Some("array") if shape["items"].get("enum").is_some() => {
            format!("write a list of {}", words(&shape["items"]).join(", "))
        }
        Some("object") => {
            let known: Vec<String> = properties(shape).map(|(key, _)| format!("`{key}`")).collect();
            format!("write a table; its keys are {}", known.join(", "))
        }
        Some("array") => "write a list of texts, such as [\"*.log\", \"build/\"]".to_owned(),
        _ => "write a text in quotes".to_owned(),
    }
}

/// The words that a text may be.
fn words(shape: &Value) -> Vec<&str> {
    shape["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Why a text is not what its format says, and what to do.
fn misshapen(shape: &Value, text: &str) -> Option<(String, String)> {
    let most = shape["maxLength"].as_u64().unwrap_or(u64::MAX);
    if text.is_empty() {
        return Some(("is empty".to_owned(), "write something or remove it".to_owned()));
    }
    if text.chars().count() as u64 > most {
        return Some(("is too long".to_owned(), format!("keep it to {most} characters")));
    }
    if shape.get("enum").is_some() {
        let words = words(shape);
        return (!words.contains(&text))
            .then(|| ("is not known".to_owned(), format!("write one of {}", words.join(", "))));
    }
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    // The one pattern there is.
    if shape.get("pattern").is_some() && !text.chars().all(letter) {
        let todo = "write lower-case letters, digits and dashes, such as my-agent";
        return Some(("is no id".to_owned(), todo.to_owned()));
    }
    match shape["format"].as_str() {
        Some("glob") => {
            let error = Globs::new(&[text.to_owned()]).err()?;
            let todo = "correct the glob; a plain `*`, `?`, `[` or `{` stands in brackets, such as `[*]`";
            Some((format!("is not a glob: {}", error.reason()), todo.to_owned()))
        }
        Some("absolute-path") => (!Path::new(text).is_absolute())
            .then(|| ("does not begin at the root".to_owned(), "write the whole path; `~` is not replaced".to_owned())),
        Some("log-filter") => {
            const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
            let is_level = |text: &str| LEVELS.iter().any(|level| text.trim().eq_ignore_ascii_case(level));
            let wrong = text.split(',').find(|part| !is_level(part.rsplit('=').next().unwrap_or(part)))?;
            let todo = format!("write one of {}, also as `part=level`, parted by commas", LEVELS.join(", "));
            Some((format!("names no level in {:?}", short(wrong)), todo))
        }
        Some("store-kind") => (!STORE_KINDS.contains(&text))
            .then(|| ("is no store".to_owned(), format!("write one of {}", STORE_KINDS.join(", ")))),
        Some("store-prefix") => {
            // The same for every store of a cluster: then none is the beginning of another.
            if text.len() > PREFIX_BYTES {
                return Some(("is too long".to_owned(), format!("keep it to {PREFIX_BYTES} bytes")));
            }
            (text.len() < 2 || text.find('/') != Some(text.len() - 1))
                .then(|| ("is no prefix".to_owned(), "write a name and a slash behind it, such as team/".to_owned()))
        }
        _ => None,
    }
}

/// The settings that environment variables make, and what is wrong with them. Others' variables are passed over;
/// one that begins like a table of ours and names no setting is a mistake. An empty one counts as absent.
pub fn variables(all: impl IntoIterator<Item = (OsString, OsString)>) -> (Layer, Vec<Mistake>) {
    let ours = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok().filter(|name| name.starts_with("CODI2_"))?;
        (!FOLDERS.contains(&name.as_str()) && !value.is_empty()).then_some((name, value))
    };
    let (mut layer, mut mistakes) = (Layer::default(), Vec::new());
    let mut ours = all.into_iter().filter_map(ours).peekable();
    // Most have none, and then nobody waits for the schema.
    if ours.peek().is_none() {
        return (layer, mistakes);
    }
    let known = keys(schema::user());
    let tables: Vec<String> =
        known.iter().filter_map(|key| Some(format!("CODI2_{}_", key.name.split_once('.')?.0.to_uppercase()))).collect();
    for (name, value) in ours {
        let origin = Origin::Environment(name.clone());
        match known.iter().find(|key| key.variable() == name) {
            Some(key) => lay_text(key, &value, origin, &mut layer, &mut mistakes),
            None if tables.iter().any(|table| name.starts_with(table)) => {
                let near = known.iter().map(Key::variable);
                let near = near.min_by_key(|known| strsim::osa_distance(&name, known)).unwrap_or_default();
                let (found, todo) = ("unknown variable".to_owned(), format!("did you mean `{near}`?"));
                mistakes.push(Mistake { origin, found, todo, setting: String::new() });
            }
            None => {}
        }
    }
    mistakes.sort();
    (layer, mistakes)
}

/// The setting that a flag `--set KEY=VALUE` makes, or what is wrong with it.
pub fn flag(text: &str) -> (Layer, Vec<Mistake>) {
    let (mut layer, mut mistakes) = (Layer::default(), Vec::new());
    let origin = |key: &str| Origin::Flag(format!("--set {}", short(key)));
    let Some((name, value)) = text.split_once('=') else {
        let (found, todo) = ("no `=` in it".to_owned(), "write --set KEY=VALUE".to_owned());
        return (layer, vec![Mistake { origin: origin(text), found, todo, setting: String::new() }]);
    };
    match keys(schema::user()).iter().find(|key| key.name == name) {
        Some(key) => lay_text(key, OsStr::new(value), origin(name), &mut layer, &mut mistakes),
        None => {
            let (table, key) = name.rsplit_once('.').unwrap_or(("", name));
            let (found, todo) = match schema::pointer(schema::user(), table) {
                Some(schema) => unknown(Owner::User, table, key, schema),
                None => unknown(Owner::User, "", table, schema::user()),
            };
            mistakes.push(Mistake { origin: origin(name), found, todo, setting: String::new() });
        }
    }
    (layer, mistakes)
}

/// A value written outside a file: lists are parted by colons, like folders in `PATH`.
fn lay_text(key: &Key, text: &OsStr, origin: Origin, layer: &mut Layer, mistakes: &mut Vec<Mistake>) {
    let at = Place::default();
    let mut wrong = Vec::new();
    let content = match (text.to_str(), key.shape["type"].as_str()) {
        (None, _) => Content::Other("not UTF-8", String::new()),
        (Some(text), Some("boolean")) => match text {
            "1" | "true" | "yes" | "on" => Content::Bool(true),
            "0" | "false" | "no" | "off" => Content::Bool(false),
            _ => Content::Text(text.to_owned()),
        },
        (Some(text), Some("integer")) => text.parse().map_or_else(|_| Content::Text(text.to_owned()), Content::Whole),
        (Some(text), Some("array")) => {
            let item = |glob: &str| Node { at, content: Content::Text(glob.to_owned()) };
            Content::List(text.split(':').filter(|glob| !glob.is_empty()).map(item).collect())
        }
        (Some(text), _) => Content::Text(text.to_owned()),
    };
    if let Some(value) = value(&key.name, &key.shape, &Node { at, content }, &mut wrong) {
        layer.set(&key.name, value, origin.clone());
    }
    let mistake = |(_, found, todo)| Mistake { origin: origin.clone(), found, todo, setting: key.name.clone() };
    mistakes.extend(wrong.into_iter().map(mistake));
}

/// Of settings kept as JSON, key by key, what a schema of today takes.
pub(crate) fn kept(text: &str) -> Layer {
    let mut layer = Layer::default();
    let Ok(Value::Object(kept)) = serde_json::from_str(text) else { return layer };
    for key in keys(schema::user()) {
        let Some(node) = kept.get(&key.name).and_then(node) else { continue };
        let mut wrong = Vec::new();
        if let Some(value) = value(&key.name, &key.shape, &node, &mut wrong) {
            layer.set(&key.name, value, Origin::LastGood);
        }
    }
    layer
}

fn node(value: &Value) -> Option<Node> {
    let content = match value {
        Value::Bool(value) => Content::Bool(*value),
        Value::Number(number) => Content::Whole(number.as_u64()?.into()),
        Value::String(text) => Content::Text(text.clone()),
        Value::Array(list) => Content::List(list.iter().filter_map(node).collect()),
        Value::Object(all) => {
            let entry = |(key, value): (&String, &Value)| {
                Some(Entry { key: key.clone(), at: Place::default(), value: node(value)? })
            };
            Content::Table(all.iter().filter_map(entry).collect())
        }
        Value::Null => return None,
    };
    Some(Node { at: Place::default(), content })
}
