//! A tool's payload, read in one pass: what names tool, session, call and paths, and what an edit puts in, in place of what.
//!
//! Field names from `research`'s table of hooks (ai-tools.toml, `hooks` and `payload_shape`). A field of another type
//! than expected counts as absent: payloads change with every version. Absent on purpose: commands, prompts, results, but for
//! whether the call failed. They are skipped while reading.

mod input;
mod lenient;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess};

use super::bounds::{FILES, NAME_BYTES};
pub(super) use input::Input;
use lenient::{AnyOf, Lenient};

/// Longest path that is kept, in bytes; a longer one cannot be opened.
const PATH_BYTES: usize = codi2_protocol::limits::PATH_BYTES;
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
    pub edits: Input,
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
