//! A real Neovim with an attached screen, driven as a person would: one key at a time.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rmpv::Value;

use crate::rpc::Rpc;
use crate::{DEADLINE, World, program, root, wait_for};

/// The pause between two keys: a fast typist's. It is the pace of the input, not a wait for a result.
const PACE: Duration = Duration::from_millis(25);

/// One running Neovim with the client of this clone. Dropping it ends it without saving.
pub struct Neovim {
    child: Child,
    rpc: Rpc,
}

impl Neovim {
    /// Opens `file` of the world's repository and waits until the sidecar has it.
    pub fn open(world: &World, file: &str) -> Self {
        Self::open_with(world, file, "")
    }

    /// The same, with more lines of Lua in the person's settings.
    pub fn open_with(world: &World, file: &str, settings: &str) -> Self {
        let mut neovim = Self::start(world, file, settings);
        neovim.wait_attached();
        neovim
    }

    /// Opens `file` without waiting for anything.
    pub fn start(world: &World, file: &str, settings: &str) -> Self {
        let nvim = crate::neovim_program().expect("callers skip where there is no Neovim");
        let init = world.home().join("init.lua");
        let plugin = root().join("editor-clients/neovim");
        let lua = format!(
            "vim.opt.runtimepath:prepend({plugin:?})\n\
             vim.o.swapfile = false\n\
             -- No \"Press ENTER\": nobody would.\n\
             pcall(function() vim.o.messagesopt = 'wait:0,history:500' end)\n\
             vim.o.autoread = true\n\
             require('codi2').setup({{ cmd = {{ {bin:?}, 'lsp' }} }})\n\
             {settings}\n",
            bin = program(),
        );
        fs::write(&init, lua).expect("our own home");
        let mut child = world
            .command(nvim)
            .args(["--embed", "-i", "NONE", "-n", "-u"])
            .arg(&init)
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Neovim starts");
        let rpc = Rpc::new(child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut neovim = Self { child, rpc };
        let screen = Value::Map(vec![("rgb".into(), true.into())]);
        neovim.call("nvim_ui_attach", vec![100.into(), 30.into(), screen]);
        neovim
    }

    /// Calls an API function; it must succeed.
    pub fn call(&mut self, method: &str, arguments: Vec<Value>) -> Value {
        self.rpc.call(method, arguments, DEADLINE).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs Lua in Neovim, as a program outside does: not as a person.
    pub fn lua(&mut self, code: &str) -> Value {
        self.call("nvim_exec_lua", vec![code.into(), Value::Array(Vec::new())])
    }

    /// Types keys in Neovim's notation (`ihello<Esc>`), one at a time at a person's pace, and waits until Neovim has
    /// worked through them.
    pub fn type_keys(&mut self, keys: &str) {
        for key in split_keys(keys) {
            self.call("nvim_input", vec![key.into()]);
            sleep(PACE);
        }
        self.settle();
    }

    /// Pastes as a terminal does.
    pub fn paste(&mut self, text: &str) {
        self.call("nvim_paste", vec![text.into(), true.into(), (-1).into()]);
        self.settle();
    }

    /// Runs an Ex command typed by the person.
    pub fn command(&mut self, command: &str) {
        self.type_keys(&format!(":{}<CR>", command.replace('<', "<lt>")));
    }

    /// Saves the buffer and waits until it is saved.
    pub fn save(&mut self) {
        self.command("write");
        wait_for("the buffer is saved", String::new, || {
            (self.lua("return vim.bo.modified") == false.into()).then_some(())
        });
    }

    /// The buffer's lines.
    pub fn lines(&mut self) -> Vec<String> {
        let lines = self.call("nvim_buf_get_lines", vec![0.into(), 0.into(), (-1).into(), false.into()]);
        let lines = lines.as_array().expect("lines are an array");
        lines.iter().map(|line| line.as_str().expect("lines are text").to_owned()).collect()
    }

    /// Everything Neovim showed as a message.
    pub fn messages(&mut self) -> String {
        let shown = self.call("nvim_exec2", vec!["messages".into(), Value::Map(vec![("output".into(), true.into())])]);
        shown.as_map().and_then(|map| map.first()).and_then(|(_, text)| text.as_str()).unwrap_or_default().to_owned()
    }

    /// Waits until the sidecar of the current buffer is initialized and has the buffer.
    pub fn wait_attached(&mut self) {
        let end = Instant::now() + DEADLINE;
        let ready = "local c = vim.lsp.get_clients({ name = 'codi2', bufnr = 0 })[1]
                     return c ~= nil and c.initialized == true";
        while self.lua(ready) != true.into() {
            assert!(Instant::now() < end, "the sidecar did not attach; messages:\n{}", self.messages());
            sleep(Duration::from_millis(10));
        }
    }

    /// Waits until Neovim waits for a key and nothing is left to do.
    fn settle(&mut self) {
        let end = Instant::now() + DEADLINE;
        loop {
            // Answered at once even in the middle of a command, unlike everything else.
            let mode = self.call("nvim_get_mode", Vec::new());
            let blocking =
                mode.as_map().into_iter().flatten().any(|(k, v)| k.as_str() == Some("blocking") && *v == true.into());
            if !blocking {
                break;
            }
            assert!(Instant::now() < end, "Neovim waits for more keys");
            sleep(Duration::from_millis(5));
        }
        // Answered only once the keys before it are worked through.
        self.lua("return true");
    }

    /// Ends Neovim in an orderly way and waits for its end.
    pub fn quit(mut self) {
        let _ = self.rpc.call("nvim_command", vec!["qall!".into()], Duration::from_secs(5));
        let child = &mut self.child;
        wait_for("Neovim's end", String::new, || child.try_wait().ok().flatten());
    }
}

impl Drop for Neovim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Splits `a<CR>b` into `a`, `<CR>`, `b`.
fn split_keys(keys: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = keys;
    while let Some(first) = rest.chars().next() {
        let named = rest.find('>').filter(|end| first == '<' && rest[1..*end].chars().all(|c| c.is_ascii_graphic()));
        let len = named.map_or(first.len_utf8(), |end| end + 1);
        let (key, tail) = rest.split_at(len);
        parts.push(key);
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::split_keys;

    #[test]
    fn keys_are_split_one_by_one() {
        assert_eq!(split_keys("iä<C-r>\"<Esc>"), ["i", "ä", "<C-r>", "\"", "<Esc>"]);
        assert_eq!(split_keys("<lt>b>"), ["<lt>", "b", ">"]);
    }
}
