//! A tool's payload, read in one pass: what names tool, session, call and paths, and nothing of what was written.
//!
//! Field names from `research`'s table of hooks (ai-tools.toml, `hooks` and `payload_shape`). A field of another type
//! than expected counts as absent: payloads change with every version. Absent on purpose: contents, commands, prompts,
//! results, but for whether the call failed. They are skipped while reading; of a patch only the lines that name files are looked at.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::bounds::{FILES, NAME_BYTES};

/// Longest path that is kept, in bytes; a longer one cannot be opened.
const PATH_BYTES: usize = codi2_protocol::limits::PATH_BYTES;
/// How deep in a tool's input paths are looked for.
const DEPTH: usize = 4;
/// How a patch names its files, one a line.
const PATCH_LINES: [&str; 4] = ["*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: "];

/// Every field of every known shape.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Payload {
    // Claude Code and those who took its shape.
    pub hook_event_name: Text,
    #[serde(rename = "hookEventName")]
    pub camel_event_name: Text,
    pub session_id: Text,
    pub transcript_path: Text,
    pub cwd: Text,
    pub tool_name: Text,
    pub tool_use_id: Text,
    pub tool_input: Input,
    pub tool_response: Outcome,
    pub model: Model,
    pub turn_id: Text,
    pub agent_id: Text,
    pub agent_type: Text,
    pub parent_session_id: Text,
    // Cursor, Auggie.
    pub tool_error: Flag,
    pub cursor_version: Text,
    pub conversation_id: Text,
    pub workspace_roots: Texts,
    pub file_path: Text,
    // Windsurf.
    pub agent_action_name: Text,
    pub trajectory_id: Text,
    pub execution_id: Text,
    pub model_name: Text,
    pub tool_info: Input,
    // Cline.
    #[serde(rename = "hookName")]
    pub hook_name: Text,
    #[serde(rename = "taskId")]
    pub task_id: Text,
    #[serde(rename = "workspaceRoots")]
    pub camel_workspace_roots: Texts,
    #[serde(rename = "preToolUse")]
    pub pre_tool_use: Option<Invocation>,
    #[serde(rename = "postToolUse")]
    pub post_tool_use: Option<Invocation>,
    // Crush.
    pub event: Text,
    // Copilot CLI, Grok.
    #[serde(rename = "sessionId")]
    pub camel_session_id: Text,
    #[serde(rename = "toolName")]
    pub camel_tool_name: Text,
    #[serde(rename = "toolArgs")]
    pub tool_args: Input,
    #[serde(rename = "toolResult")]
    camel_tool_result: Outcome,
    tool_result: Outcome,
    // OpenCode, Amp and Pi, by codi2's own plugins.
    #[serde(rename = "codi2Plugin")]
    pub plugin: Text,
}

impl Payload {
    /// Whether Copilot's own spelling tells of a call that is over.
    pub fn has_result(&self) -> bool {
        self.camel_tool_result != Outcome::Absent
    }

    /// Whether the result of a call that is over says that it was refused, or else that it failed.
    pub fn outcome(&self) -> Outcome {
        let said = [self.tool_response, self.camel_tool_result, self.tool_result];
        let has_failed = self.tool_error.is_set()
            || self.post_tool_use.as_ref().is_some_and(|call| call.success == Flag(Some(false)))
            || said.contains(&Outcome::Failed);
        match (said.contains(&Outcome::Refused), has_failed) {
            (true, _) => Outcome::Refused,
            (_, true) => Outcome::Failed,
            _ => Outcome::Done,
        }
    }
}

/// What a tool's result says of the call itself; what came of it is skipped.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is no result.
    #[default]
    Absent,
    /// It says nothing else.
    Done,
    Failed,
    Refused,
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept;
        impl<'de> Lenient<'de> for Kept {
            type Value = Option<Outcome>;
            fn table<A: MapAccess<'de>>(self, mut table: A) -> Result<Option<Outcome>, A::Error> {
                let mut outcome = Outcome::Done;
                while let Some(key) = table.next_key::<Text>()? {
                    let has_failed = match key.get() {
                        Some("error" | "isError" | "is_error") => table.next_value::<Flag>()?.is_set(),
                        Some("success") => table.next_value::<Flag>()? == Flag(Some(false)),
                        Some("resultType" | "result_type" | "status") => match table.next_value::<Text>()?.get() {
                            Some("denied" | "rejected") => {
                                outcome = Outcome::Refused;
                                false
                            }
                            word => matches!(word, Some("failure" | "failed" | "error")),
                        },
                        _ => table.next_value::<IgnoredAny>().map(|_| false)?,
                    };
                    if has_failed && outcome != Outcome::Refused {
                        outcome = Outcome::Failed;
                    }
                }
                Ok(Some(outcome))
            }
        }
        Ok(deserializer.deserialize_any(AnyOf(Kept))?.unwrap_or(Self::Done))
    }
}

