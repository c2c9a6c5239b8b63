//! Two machines that share a bare repository and nothing else: each has its home, its state, its hub and its clone. What
//! is known on one reaches the other as notes, and both say the same of every line.

use std::process::Child;

use codi2_tests::editor::Editor;
use codi2_tests::{Agent, World, run, wait_for};
use serde_json::Value;

/// A machine, and its watched clone.
struct Machine {
    world: World,
    monitor: Child,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.monitor.kill();
        let _ = self.monitor.wait();
    }
}

impl Machine {
    /// A clone of `remote`, of somebody of this name.
    fn new(remote: &str, person: &str) -> Self {
        let world = World::new(&[]);
        world.git(&["config", "user.name", person]);
        world.git(&["config", "pull.rebase", "true"]);
        world.git(&["remote", "add", "origin", remote]);
        world.git(&["fetch", "--quiet", "origin"]);
        world.git(&["reset", "--quiet", "--hard", "origin/main"]);
        world.git(&["branch", "--quiet", "--set-upstream-to", "origin/main"]);
        let monitor = world.monitor();
        Self { world, monitor }
    }

    /// An agent writes a file, which is committed.
    fn commit(&self, agent: &'static str, file: &str, text: &str) {
        Agent::named(&self.world, agent).write(file, text);
        self.world.git(&["add", "--all"]);
        self.world.git(&["commit", "--quiet", "--message", agent]);
        let line = text.lines().last().unwrap_or_default();
        self.world.wait_noted(agent, "HEAD", &[(line, &format!("agent {agent}"))]);
    }

    fn push(&self) -> bool {
        let mut git = self.world.command("git");
        run(git.args(["push", "--quiet", "origin", "main", "refs/notes/codi2"]), "").code == 0
    }

    /// Takes over what others pushed: commits as git does it, notes as the documentation says.
    fn pull(&self) {
        self.world.git(&["pull", "--quiet"]);
        let merged = self.world.codi2(&["notes", "merge"]);
        assert_eq!(merged.code, 0, "{}", merged.err);
    }

    /// Name, on whose behalf, class and commit of each line; of `HEAD`, or of the worktree.
    fn blame(&self, revision: &[&str], file: &str) -> Vec<String> {
        let arguments = [&["blame", "--format", "json"], revision, &[file]].concat();
        let output = self.world.codi2(&arguments);
        assert_eq!(output.code, 0, "{}", output.err);
        let blame: Value = serde_json::from_str(&output.out).expect("one document");
        let line = |line: &Value| {
            let name = |owner: &Value| owner["name"].as_str().unwrap_or("-").to_owned();
            let commit = line["commit"].as_str().unwrap_or("-");
            format!("{} for {} {} {commit}", name(&line["owner"]), name(&line["owner"]["parent"]), line["class"])
        };
        blame["lines"].as_array().expect("a list").iter().map(line).collect()
    }
}

/// A bare repository with a commit that nobody noted, and the world in whose folder it lies.
fn remote() -> (World, String) {
    let world = World::new(&[("a.txt", "first\n"), ("b.txt", "first\n")]);
    let remote = world.home().join("remote.git").to_str().expect("a plain path").to_owned();
    world.git(&["init", "--quiet", "--bare", "--initial-branch=main", &remote]);
    world.git(&["push", "--quiet", &remote, "main"]);
    (world, remote)
}

