//! Which commits are new, here, or made here, and how far notes have come.

use codi2_workspace::{Commit, Noted};

use super::*;

#[test]
fn new_commits_are_those_to_which_local_history_came() {
    let elsewhere = Repository::new(&[]);
    elsewhere.write("a", "1\n");
    let old = elsewhere.commit();
    let repository = Repository::new(&[]);
    repository.git(&["remote", "add", "origin", elsewhere.place.root.to_str().unwrap()]);
    repository.git(&["fetch", "-q", "origin"]);
    repository.git(&["reset", "-q", "--hard", "origin/main"]);
    let (one, two) = (repository.commit(), repository.commit());
    repository.git(&["worktree", "add", "-q", "--detach", "linked"]);
    let linked = Oid::parse(&run(&repository.place.root.join("linked"), &["rev-parse", "HEAD"])).unwrap();
    assert_eq!(linked, two);
    run(&repository.place.root.join("linked"), &["commit", "-q", "--allow-empty", "-m", "there"]);
    let commits = Commits::open(&repository.place).unwrap();
    let tips = commits.tips().unwrap();
    assert_eq!(tips.len(), 2, "the branch and the detached HEAD of the linked worktree");
    let ids = |done: &[Oid], most| {
        let (new, cut) = commits.new_since(&tips, done, most).unwrap();
        (new.into_iter().map(|commit| commit.id).collect::<Vec<_>>(), cut)
    };
    assert_eq!(ids(&[], 9).0[..3], [old, one, two]);
    assert_eq!((ids(&[two], 9).0.len(), ids(&tips, 9).0.len()), (1, 0));
    let gone = Oid::parse(&"1".repeat(40)).unwrap();
    assert_eq!(ids(&[gone, one], 9).0.len(), 2, "what is gone is nothing to go by");
    assert_eq!((ids(&[], 2).0.len(), ids(&[], 2).1), (2, true));
    assert_eq!(ids(&[], 2).0[0], two, "the newest ones count");
}

#[test]
fn commits_on_a_remotes_branch_are_new_whoever_made_them_and_looked_at_again_if_they_were_made_here() {
    let elsewhere = tempfile::tempdir().unwrap();
    run(elsewhere.path(), &["init", "-q", "--bare"]);
    let repository = Repository::new(&[]);
    repository.git(&["config", "user.email", "a@b"]);
    let first = repository.commit();
    repository.git(&["remote", "add", "origin", elsewhere.path().to_str().unwrap()]);
    repository.git(&["-c", "user.email=c@d", "commit", "-q", "--allow-empty", "-m", "by another"]);
    let theirs = Oid::parse(repository.git(&["rev-parse", "HEAD"]).trim()).unwrap();
    let second = repository.commit();
    repository.git(&["push", "-q", "origin", "main"]);
    let third = repository.commit();
    let commits = Commits::open(&repository.place).unwrap();
    let (new, cut) = commits.new_since(&commits.tips().unwrap(), &[first], 9).unwrap();
    let ids = |commits: &[Commit]| commits.iter().map(|commit| commit.id).collect::<Vec<_>>();
    assert_eq!((ids(&new), cut), (vec![theirs, second, third], false));
    assert_eq!(ids(&commits.made_since(&commits.tips().unwrap(), 0, 9).unwrap()), [first, second, third]);
    let (new, _) = commits.new_since(&commits.tips().unwrap(), &[first], 1).unwrap();
    assert_eq!(ids(&new), [third]);
}

/// libgit2 tells which commits are new, and the program where some are replaced: both lead to the same.
#[test]
fn history_is_the_same_whoever_reads_it() {
    for seed in 1..=3 {
        let repository = history(seed);
        repository.git(&["config", "user.email", "a@b"]);
        repository.git(&["branch", "a/b", "main~2"]);
        repository.git(&["worktree", "add", "-q", "--detach", "linked", "main~1"]);
        run(&repository.place.root.join("linked"), &["commit", "-q", "--allow-empty", "-m", "there"]);
        repository.git(&["update-ref", "refs/remotes/origin/far", "main~3"]);
        repository.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone"]);
        let all = repository.git(&["rev-list", "--all"]);
        let all: Vec<Oid> = all.lines().filter_map(Oid::parse).chain(Oid::parse(&"1".repeat(40))).collect();
        let ask = || {
            let commits = Commits::open(&repository.place).unwrap();
            let mut dice = Dice(seed);
            let mut told = vec![(commits.tips().unwrap(), Vec::new())];
            for _ in 0..12 {
                let mut some = |most| (0..=dice.roll(most)).map(|_| all[dice.roll(all.len())]).collect::<Vec<_>>();
                let (tips, done) = (some(3), some(2));
                let walks = [commits.new_since(&tips, &done, 99), commits.dropped_since(&tips, &done, 99)];
                for walk in walks.map(|walk| walk.unwrap().0).into_iter().chain([commits.these(&all).unwrap()]) {
                    told.push((walk.iter().map(|commit| commit.id).collect(), walk));
                }
            }
            told.iter_mut().for_each(|(ids, walk)| {
                let at = |id: &Oid| ids.iter().position(|it| it == id);
                let is_first = |commit: &Commit| commit.parents.iter().all(|it| at(it) < at(&commit.id));
                assert!(ids.len() == all.len() - 1 || walk.iter().all(is_first), "parents first");
                // Those of one second have no order.
                walk.sort_by_key(|commit| commit.id);
                ids.sort_unstable();
            });
            told
        };
        let read = ask();
        assert!(read[0].0.len() > 3 && read.iter().any(|(ids, _)| ids.len() > 9 && ids.len() < all.len() - 1));
        // It replaces nothing that is there.
        repository.git(&["update-ref", &format!("refs/replace/{}", "2".repeat(40)), "main"]);
        assert_eq!(read, ask(), "seed {seed}");
    }
}

