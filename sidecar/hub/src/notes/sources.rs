//! Whose lines are of which the hub only knows that git brought them, or that nobody saw them: by the notes on the commits
//! from which git may have them, whoever made those and wherever they were noted (ADR 0141).
//!
//! Git took a commit from the one it is a copy of, from the branch that it squashed, or, of lines that only moved, from its
//! parent. Whole lines are compared, and what is not sure stays as it is. Absent on purpose: what the hub saw for itself,
//! which is never replaced.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use codi2_attribution::record::{CommitRecord, FileRecord, LineRange, codi2};
use codi2_protocol::{ActorKind, Class, Owner};
use codi2_workspace::{Came, Change, Commit, Kin, Oid};

use super::open::Relatives;
use super::{Clerk, Desk, Informant, said};
use crate::core::decode_text;
use crate::ledger::is_telling;

/// Commits whose patches are compared with that of one, at most: the newest that have notes.
const PATCHES: usize = 64;

/// Who wrote a line, and the second owner where it has one.
type Whose = (Owner, Option<Owner>);

/// Lines of commits, by file and number.
type Found = BTreeMap<u32, Whose>;

/// One commit whose lines are looked for.
pub(super) struct Sought<'a> {
    pub commit: &'a Commit,
    pub changes: &'a [Change],
    pub relatives: Arc<Relatives>,
    /// What was known of it before, by this hub.
    pub before: Option<CommitRecord>,
}

/// What a look for sources has at hand.
struct Sources<'a, 'b> {
    desk: &'a mut Desk<'b>,
    /// Of the commits that are looked at now.
    records: &'a HashMap<Oid, CommitRecord>,
    /// Of others, as their notes have it.
    noted: HashMap<Oid, Option<CommitRecord>>,
    most: u64,
}

impl<I: Informant> Clerk<I> {
    /// Completes the records of these commits, parents first, with what the notes on others tell.
    ///
    /// # Errors
    /// Git cannot be asked, in words.
    pub(super) fn complete(
        &self,
        desk: &mut Desk<'_>,
        sought: &[Sought<'_>],
        records: &mut HashMap<Oid, CommitRecord>,
    ) -> Result<(), String> {
        let is_open =
            |sought: &&Sought<'_>| records.get(&sought.commit.id).is_some_and(|record| !open_files(record).is_empty());
        let sought: Vec<&Sought<'_>> = sought.iter().filter(is_open).collect();
        if sought.is_empty() {
            return Ok(());
        }
        let ids: Vec<Oid> = sought.iter().map(|sought| sought.commit.id).collect();
        let kin = desk.commits.kin(&ids).map_err(said)?;
        for sought in sought {
            let Some(mut record) = records.remove(&sought.commit.id) else { continue };
            let most = self.options.max_file_bytes;
            let mut sources = Sources { desk, records, noted: HashMap::new(), most };
            let done = sources.complete(sought, &kin, &mut record);
            records.insert(sought.commit.id, record);
            done?;
        }
        Ok(())
    }
}

impl Sources<'_, '_> {
    fn complete(&mut self, sought: &Sought<'_>, kin: &Kin, record: &mut CommitRecord) -> Result<(), String> {
        let id = sought.commit.id;
        if let Some(before) = &sought.before {
            for path in open_files(record) {
                let known = |line: u32| whose(before, &path, line);
                let found = open_lines(record, &path).into_iter().filter_map(|line| Some((line, known(line)?)));
                give(record, &path, &found.collect());
            }
        }
        let copies = kin.copies.get(&id).into_iter().flatten().chain(&sought.relatives.dropped).copied();
        self.by_commits(sought, record, copies.collect())?;
        self.by_squash(sought, record)?;
        if !open_files(record).is_empty() {
            let noted = self.noted_of(kin.newest.iter().filter(|other| **other != id), PATCHES)?;
            let same = self.desk.commits.same_patch(id, &noted).map_err(said)?;
            self.by_commits(sought, record, same)?;
        }
        self.by_parents(sought, record)
    }

