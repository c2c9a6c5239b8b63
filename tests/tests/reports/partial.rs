//! A partial clone lacks texts until somebody asks for them: commands that a person runs fetch them, as git's own do.

use std::fs;
use std::path::{Path, PathBuf};

use codi2_tests::{Output, World, program, run};

use crate::{History, history};

fn at(world: &World, folder: &Path, words: &str) -> Output {
    run(world.command(program()).current_dir(folder).args(words.split(' ')), "")
}

/// A clone of what the world's repository holds, without any text but those that are checked out.
fn partial(world: &World, name: &str) -> PathBuf {
    for setting in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
        world.git(&["config", setting, "true"]);
    }
    let clone = world.home().join(name);
    let url = format!("file://{}", world.repository().display());
    world.git(&["clone", "--quiet", "--filter=blob:none", &url, clone.to_str().expect("a path of ours")]);
    clone
}

#[test]
fn a_partial_clone_gets_what_a_command_needs() {
    let History { world, .. } = history();
    let clone = partial(&world, "clone");
    let doctor = at(&world, &clone, "doctor --format compact");
    assert!(doctor.out.contains("partial clone"), "{doctor:?}");
    let merged = at(&world, &clone, "notes merge --format compact");
    assert_eq!((merged.code, merged.out.as_str()), (0, "refs/notes/codi2-origin\t4\t4\t0\n"), "{merged:?}");
    for words in [
        "blame HEAD src/b.rs",
        "blame HEAD~1 src/b.rs",
        "show HEAD~1",
        "stats",
        "diff HEAD~2 HEAD",
        "export agent-trace",
    ] {
        let [here, there] = [&*clone, world.repository()].map(|folder| at(&world, folder, words));
        assert_eq!((here.code, here.out.len()), (0, there.out.len()), "{words}: {here:?}{there:?}");
    }
    let judged = at(&world, &clone, "ci HEAD --max-unknown-percent 100");
    assert_eq!(judged.code, 0, "{judged:?}");
}

#[test]
fn where_nothing_can_be_fetched_it_is_said() {
    let History { world, .. } = history();
    let clone = partial(&world, "clone");
    let notes = "+refs/notes/codi2:refs/notes/codi2-origin";
    assert_eq!(run(world.command("git").current_dir(&clone).args(["fetch", "--quiet", "origin", notes]), "").code, 0);
    fs::rename(world.repository(), world.home().join("away")).expect("it is there");
    for words in [
        "blame HEAD~1 src/b.rs",
        "stats",
        "show HEAD~2",
        "diff HEAD~3 HEAD",
        "ci HEAD --max-unknown-percent 100",
        "notes merge codi2-origin",
    ] {
        let output = run(world.command(program()).current_dir(&clone).args(words.split(' ')), "");
        let todo = "`git fetch --refetch --no-filter";
        assert!(output.code == 3 && output.err.contains(todo), "{words}: {output:?}");
    }
    fs::rename(world.home().join("away"), world.repository()).expect("it is there");
}