/// Whether something is so, or is there at all: a text that is not empty, a list and a table count as true.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(Option<bool>);

impl Flag {
    fn is_set(self) -> bool {
        self.0 == Some(true)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept;
        impl<'de> Lenient<'de> for Kept {
            type Value = Flag;
            fn truth(self, is_so: bool) -> Flag {
                Flag(Some(is_so))
            }
            fn text<E>(self, text: &str) -> Result<Flag, E> {
                Ok(Flag((!text.is_empty()).then_some(true)))
            }
            fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Flag, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Flag(Some(true)))
            }
            fn table<A: MapAccess<'de>>(self, mut table: A) -> Result<Flag, A::Error> {
                while table.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Flag(Some(true)))
            }
        }
        deserializer.deserialize_any(AnyOf(Kept))
    }
}

/// A tool's call in Cline's payload.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Invocation {
    pub tool_name: Text,
    pub parameters: Input,
    pub success: Flag,
}

/// A text that is kept if it is one and short enough for a name or path.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Text(Option<String>);

impl Text {
    /// The text, unless it is absent or empty.
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    pub fn is_some(&self) -> bool {
        self.get().is_some()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept;
        impl<'de> Lenient<'de> for Kept {
            type Value = Text;
            fn text<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text((text.len() <= PATH_BYTES).then(|| text.to_owned())))
            }
        }
        deserializer.deserialize_any(AnyOf(Kept))
    }
}

/// The texts of a list, at most as many as a record may name files.
#[derive(Debug, Default, Clone)]
pub(super) struct Texts(pub Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept;
        impl<'de> Lenient<'de> for Kept {
            type Value = Texts;
            fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element::<Text>()? {
                    texts.extend(text.0.filter(|_| texts.len() < FILES));
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(AnyOf(Kept))
    }
}

/// A model: its name, or a table that has it.
#[derive(Debug, Default, Clone)]
pub(super) struct Model(pub Option<String>);

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept;
        impl<'de> Lenient<'de> for Kept {
            type Value = Model;
            fn text<E>(self, text: &str) -> Result<Model, E> {
                Ok(Model(Some(text).filter(|text| !text.is_empty() && text.len() <= NAME_BYTES).map(str::to_owned)))
            }
            fn table<A: MapAccess<'de>>(self, mut table: A) -> Result<Model, A::Error> {
                let mut found = None;
                while let Some(key) = table.next_key::<Text>()? {
                    let value = match key.get() {
                        Some("slug" | "id" | "name") => table.next_value::<Text>()?.0,
                        _ => table.next_value::<IgnoredAny>().map(|_| None)?,
                    };
                    found = found.or(value);
                }
                Ok(Model(found))
            }
        }
        deserializer.deserialize_any(AnyOf(Kept))
    }
}

/// The paths in what a tool was given.
#[derive(Debug, Default, Clone)]
pub(super) struct Input {
    /// Whether there is any input.
    pub is_some: bool,
    /// The folder it names.
    pub cwd: Option<String>,
    /// Paths under names that say so.
    pub paths: Vec<String>,
    /// Paths in what is a patch where the tool takes one.
    pub patched: Vec<String>,
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut input = Self::default();
        Reader { input: &mut input, depth: DEPTH, holds: Holds::Anything }.deserialize(deserializer)?;
        Ok(input)
    }
}

/// What a value's name says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Path,
    Folder,
    /// A patch, where the tool takes one.
    Patch,
    /// Tables and lists with more names in them; a text only at the top, where it may be JSON or a patch.
    Anything,
    Contents,
}

