//! Settings from several places, one over another, each value with its origin.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::check;
use crate::mistake::Origin;
use crate::schema::{self, keys};
use crate::settings::{RepositorySettings, Settings, ToolSettings};
use crate::tree::Place;

const PRIVATE: &str = "watch.private";

/// Values from one place: a file, the environment, a flag.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layer(BTreeMap<String, (Value, Origin)>, BTreeMap<String, Vec<Place>>);

impl Layer {
    pub(crate) fn set(&mut self, key: &str, value: Value, origin: Origin) {
        self.0.insert(key.to_owned(), (value, origin));
    }

    pub(crate) fn put(&mut self, key: &str, places: Vec<Place>) {
        self.1.insert(key.to_owned(), places);
    }

    /// Where the items of a list stand in its file, in their order.
    pub fn places(&self, key: &str) -> &[Place] {
        self.1.get(key).map_or(&[], Vec::as_slice)
    }

    /// The tools it adds.
    pub fn tools(&self) -> Vec<ToolSettings> {
        let value = self.0.get("tools").map(|(value, _)| value.clone());
        value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// Its values as JSON, to be kept for the day when its file has mistakes.
    pub fn to_json(&self) -> String {
        let values = self.0.iter().map(|(key, (value, _))| (key.clone(), value.clone()));
        Value::Object(values.collect::<Map<_, _>>()).to_string()
    }

    /// What [`Layer::to_json`] kept; what makes no sense any more is left out.
    pub fn from_json(text: &str) -> Self {
        check::kept(text)
    }

    /// As a repository's settings.
    pub fn repository(&self) -> RepositorySettings {
        read(self.values())
    }

    fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, (value, _))| (key.as_str(), value))
    }

    /// Where a value of it comes from.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.0.get(key).map(|(_, origin)| origin)
    }

    fn texts(&self, key: &str) -> Option<Vec<Value>> {
        self.0.get(key)?.0.as_array().cloned()
    }
}

/// Layers, the last one counts most.
#[derive(Debug, Clone, Default)]
pub struct Layers(Vec<Layer>);

/// A setting in effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name, such as `watch.poll`.
    pub key: String,
    /// Its value; null: not set.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

impl Layers {
    /// One more layer over all.
    pub fn lay(&mut self, layer: Layer) {
        self.0.push(layer);
    }

    /// A file's layer that has mistakes: what is wrong or lost in it stays as it was in the last good one, and files
    /// that were private then, or by default, stay so.
    pub fn lay_mistaken(&mut self, last_good: Layer, mut layer: Layer) {
        self.lay(last_good);
        let now = layer.texts(PRIVATE);
        if let (Some(now), Some((value, _))) = (now, layer.0.get_mut(PRIVATE)) {
            let mut all: Vec<Value> = self.settings().watch.private.into_iter().map(Value::from).collect();
            let new: Vec<Value> = now.into_iter().filter(|glob| !all.contains(glob)).collect();
            all.extend(new);
            *value = Value::Array(all);
        }
        self.lay(layer);
    }

    /// Every setting in effect.
    pub fn rows(&self) -> Vec<Row> {
        let row = |key: schema::Key| match self.0.iter().rev().find_map(|layer| layer.0.get(&key.name)) {
            Some((value, origin)) => Row { key: key.name, value: value.clone(), origin: origin.clone() },
            None => Row { key: key.name, value: key.default, origin: Origin::Default },
        };
        keys(schema::user()).into_iter().map(row).collect()
    }

    /// The settings in effect. What nobody sets the type itself knows: an agent waits for this, and has no schema made.
    pub fn settings(&self) -> Settings {
        read(self.0.iter().flat_map(Layer::values))
    }
}

/// Values by key as the type they were checked for; of several of one key the last.
fn read<'a, T: serde::de::DeserializeOwned + Default>(values: impl Iterator<Item = (&'a str, &'a Value)>) -> T {
    let mut all = Value::Object(Map::new());
    for (key, value) in values {
        let slot = key.split('.').fold(&mut all, |table, part| &mut table[part]);
        *slot = value.clone();
    }
    // Each value was checked against the schema of this very type; a test reads every key.
    serde_json::from_value(all).unwrap_or_default()
}
