//! An agent that announces its edits as agents do: by `codi2 hook agent-v1` before and after.

use serde_json::json;

use crate::World;

/// One agent at work in a world.
pub struct Agent<'a> {
    world: &'a World,
    /// Its name.
    pub name: &'static str,
    /// Its model.
    pub model: &'static str,
}

impl<'a> Agent<'a> {
    /// An agent in this world. Its hooks run as children of the test, so before and after have one parent.
    pub fn new(world: &'a World) -> Self {
        Self::named(world, "scripted-agent")
    }

    /// The same under another name.
    pub fn named(world: &'a World, name: &'static str) -> Self {
        Self { world, name, model: "no-model-1" }
    }

    /// Says that it will edit `files`.
    pub fn announce(&self, files: &[&str]) {
        self.hook(json!({
            "type": "human",
            "repo_working_dir": self.world.repository(),
            "will_edit_filepaths": files,
        }));
    }

    /// Says that it has edited `files`.
    pub fn done(&self, files: &[&str]) {
        self.hook(json!({
            "type": "ai_agent",
            "repo_working_dir": self.world.repository(),
            "edited_filepaths": files,
            "agent_name": self.name,
            "model": self.model,
            "conversation_id": "conversation-1",
        }));
    }

    /// Writes a file between the two.
    pub fn write(&self, file: &str, content: &str) {
        self.announce(&[file]);
        self.world.write(file, content);
        self.done(&[file]);
    }

    fn hook(&self, payload: serde_json::Value) {
        let output = self.world.codi2_with(&["hook", "agent-v1"], &payload.to_string());
        assert_eq!((output.code, output.out.as_str()), (0, ""), "the hook failed: {}", output.err);
    }
}