#[test]
fn here_is_where_git_would_sign_so() {
    let include = ("includeIf.hasconfig:remote.*.url:https://example.invalid/**.path", "other");
    for (config, address) in [
        (&[("user.email", "c@d")][..], "c@d"),
        (&[("user.email", "c@d"), ("committer.email", "e@f")], "e@f"),
        (&[("user.email", "c@d"), ("includeIf.gitdir:**/.path", "other")], "g@h"),
        // libgit2 does not know it.
        (&[("user.email", "c@d"), ("remote.it.url", "https://example.invalid/it"), include], "g@h"),
        (&[("user.email", " c@d,")], "c@d"),
    ] {
        let repository = Repository::new(&[]);
        repository.write(".git/other", "[user]\n\temail = g@h\n");
        for (key, value) in [&[("user.name", "A")], config].concat() {
            repository.git(&["config", key, value]);
        }
        let commit = |address: &str| {
            let mut command = Command::new("git");
            command.current_dir(&repository.place.root).env("GIT_COMMITTER_EMAIL", address);
            assert!(command.args(["commit", "-q", "--allow-empty", "-m", address]).status().unwrap().success());
            Commit { id: repository.head(), parents: Vec::new() }
        };
        let all = ["c@d", "e@f", "g@h", "a@b"].map(|address| (address, commit(address)));
        let here = all.iter().filter(|(by, _)| *by == address).map(|(_, commit)| commit.id).collect();
        let told = all.clone().map(|(_, commit)| commit);
        assert_eq!(Commits::open(&repository.place).unwrap().made_here(&told).unwrap(), here, "{config:?}");
    }
}

/// The graph of commits that git keeps outlives what is pruned.
#[test]
fn a_commit_that_is_gone_is_none_of_these() {
    let repository = Repository::new(&[]);
    repository.git(&["config", "user.name", "A"]);
    repository.git(&["config", "user.email", "a@b"]);
    let commits: Vec<Oid> = (0..3).map(|_| repository.commit()).collect();
    repository.git(&["commit-graph", "write", "--reachable"]);
    repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    repository.git(&["reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all"]);
    repository.git(&["update-ref", "-d", "ORIG_HEAD"]);
    repository.git(&["prune", "--expire=now"]);
    let all = Commits::open(&repository.place).unwrap();
    let these: Vec<Oid> = all.these(&commits).unwrap().iter().map(|commit| commit.id).collect();
    assert_eq!(these, commits[..2]);
    let told: Vec<Commit> = commits.iter().map(|id| Commit { id: *id, parents: Vec::new() }).collect();
    assert_eq!(all.made_here(&told).unwrap(), commits[..2].iter().copied().collect());
}

#[test]
fn how_far_notes_have_come_is_kept_in_the_repository() {
    let repository = Repository::new(&[]);
    let ends = [repository.commit(), repository.commit()];
    let noted = Noted::of(&repository.place).unwrap();
    assert_eq!(noted.read(), None);
    for ends in [&ends[..], &ends[..1], &[]] {
        noted.write(ends).unwrap();
        assert_eq!(noted.read().as_deref(), Some(ends));
    }
    repository.write(".git/codi2/noted", "neither\n");
    assert_eq!(noted.read(), None, "what is damaged counts as nothing");
    let plain = tempfile::tempdir().unwrap();
    assert!(Noted::of(&identify(plain.path()).unwrap()).is_none());
}

#[test]
fn a_range_is_listed_with_times_and_missing_commits_are_left_out() {
    let repository = Repository::new(&[]);
    let made: Vec<Oid> = (0..3).map(|_| repository.commit()).collect();
    let commits = Commits::open(&repository.place).unwrap();
    let ids = |range: &str| commits.listed(range).unwrap().iter().map(|listed| listed.commit.id).collect::<Vec<_>>();
    assert_eq!((ids("HEAD"), ids("HEAD~2..main"), ids("main..main")), (made.clone(), made[1..].to_vec(), vec![]));
    let listed = commits.listed("HEAD^!").unwrap();
    assert_eq!(listed[0].commit.parents, [made[1]]);
    assert_eq!((listed[0].at_ms / 1_000).to_string(), repository.git(&["log", "-1", "--format=%ct"]));
    let refused = commits.listed("nowhere").unwrap_err().to_string();
    assert!(refused.contains("git knows no commits \"nowhere\" here"), "{refused}");
    let missing = Oid::parse(&"5".repeat(40)).unwrap();
    let here: Vec<Oid> = commits.these(&[made[2], missing, made[0]]).unwrap().iter().map(|commit| commit.id).collect();
    assert_eq!(here, [made[2], made[0]]);
}
