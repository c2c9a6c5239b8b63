//! Real git in real repositories.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Where git is. A name without a folder would be looked for along the `PATH`, in a copy of this whole process.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.is_file()).expect("git is on the PATH")
});

/// What git said.
pub struct Said {
    pub ok: bool,
    pub text: String,
}

/// Git with a home of its own.
pub struct Git {
    home: PathBuf,
}

impl Git {
    pub fn new(home: &Path) -> Self {
        std::fs::create_dir_all(home).unwrap();
        Self { home: home.to_owned() }
    }

    fn command(&self, root: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM.as_path());
        command.args(arguments).current_dir(root).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs([("HOME", self.home.as_os_str()), ("XDG_CONFIG_HOME", self.home.as_os_str())]);
        command.envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_EDITOR", "true"),
            ("GIT_SEQUENCE_EDITOR", "true"),
            ("FILTER_BRANCH_SQUELCH_WARNING", "1"),
            ("LC_ALL", "C"),
        ]);
        command
    }

    /// Runs git; it may refuse.
    pub fn run(&self, root: &Path, arguments: &[&str]) -> Said {
        self.run_with(root, arguments, &[])
    }

    /// The same with variables.
    pub fn run_with(&self, root: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let output = self.command(root, arguments).envs(variables.iter().copied()).output().expect("git runs");
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Said { ok: output.status.success(), text: text.into_owned() }
    }

    /// Runs git with something to read.
    pub fn run_reading(&self, root: &Path, arguments: &[&str], input: &str) -> Said {
        use std::io::Write as _;
        let mut command = self.command(root, arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Git may end before it has read all.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Said { ok: output.status.success(), text: text.into_owned() }
    }

    /// What git prints, in lines; none where it refuses.
    pub fn lines(&self, root: &Path, arguments: &[&str]) -> Vec<String> {
        let said = self.run(root, arguments);
        if said.ok { said.text.lines().map(str::to_owned).collect() } else { Vec::new() }
    }

    /// A new repository.
    pub fn init(&self, root: &Path, conflict_style: &str) {
        std::fs::create_dir_all(root).unwrap();
        assert!(self.run(root, &["init", "-q", "-b", "main", "."]).ok);
        let config = format!(
            "[user]\n\tname = Ada\n\temail = ada@example.invalid\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n\
             [commit]\n\tgpgsign = false\n[merge]\n\tconflictStyle = {conflict_style}\n[advice]\n\tdetachedHead = false\n"
        );
        let path = root.join(".git/config");
        let old = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, old + &config).unwrap();
    }

    /// What is under way in a worktree: the word that continues or aborts it.
    pub fn under_way(&self, root: &Path) -> Option<&'static str> {
        let folder = root.join(".git");
        // A linked worktree's is a file that says where.
        let linked = std::fs::read_to_string(&folder).ok();
        let folder = linked
            .and_then(|text| text.strip_prefix("gitdir: ").map(str::to_owned))
            .map_or(folder, |path| PathBuf::from(path.trim()));
        let marks = [
            ("rebase-merge", "rebase"),
            ("rebase-apply/applying", "am"),
            ("rebase-apply", "rebase"),
            ("MERGE_HEAD", "merge"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
        ];
        marks.iter().find(|(mark, _)| folder.join(mark).exists()).map(|(_, word)| *word)
    }
}