    /// From commits of which this one has its changes: what they brought to the same paths.
    fn by_commits(
        &mut self,
        sought: &Sought<'_>,
        record: &mut CommitRecord,
        mut commits: Vec<Oid>,
    ) -> Result<(), String> {
        let mut seen = HashSet::from([sought.commit.id]);
        commits.retain(|commit| seen.insert(*commit));
        if commits.is_empty() {
            return Ok(());
        }
        self.fetch(&commits)?;
        for path in open_files(record) {
            let Some(lines) = self.brought(sought, &path) else { continue };
            let mut all = Vec::new();
            for commit in &commits {
                let Some(file) = self.file(*commit, &path) else { continue };
                let Some(text) = self.desk.commits.entry(*commit, &path).and_then(|blob| self.text(&path, blob)) else {
                    continue;
                };
                let there: HashMap<u32, &str> = (1..).zip(text.lines()).collect();
                // Whatever the note says.
                let last = u32::try_from(there.len()).unwrap_or(u32::MAX);
                let numbers = file.ranges.iter().flat_map(|range| range.first..=range.last.min(last));
                let source: Vec<(String, Option<Whose>)> = numbers
                    .filter_map(|number| Some(((*there.get(&number)?).to_owned(), self.whose(*commit, &path, number))))
                    .collect();
                all.push(matched(&lines, &source));
            }
            give(record, &path, &agreed(all));
        }
        Ok(())
    }

    /// From a branch whose merge with the parent this commit's content is.
    fn by_squash(&mut self, sought: &Sought<'_>, record: &mut CommitRecord) -> Result<(), String> {
        let [parent] = sought.commit.parents[..] else { return Ok(()) };
        for path in open_files(record) {
            let Some(lines) = self.brought(sought, &path) else { continue };
            let mut all = Vec::new();
            for end in self.desk.commits.ends() {
                if !self.desk.commits.is_squash(&path, [sought.commit.id, parent], end, self.most) {
                    continue;
                }
                let came = self.desk.commits.came(end, &path, Some(parent)).map_err(said)?;
                all.push(matched(&lines, &self.source(came.into_iter().flatten())?));
            }
            give(record, &path, &agreed(all));
        }
        Ok(())
    }

    /// From a parent's file: lines that went from where they stood there, as they were or with other blanks at their ends.
    fn by_parents(&mut self, sought: &Sought<'_>, record: &mut CommitRecord) -> Result<(), String> {
        for path in open_files(record) {
            let Some(change) = sought.changes.iter().find(|change| change.path == path) else { continue };
            let ([before], [parent]) = (&change.before[..], &sought.commit.parents[..]) else { continue };
            let (Some(text), Some(old)) = (self.text(&path, change.blob), self.text(&before.path, before.blob)) else {
                continue;
            };
            let is_brought = |number: &u32| change.lines.iter().any(|lines| lines.contains(number));
            let stays: HashSet<&str> =
                (1..).zip(text.lines()).filter(|(number, _)| !is_brought(number)).map(|(_, line)| line).collect();
            let open: HashSet<u32> = open_lines(record, &path).into_iter().collect();
            let went: HashSet<&str> = old.lines().filter(|line| !stays.contains(line)).map(str::trim).collect();
            let lines: Vec<(u32, String)> = (1..)
                .zip(text.lines())
                .filter(|(number, line)| is_brought(number) && is_telling(line) && went.contains(line.trim()))
                .map(|(number, line)| (number, line.trim().to_owned()))
                .collect();
            if !lines.iter().any(|(number, _)| open.contains(number)) {
                continue;
            }
            let came = self.desk.commits.came(*parent, &before.path, None).map_err(said)?;
            let mut source = self.source(came.into_iter().flatten())?;
            source.retain(|(line, _)| !stays.contains(line.as_str()));
            source.iter_mut().for_each(|(line, _)| *line = line.trim().to_owned());
            give(record, &path, &matched(&lines, &source));
        }
        Ok(())
    }

    /// Lines with whose they are, by the notes on the commits that they came with.
    fn source(&mut self, came: impl Iterator<Item = Came>) -> Result<Vec<(String, Option<Whose>)>, String> {
        let came: Vec<Came> = came.collect();
        let mut seen = HashSet::new();
        let commits: Vec<Oid> = came.iter().map(|came| came.commit).filter(|commit| seen.insert(*commit)).collect();
        self.fetch(&commits)?;
        let line = |came: &Came| {
            let text = String::from_utf8_lossy(&came.text);
            (text.trim_end_matches('\r').to_owned(), self.whose(came.commit, &came.path, came.original))
        };
        Ok(came.iter().map(line).collect())
    }

