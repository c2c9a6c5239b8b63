//! Which lines each commit brought: every one that `git blame` leads to a commit is among them.

use codi2_workspace::Commit;

use super::*;

fn every_blamed_line_is_of_its_commit(seed: u64) -> usize {
    let repository = history(seed);
    let brought = repository.brought();
    let blamed = repository.blamed();
    for (commit, path, line) in &blamed {
        let change = brought[commit].iter().find(|change| change.path == *path);
        let found = change.is_some_and(|change| change.lines.iter().any(|lines| lines.contains(line)));
        assert!(found, "seed {seed}: blame leads {path}:{line} to {commit}, which brought {:?}", brought[commit]);
    }
    blamed.len()
}

#[test]
fn every_line_that_blame_leads_to_a_commit_is_among_those_it_brought() {
    let lines: usize = (1..=6).map(every_blamed_line_is_of_its_commit).sum();
    assert!(lines > 500, "{lines} lines were looked at");
}

/// `CODI2_HISTORIES=from..to` runs these seeds.
#[test]
#[ignore = "many histories, by hand"]
fn many_histories() {
    let range = std::env::var("CODI2_HISTORIES").unwrap_or_else(|_| "100..200".into());
    let (from, to) = range.split_once("..").unwrap();
    for seed in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        every_blamed_line_is_of_its_commit(seed);
    }
}

#[test]
fn what_a_commit_brought() {
    let repository = Repository::new(&[]);
    repository.write(".gitattributes", "*.lock -diff\n");
    repository.write("a b\tc\n%", "1\n2\n3\n");
    repository.write("x.lock", "1\n2\n");
    repository.write("bin", "1\0\n");
    let first = repository.commit();
    repository.write("a b\tc\n%", "1\ntwo\n3\n4");
    repository.write("x.lock", "1\n2\n3\n");
    repository.write("bin", "1\0\n2\n");
    std::os::unix::fs::symlink("bin", repository.place.root.join("link")).unwrap();
    let second = repository.commit();
    repository.git(&["mv", "x.lock", "y.lock"]);
    repository.write("y.lock", "0\n1\n2\n3\n");
    let third = repository.commit();
    let brought = repository.brought();
    assert_eq!(lines(&brought[&first], "a b\tc\n%25"), "1-3");
    assert_eq!(lines(&brought[&first], "x.lock"), "1-2", "not compared for people, but blamed all the same");
    let paths: Vec<_> = brought[&second].iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["a b\tc\n%25", "x.lock"], "neither links nor what is no text");
    assert_eq!(lines(&brought[&second], "a b\tc\n%25"), "2-2 4-4");
    assert_eq!(lines(&brought[&second], "x.lock"), "3-3");
    let change = &brought[&third][0];
    assert_eq!((change.path.as_str(), change.before[0].path.as_str()), ("y.lock", "x.lock"));
    assert_eq!(lines(&brought[&third], "y.lock"), "1-1");
}

#[test]
fn a_commit_that_is_gone_takes_no_others_lines() {
    let repository = Repository::new(&[]);
    repository.write("a", "1\n");
    let first = repository.commit();
    repository.write("a", "1\n2\n");
    let second = repository.commit();
    let mut commits = Commits::open(&repository.place).unwrap();
    let mut all = commits.these(&[first, second]).unwrap();
    all.insert(1, Commit { id: Oid::parse(&"1".repeat(40)).unwrap(), parents: vec![first] });
    let refused = commits.changes(&all).expect_err("one of them is gone");
    assert!(refused.to_string().contains("1111"), "{refused}");
    all.remove(1);
    assert_eq!(lines(&commits.changes(&all).unwrap()[1], "a"), "2-2");
}

#[test]
fn of_very_many_moved_files_only_some_are_blamed() {
    let repository = Repository::new(&[]);
    let text = |number: usize| (0..20).map(|line| format!("file {number} line {line}\n")).collect::<String>();
    (0..70).for_each(|number| repository.write(&format!("old/{number:02}"), text(number)));
    repository.commit();
    repository.git(&["mv", "old", "new"]);
    (0..70).for_each(|number| repository.write(&format!("new/{number:02}"), text(number) + "more\n"));
    let moved = repository.commit();
    let brought = &repository.brought()[&moved];
    assert_eq!(brought.len(), 70);
    for change in brought {
        assert_eq!(lines(brought, &change.path), "21-21", "{}", change.path);
    }
}
