//! Lines that notes of another clone tell of, when git takes them into commits that are made here: the real hub, real git.

use std::process::Child;

use codi2_tests::World;

const BOT: &str = "agent bot";
const TWO: &str = "agent two";
const ONE_LINE: &str = "a line that the bot wrote elsewhere";
const TWO_LINE: &str = "a line of another agent's, written elsewhere";

/// A repository that is watched. `origin/feat` has two commits that were made, and noted, in another clone.
struct Work {
    world: World,
    monitor: Child,
}

impl Work {
    fn new(author: &str) -> Self {
        let base: String = (1..=12).map(|number| format!("base line number {number}\n")).collect();
        let world = World::new(&[("a.txt", &base)]);
        let beside = |name: &str| world.repository().with_file_name(name);
        let (remote, theirs) = (beside("remote.git"), beside("theirs"));
        let [remote, there] = [&remote, &theirs].map(|path| path.to_str().expect("UTF-8"));
        world.git(&["init", "--quiet", "--bare", remote]);
        world.git(&["remote", "add", "origin", remote]);
        world.git(&["push", "--quiet", "origin", "main"]);
        world.git(&["clone", "--quiet", "--branch", "main", remote, there]);
        let at = |arguments: &[&str]| {
            let address = format!("user.email={author}@example.invalid");
            let signed = ["-C", there, "-c", "user.name=Ada Example", "-c", &address];
            world.git(&[&signed[..], arguments].concat())
        };
        at(&["switch", "--quiet", "--create", "feat"]);
        let one = format!("{base}{ONE_LINE}\n");
        let two = one.replace("base line number 6\n", &format!("{TWO_LINE}\n"));
        for (text, name, line) in [(&one, "bot", 13), (&two, "two", 6)] {
            std::fs::write(theirs.join("a.txt"), text).expect("written");
            at(&["commit", "--quiet", "--all", "--message", name]);
            let note = format!(
                "{{\"codi2\":1,\"owners\":[{{\"origin\":{{\"kind\":\"agent\",\"name\":\"{name}\"}},\"class\":\"exact\",\
                 \"evidence\":[\"intent-exact\"]}}],\"files\":{{\"a.txt\":[[{line},{line},0]]}}}}"
            );
            at(&["notes", "--ref", "codi2", "add", "--message", &note, "HEAD"]);
        }
        at(&["push", "--quiet", "origin", "feat", "refs/notes/codi2"]);
        world.git(&["fetch", "--quiet", "origin"]);
        world.git(&["fetch", "--quiet", "origin", "refs/notes/codi2:refs/notes/codi2"]);
        let monitor = world.monitor();
        let work = Self { world, monitor };
        // What is picked is put beside a line that changed here.
        work.change("base line number 2\n", "changed by a stranger here\n");
        work.commit("here");
        work.world.wait_noted("here", "HEAD", &[("changed by a stranger here", "external")]);
        // What git does next is not one look with that.
        work.world.wait_log("the commit", |log| log.iter().any(|entry| entry.kind() == "git").then_some(()));
        work
    }

    fn change(&self, from: &str, to: &str) {
        let text = self.world.read("a.txt");
        assert!(text.contains(from), "{from:?} in {text}");
        self.world.write("a.txt", &text.replace(from, to));
    }

    fn commit(&self, message: &str) {
        self.world.git(&["commit", "--quiet", "--all", "--message", message]);
    }

    /// Both as one look may find them.
    fn at_once(&self, script: &str) {
        let done = self.world.command("sh").args(["-c", script]).output().expect("a shell");
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Whose these lines are: by the notes, and in the worktree.
    fn check(&self, what: &str, expected: &[(&str, &str)]) {
        self.world.wait_noted(what, "HEAD", expected);
        let text = self.world.read("a.txt");
        self.world.wait_blame(what, "a.txt", false, |blame| {
            expected.iter().all(|(line, who)| {
                let at = text.lines().position(|there| there == *line).expect("it is there");
                format!("{} {}", blame.lines[at].kind, blame.lines[at].name) == *who
            })
        });
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = self.monitor.kill();
        let _ = self.monitor.wait();
    }
}

#[test]
fn what_is_picked_rebased_and_amended() {
    // Her own, from another machine; and another's.
    for author in ["ada", "stranger"] {
        let work = Work::new(author);
        let world = &work.world;
        world.git(&["cherry-pick", "origin/feat~1"]);
        work.check("picked", &[(ONE_LINE, BOT)]);
        world.git(&["commit", "--quiet", "--amend", "--message", "anew"]);
        work.check("amended", &[(ONE_LINE, BOT)]);
        world.git(&["switch", "--quiet", "--create", "feat", "origin/feat"]);
        world.git(&["rebase", "--quiet", "main~1"]);
        work.check("rebased", &[(ONE_LINE, BOT), (TWO_LINE, TWO)]);
        // By another author, at another time.
        world.git(&["switch", "--quiet", "--create", "signed", "main~1"]);
        world.git(&["cherry-pick", "--no-commit", "origin/feat~1"]);
        world.wait_blame("brought by git", "a.txt", false, |blame| blame.lines[12].kind == "git");
        work.commit("mine");
        work.check("committed as one's own", &[(ONE_LINE, BOT)]);
    }
}

#[test]
fn what_is_squashed_and_moved() {
    let work = Work::new("ada");
    work.at_once("git merge --quiet --squash origin/feat && git commit --quiet --message squashed");
    work.check("squashed", &[(ONE_LINE, BOT), (TWO_LINE, TWO)]);
    // Somebody puts blanks before each line, and takes one to another place.
    let text = work.world.read("a.txt");
    let text: String = text.lines().map(|line| format!("  {line}\n")).collect();
    work.world.write("a.txt", &text);
    work.commit("indented");
    let indented = [ONE_LINE, TWO_LINE].map(|line| format!("  {line}"));
    let expected = [(indented[0].as_str(), BOT), (indented[1].as_str(), TWO)];
    work.check("indented", &expected);
    let last = format!("{}\n", indented[0]);
    work.world.write("a.txt", &format!("{last}{}", text.replace(&last, "")));
    work.commit("moved");
    work.check("moved", &expected);
}

/// The same words, by nobody known: git did not bring them.
#[test]
fn who_writes_the_same_here_is_not_who_wrote_it_elsewhere() {
    let work = Work::new("ada");
    work.change("base line number 6\n", &format!("{TWO_LINE}\n"));
    work.at_once("git commit --quiet --all --message 'the same'");
    work.change("base line number 12\n", &format!("base line number 12\n{ONE_LINE}\n"));
    work.at_once("git commit --quiet --all --message 'all of it'");
    work.world.write_notes(work.world.repository()).expect("notes are written");
    let noted = work.world.noted("HEAD");
    for line in [ONE_LINE, TWO_LINE] {
        let whose: Vec<_> = noted.iter().filter(|(text, _)| text == line).map(|(_, who)| who.as_str()).collect();
        assert!(whose == ["external"], "{line}: {whose:?}");
    }
}
