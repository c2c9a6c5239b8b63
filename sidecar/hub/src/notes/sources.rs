//! Whose lines are of which the hub only knows that git brought them, or that nobody saw them: by the notes on the commits
//! from which git may have them, whoever made those and wherever they were noted (ADR 0141).
//!
//! Git took a commit from the one it is a copy of, from the branch that it squashed, or, of lines that only moved, from its
//! parent. Whole lines are compared ([`super::alike`]), and what is not sure stays as it is. A search ends with the hub, or when
//! it has taken long; what git cannot say of one commit keeps no other from being looked for (ADR 0158). Absent on purpose: what
//! the hub saw for itself, which is never replaced.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use codi2_attribution::record::{CommitRecord, FileRecord, LineRange, codi2};
use codi2_protocol::{ActorKind, Class, Owner};
use codi2_workspace::{Came, Change, Commit, Kin, Oid};

use super::alike::{Found, Likeness, Whose, agreed, matched};
use super::open::Relatives;
use super::{Clerk, Desk, ENDING, Informant, said};
use crate::core::decode_text;
use crate::ledger::is_telling;

/// Commits whose patches are compared with that of one, at most: the newest that have notes.
const PATCHES: usize = 64;

/// How long sources are looked for, of all commits whose notes are written together. What was not looked for by then is at the
/// commit's next look.
pub(super) const SEARCH: Duration = Duration::from_secs(30);

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
    search: &'a Search,
}

/// When a search is over.
#[derive(Clone)]
struct Search {
    ending: Arc<AtomicBool>,
    since: Instant,
    patience: Duration,
}

impl Search {
    fn is_over(&self) -> bool {
        self.ending.load(Ordering::Relaxed) || self.since.elapsed() >= self.patience
    }

    fn goes_on(&self) -> Result<(), String> {
        if self.is_over() { Err(format!("the search took {} s", self.patience.as_secs())) } else { Ok(()) }
    }
}