#[test]
fn both_say_the_same_of_every_line() {
    let (_elsewhere, remote) = remote();
    let (here, there) = (Machine::new(&remote, "Ada"), Machine::new(&remote, "Bea"));

    here.commit("robo", "a.txt", "first\nby robo\n");
    there.commit("mimi", "b.txt", "first\nby mimi\n");
    assert!(here.push());
    assert!(!there.push(), "others were there first");
    // Her commit becomes another one, and both know something that the other does not.
    there.pull();
    there.world.wait_noted("rebased", "HEAD", &[("by mimi", "agent mimi"), ("by robo", "agent robo")]);
    here.commit("robo", "a.txt", "first\nby robo\nby robo later\n");
    assert!(there.push());
    assert!(!here.push(), "now the other way round");
    here.pull();
    here.world.wait_noted("rebased", "HEAD", &[("by robo later", "agent robo")]);
    assert!(here.push(), "what was joined needs no force");
    there.pull();

    for (file, expected) in [("a.txt", &["-", "robo for Ada", "robo for Ada"][..]), ("b.txt", &["-", "mimi for Bea"])] {
        let blames = || [&here, &there].map(|machine| [&["HEAD"][..], &[]].map(|what| machine.blame(what, file)));
        let explain = || format!("{file}: {:#?}\n{}\n{}", blames(), here.world.explain(), there.world.explain());
        wait_for("the same of every line", explain, || {
            let [[of_head, of_file], others] = blames();
            let is_told = |(line, expected): (&String, &&str)| line.starts_with(expected);
            let told = of_head.len() == expected.len() && of_head.iter().zip(expected).all(is_told);
            (told && of_head == of_file && others.iter().all(|other| *other == of_head)).then_some(())
        });
    }
    // Nothing is left to tell.
    assert!(there.push());
    here.pull();
    let tips = [&here, &there].map(|machine| machine.world.git(&["rev-parse", "refs/notes/codi2^{tree}"]));
    assert_eq!(tips[0], tips[1]);
}

/// A hub that only pulled a commit leaves the word to whoever made it; its own commit behind it has its note.
#[test]
fn nothing_is_said_of_what_was_only_pulled() {
    let (_elsewhere, remote) = remote();
    // One person at two machines: the address tells nothing.
    let (here, there) = (Machine::new(&remote, "Ada"), Machine::new(&remote, "Ada"));
    here.commit("robo", "a.txt", "first\nby robo\n");
    assert!(here.push());
    there.world.git(&["pull", "--quiet"]);
    let pulled = there.world.git(&["rev-parse", "HEAD"]).trim().to_owned();
    there.world.wait_blame("the line", "a.txt", false, |blame| blame.kinds() == ["unknown", "git"]);
    there.commit("mimi", "b.txt", "first\nby mimi\n");
    assert!(there.world.note(&pulled).is_none(), "{}", there.world.explain());
    // What is joined then is what was said there.
    there.pull();
    let tree = |machine: &Machine| machine.world.git(&["notes", "--ref", "codi2", "show", &pulled]);
    assert_eq!(tree(&there), tree(&here));
}

/// Hover and lenses say of a pulled line what `codi2 blame` says, from the notes that came with it: in a window that was open
/// all the time, and in one that is opened then.
#[test]
fn an_editor_says_who_wrote_what_was_pulled() {
    let (_elsewhere, remote) = remote();
    let (here, there) = (Machine::new(&remote, "Ada"), Machine::new(&remote, "Bea"));
    let root = there.world.repository();
    let (file, mut window) = (there.world.path("a.txt"), Editor::start(&there.world, root));
    window.open(&file);
    let says = |what: &str, window: &mut Editor, words: &str| {
        wait_for(
            what,
            || there.world.explain(),
            || {
                let hover = window.hover(&file);
                hover["contents"]["value"].as_str().is_some_and(|text| text.contains(words)).then_some(())
            },
        );
    };
    says("older", &mut window, "unknown");
    here.commit("robo", "a.txt", "by robo\n");
    assert!(here.push());
    there.world.git(&["pull", "--quiet"]);
    there.world.wait_blame("git's line", "a.txt", false, |blame| blame.kinds() == ["git"]);
    wait_for("the reload", String::new, || window.reload(&file).then_some(()));
    says("git alone", &mut window, "git");
    let merged = there.world.codi2(&["notes", "merge"]);
    assert_eq!(merged.code, 0, "{}", merged.err);
    says("its author", &mut window, "agent robo");
    let lenses = window.lenses(&file);
    assert!(lenses.first().is_some_and(|lens| lens.contains("robo") && !lens.contains("git")), "{lenses:?}");
    let mut later = Editor::start(&there.world, root);
    later.open(&file);
    says("its author", &mut later, "agent robo");
    let blame = there.blame(&[], "a.txt");
    assert!(blame[0].starts_with("robo for Ada"), "{blame:?}");
    window.quit();
    later.quit();
}