impl Holds {
    fn of(key: &str) -> Self {
        let plain = key.bytes().filter(|byte| *byte != b'_' && *byte != b'-').map(|byte| byte.to_ascii_lowercase());
        match plain.take(32).collect::<Vec<_>>().as_slice() {
            b"path" | b"paths" | b"filepath" | b"filepaths" | b"notebookpath" | b"targetfile" | b"absolutepath" => {
                Self::Path
            }
            b"cwd" => Self::Folder,
            b"patch" | b"patchtext" | b"input" | b"command" => Self::Patch,
            b"content" | b"contents" | b"filecontent" | b"filetext" | b"oldstring" | b"newstring" | b"oldstr"
            | b"newstr" | b"oldtext" | b"newtext" | b"code" | b"diff" | b"prompt" | b"explanation" => Self::Contents,
            _ => Self::Anything,
        }
    }
}

struct Reader<'a> {
    input: &'a mut Input,
    depth: usize,
    holds: Holds,
}

impl Reader<'_> {
    fn path(&mut self, path: &str) {
        keep(&mut self.input.paths, path);
    }

    /// What a patch puts in or leaves stands behind a sign: only what begins a line names a file.
    fn patch(&mut self, text: &str) {
        for line in text.lines() {
            if let Some(path) = PATCH_LINES.iter().find_map(|start| line.strip_prefix(start)) {
                keep(&mut self.input.patched, path.trim());
            }
        }
    }
}

fn keep(paths: &mut Vec<String>, path: &str) {
    let path = path.strip_prefix("file://").unwrap_or(path);
    // One more than a record takes, so that a list that is too long stays too long.
    if !path.is_empty() && path.len() <= PATH_BYTES && paths.len() <= FILES {
        paths.push(path.to_owned());
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth == 0 || self.holds == Holds::Contents {
            return IgnoredAny::deserialize(deserializer).map(|_| ());
        }
        deserializer.deserialize_any(AnyOf(self))
    }
}

impl<'de> Lenient<'de> for Reader<'_> {
    type Value = ();

    fn text<E: de::Error>(mut self, text: &str) -> Result<(), E> {
        self.input.is_some = true;
        match self.holds {
            // A list may come as JSON in a text.
            Holds::Path => match serde_json::from_str::<Texts>(text) {
                Ok(list) if text.starts_with('[') => list.0.iter().for_each(|path| self.path(path)),
                _ => self.path(text),
            },
            Holds::Folder => self.input.cwd = Some(text.to_owned()).filter(|text| text.len() <= PATH_BYTES),
            Holds::Anything if self.depth == DEPTH && text.trim_start().starts_with('{') => {
                let inner = Reader { input: self.input, depth: DEPTH - 1, holds: Holds::Anything };
                // What is no JSON names no path.
                let _ = inner.deserialize(&mut serde_json::Deserializer::from_str(text));
            }
            Holds::Anything if self.depth == DEPTH => self.patch(text),
            Holds::Patch => self.patch(text),
            Holds::Anything | Holds::Contents => {}
        }
        Ok(())
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Reader { input, depth, holds } = self;
        while list.next_element_seed(Reader { input, depth: depth - 1, holds })?.is_some() {}
        Ok(())
    }

    fn table<A: MapAccess<'de>>(self, mut table: A) -> Result<(), A::Error> {
        let Reader { input, depth, .. } = self;
        input.is_some = true;
        while let Some(key) = table.next_key::<Text>()? {
            let holds = Holds::of(key.get().unwrap_or_default());
            table.next_value_seed(Reader { input, depth: depth - 1, holds })?;
        }
        Ok(())
    }
}

/// Reads a value of any type; what is not of use makes the default.
trait Lenient<'de>: Sized {
    type Value: Default;

    fn truth(self, _: bool) -> Self::Value {
        Self::Value::default()
    }

    fn text<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Self::Value::default())
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }

    fn table<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
        while table.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }
}

/// The visitor that every [`Lenient`] shares.
struct AnyOf<L>(L);

impl<'de, L: Lenient<'de>> Visitor<'de> for AnyOf<L> {
    type Value = L::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, is_so: bool) -> Result<L::Value, E> {
        Ok(self.0.truth(is_so))
    }

    fn visit_i64<E>(self, _: i64) -> Result<L::Value, E> {
        Ok(L::Value::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<L::Value, E> {
        Ok(L::Value::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<L::Value, E> {
        Ok(L::Value::default())
    }

    fn visit_unit<E>(self) -> Result<L::Value, E> {
        Ok(L::Value::default())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<L::Value, E> {
        self.0.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<L::Value, A::Error> {
        self.0.list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<L::Value, A::Error> {
        self.0.table(table)
    }
}