impl<I: Informant> Clerk<I> {
    /// Completes the records of these commits, parents first, with what the notes on others tell; says for which that was not done.
    ///
    /// # Errors
    /// The hub is ending.
    pub(super) fn complete(
        &self,
        desk: &mut Desk<'_>,
        sought: &[Sought<'_>],
        records: &mut HashMap<Oid, CommitRecord>,
    ) -> Result<Option<String>, String> {
        for Sought { commit, before, .. } in sought {
            if let (Some(before), Some(record)) = (before, records.get_mut(&commit.id)) {
                keep(before, record);
            }
        }
        let is_open =
            |sought: &&Sought<'_>| records.get(&sought.commit.id).is_some_and(|record| !open_files(record).is_empty());
        let sought: Vec<&Sought<'_>> = sought.iter().filter(is_open).collect();
        if sought.is_empty() {
            return Ok(None);
        }
        let search = Search { ending: Arc::clone(&self.ending), since: Instant::now(), patience: self.patience };
        let is_over = search.clone();
        desk.commits.stop_when(Some(Arc::new(move || is_over.is_over())));
        let skipped = self.search(desk, &sought, records, &search);
        desk.commits.stop_when(None);
        if self.ending.load(Ordering::Relaxed) {
            return Err(ENDING.into());
        }
        let [(first, error), ..] = &skipped[..] else { return Ok(None) };
        for (commit, error) in &skipped {
            tracing::info!(%commit, error, "whose the lines are that git took from other commits is not known");
        }
        let and_others = if skipped.len() > 1 { format!(" and {} more", skipped.len() - 1) } else { String::new() };
        Ok(Some(format!(
            "of lines that git took from other commits into {first}{and_others} no notes were found: {error}"
        )))
    }

    /// Looks for the sources of each commit; for which that could not be done, and why.
    fn search(
        &self,
        desk: &mut Desk<'_>,
        sought: &[&Sought<'_>],
        records: &mut HashMap<Oid, CommitRecord>,
        search: &Search,
    ) -> Vec<(Oid, String)> {
        let ids: Vec<Oid> = sought.iter().map(|sought| sought.commit.id).collect();
        let kin = match search.goes_on().and_then(|()| desk.commits.kin(&ids).map_err(said)) {
            Ok(kin) => kin,
            Err(error) => return ids.into_iter().map(|id| (id, error.clone())).collect(),
        };
        let mut skipped = Vec::new();
        for sought in sought {
            let Some(mut record) = records.remove(&sought.commit.id) else { continue };
            let most = self.options.max_file_bytes;
            let mut sources = Sources { desk, records, noted: HashMap::new(), most, search };
            let done = sources.complete(sought, &kin, &mut record);
            records.insert(sought.commit.id, record);
            skipped.extend(done.err().map(|error| (sought.commit.id, error)));
        }
        skipped
    }
}

/// What was known of a commit before, of lines of which nothing is known now.
fn keep(before: &CommitRecord, record: &mut CommitRecord) {
    for path in open_files(record) {
        let known = |line: u32| whose(before, &path, line);
        let found = open_lines(record, &path).into_iter().filter_map(|line| Some((line, known(line)?)));
        give(record, &path, &found.collect());
    }
}

impl Sources<'_, '_> {
    fn complete(&mut self, sought: &Sought<'_>, kin: &Kin, record: &mut CommitRecord) -> Result<(), String> {
        let id = sought.commit.id;
        let dropped = &sought.relatives.dropped;
        let signed = || kin.copies.get(&id).into_iter().flatten().filter(|commit| !dropped.contains(commit)).copied();
        self.by_commits(sought, record, dropped.iter().copied().chain(signed()).collect(), &signed().collect())?;
        self.by_squash(sought, record)?;
        if !open_files(record).is_empty() {
            let noted = self.noted_of(kin.newest.iter().filter(|other| **other != id), PATCHES)?;
            let same = self.desk.commits.same_patch(id, &noted).map_err(said)?;
            self.by_commits(sought, record, same, &HashSet::new())?;
        }
        self.by_parents(sought, record)
    }

    /// From commits of which this one has its changes: what they brought to the same paths. Of those that are only `signed` like
    /// this one it is no copy unless it is alike.
    fn by_commits(
        &mut self,
        sought: &Sought<'_>,
        record: &mut CommitRecord,
        mut commits: Vec<Oid>,
        signed: &HashSet<Oid>,
    ) -> Result<(), String> {
        let mut seen = HashSet::from([sought.commit.id]);
        commits.retain(|commit| seen.insert(*commit));
        if commits.is_empty() {
            return Ok(());
        }
        self.fetch(&commits)?;
        let mut all: Vec<(String, Oid, Found)> = Vec::new();
        let mut alike: HashMap<Oid, Likeness> = HashMap::new();
        for path in open_files(record) {
            self.search.goes_on()?;
            let Some(lines) = self.brought(sought, &path) else { continue };
            for commit in &commits {
                let source = self.brought_by(*commit, &path);
                alike.entry(*commit).or_default().add(&lines, &source);
                all.push((path.clone(), *commit, matched(&lines, &source)));
            }
        }
        let is_copy = |commit: &Oid| alike.get(commit).is_some_and(Likeness::is_copy);
        all.retain(|(_, commit, _)| !signed.contains(commit) || is_copy(commit));
        for path in open_files(record) {
            let here = all.iter().filter(|(at, ..)| *at == path).map(|(_, _, found)| found.clone());
            give(record, &path, &agreed(here.collect()));
        }
        Ok(())
    }

    /// The lines that a commit brought to a path, as its note has it, with whose they are.
    fn brought_by(&mut self, commit: Oid, path: &str) -> Vec<(String, Option<Whose>)> {
        let file = self.file(commit, path);
        let text = file.is_some().then(|| self.desk.commits.entry(commit, path)).flatten();
        let (Some(file), Some(text)) = (file, text.and_then(|blob| self.text(path, blob))) else { return Vec::new() };
        let there: HashMap<u32, &str> = (1..).zip(text.lines()).collect();
        // Whatever the note says.
        let last = u32::try_from(there.len()).unwrap_or(u32::MAX);
        let numbers = file.ranges.iter().flat_map(|range| range.first..=range.last.min(last));
        let line = |number| Some(((*there.get(&number)?).to_owned(), self.whose(commit, path, number)));
        numbers.filter_map(line).collect()
    }

    /// From a branch whose merge with the parent this commit's content is.
    fn by_squash(&mut self, sought: &Sought<'_>, record: &mut CommitRecord) -> Result<(), String> {
        let [parent] = sought.commit.parents[..] else { return Ok(()) };
        for path in open_files(record) {
            let Some(lines) = self.brought(sought, &path) else { continue };
            let mut all = Vec::new();
            for end in self.desk.commits.ends() {
                self.search.goes_on()?;
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
            self.search.goes_on()?;
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