    /// The lines that a commit brought to a path, with their numbers and without their ends.
    fn brought(&mut self, sought: &Sought<'_>, path: &str) -> Option<Vec<(u32, String)>> {
        let change = sought.changes.iter().find(|change| change.path == path)?;
        let text = self.text(path, change.blob)?;
        let is_brought = |number: &u32| change.lines.iter().any(|lines| lines.contains(number));
        let lines = (1..).zip(text.lines()).filter(|(number, _)| is_brought(number));
        Some(lines.map(|(number, line)| (number, line.to_owned())).collect())
    }

    fn text(&mut self, path: &str, blob: Oid) -> Option<String> {
        Some(decode_text(&self.desk.commits.worktree_form(path, blob, self.most)?)?.to_string())
    }

    /// Reads the notes on these commits, those that were not yet.
    fn fetch(&mut self, commits: &[Oid]) -> Result<(), String> {
        let is_new = |commit: &Oid| !self.noted.contains_key(commit);
        let new: Vec<Oid> = commits.iter().copied().filter(is_new).collect();
        let mut notes = self.desk.notes.read(&new).map_err(said)?;
        for commit in new {
            let read = |note: Vec<u8>| codi2::read(&commit.to_string(), &note).ok();
            self.noted.insert(commit, notes.remove(&commit).and_then(read));
        }
        Ok(())
    }

    /// The first of these that have notes, so many at most.
    fn noted_of<'a>(&mut self, commits: impl Iterator<Item = &'a Oid>, most: usize) -> Result<Vec<Oid>, String> {
        let all: Vec<Oid> = commits.copied().take(PATCHES * 8).collect();
        self.fetch(&all)?;
        let is_noted = |commit: &Oid| self.told(*commit).any(CommitRecord::names_somebody);
        Ok(all.into_iter().filter(is_noted).take(most).collect())
    }

    /// What is known of a commit here, and what its note says, which others may have written.
    fn told(&self, commit: Oid) -> impl Iterator<Item = &CommitRecord> {
        self.records.get(&commit).into_iter().chain(self.noted.get(&commit).and_then(Option::as_ref))
    }

    fn file(&self, commit: Oid, path: &str) -> Option<FileRecord> {
        self.told(commit).find_map(|record| record.files.iter().find(|file| file.path == path)).cloned()
    }

    fn whose(&self, commit: Oid, path: &str, line: u32) -> Option<Whose> {
        self.told(commit).find_map(|record| whose(record, path, line))
    }
}

/// Whose a line is, where its author is known.
fn whose(record: &CommitRecord, path: &str, line: u32) -> Option<Whose> {
    let range = record.range(path, line)?;
    let owner = |at: u32| record.owners.get(at as usize);
    let named = owner(range.owner).filter(|owner| names(owner))?;
    Some((named.clone(), range.second.and_then(owner).cloned()))
}

fn names(owner: &Owner) -> bool {
    owner.verdict.origin.kind != ActorKind::Git && owner.verdict.class != Class::Unknown
}

/// Whether all that is known is that git brought it, or that nobody saw it.
fn says_nothing(owner: &Owner) -> bool {
    owner.verdict.origin.kind == ActorKind::Git || owner.verdict.class == Class::Unknown && owner.event.is_none()
}

fn is_open(record: &CommitRecord, range: &LineRange) -> bool {
    let says_nothing = |at: u32| record.owners.get(at as usize).is_some_and(says_nothing);
    says_nothing(range.owner) && range.second.is_none_or(says_nothing)
}

/// The files with lines of which nothing more is known.
fn open_files(record: &CommitRecord) -> Vec<String> {
    let has_open = |file: &&FileRecord| file.ranges.iter().any(|range| is_open(record, range));
    record.files.iter().filter(has_open).map(|file| file.path.clone()).collect()
}

fn open_lines(record: &CommitRecord, path: &str) -> Vec<u32> {
    let file = record.files.iter().find(|file| file.path == path);
    let ranges = file.into_iter().flat_map(|file| &file.ranges).filter(|range| is_open(record, range));
    ranges.flat_map(|range| range.first..=range.last).collect()
}

/// Gives the lines of which nothing more is known the owners that were found.
fn give(record: &mut CommitRecord, path: &str, found: &Found) {
    if found.is_empty() {
        return;
    }
    let open: HashSet<u32> = open_lines(record, path).into_iter().collect();
    let CommitRecord { owners, files, .. } = record;
    let mut number = |owner: &Owner| {
        let at = owners.iter().position(|known| known == owner).unwrap_or_else(|| {
            owners.push(owner.clone());
            owners.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    };
    let Some(file) = files.iter_mut().find(|file| file.path == path) else { return };
    let mut ranges: Vec<LineRange> = Vec::new();
    for range in std::mem::take(&mut file.ranges) {
        for line in range.first..=range.last {
            let (owner, second) = match found.get(&line).filter(|_| open.contains(&line)) {
                Some((owner, second)) => (number(owner), second.as_ref().map(&mut number)),
                None => (range.owner, range.second),
            };
            match ranges.last_mut() {
                Some(last) if (last.last + 1, last.owner, last.second) == (line, owner, second) => last.last = line,
                _ => ranges.push(LineRange { first: line, last: line, owner, second }),
            }
        }
    }
    file.ranges = ranges;
}

/// Whose lines are that stand in a source, too. Of equal lines there each is the one in the same place among them here;
/// where here are others than there, all must be one author's, and there at least as many.
fn matched(lines: &[(u32, String)], source: &[(String, Option<Whose>)]) -> Found {
    let mut here: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    lines.iter().for_each(|(number, line)| here.entry(line).or_default().push(*number));
    let mut there: HashMap<&str, Vec<Option<&Whose>>> = HashMap::new();
    source.iter().for_each(|(line, whose)| there.entry(line).or_default().push(whose.as_ref()));
    let mut found = Found::new();
    for (line, numbers) in here {
        let Some(owners) = there.get(line) else { continue };
        let author = |whose: &Option<&Whose>| whose.map(|(owner, _)| owner.verdict.origin.clone());
        let is_one = owners.iter().all(|whose| author(whose) == author(&owners[0]));
        if numbers.len() == owners.len() || is_one && numbers.len() < owners.len() {
            found.extend(numbers.iter().zip(owners).filter_map(|(number, whose)| Some((*number, (*whose)?.clone()))));
        }
    }
    found
}

/// What several sources say, where none of them names another author.
fn agreed(all: Vec<Found>) -> Found {
    let (mut found, mut disputed) = (Found::new(), HashSet::new());
    for (line, whose) in all.into_iter().flatten() {
        let known = found.entry(line).or_insert_with(|| whose.clone());
        if known.0.verdict.origin != whose.0.verdict.origin {
            disputed.insert(line);
        }
    }
    found.retain(|line, _| !disputed.contains(line));
    found
}

#[cfg(test)]
mod tests {
    use codi2_protocol::{Actor, EvidenceKind, Verdict};

    use super::*;

    /// `a` and `b`: two authors; `-`: nobody known.
    fn source(lines: &str) -> Vec<(String, Option<Whose>)> {
        let whose = |name: &str| {
            let actor = Actor::named(ActorKind::Agent, name);
            let verdict = Verdict::new(actor, Class::Exact, EvidenceKind::IntentExact, "");
            (name != "-").then_some((Owner { verdict, at_ms: None, event: None }, None))
        };
        let line = |word: &str| word.split_once(':').map(|(name, text)| (text.to_owned(), whose(name)));
        lines.split(' ').filter_map(line).collect()
    }

    fn shown(found: &Found) -> String {
        let line = |(number, (owner, _)): (&u32, &Whose)| format!("{number}{}", owner.verdict.origin.name);
        found.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_line_is_whose_its_like_is() {
        for (lines, there, expected) in [
            ("x y", "a:x b:y", "1a 2b"),
            ("y x z", "a:x b:y", "1b 2a"),
            ("x", "-:x", ""),
            // In their order.
            ("} x }", "a:} b:x b:}", "1a 2b 3b"),
            ("} }", "a:} -:}", "1a"),
            // Which of them is not known, or does not matter.
            ("}", "a:} b:}", ""),
            ("}", "a:} -:}", ""),
            ("}", "a:} a:}", "1a"),
            ("} }", "a:}", ""),
        ] {
            let lines: Vec<(u32, String)> = (1..).zip(lines.split(' ').map(str::to_owned)).collect();
            assert_eq!(shown(&matched(&lines, &source(there))), expected, "{lines:?} {there}");
        }
    }

    #[test]
    fn sources_that_differ_tell_nothing() {
        let lines: Vec<(u32, String)> = vec![(1, "x".into()), (2, "y".into())];
        let all = ["a:x a:y", "b:x", "-:y"].map(|there| matched(&lines, &source(there)));
        assert_eq!(shown(&agreed(all.into())), "2a");
    }
}
