//! `codi2 blame`: who wrote each line of a file.
//!
//! What is committed is read from the notes, what is not is asked of the hub: of a revision's file `git blame` leads each
//! line to its commit, whose record says whose it is; of the worktree's file the hub says whose each byte is, and the
//! records speak where it did not see a line written. Absent on purpose: history beyond the owner in effect
//! (`codi2 log --file`).

mod porcelain;
pub mod view;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use codi2_protocol::{Call, Digest, ErrorCode, FileId, OwnersReply, Reply};
use codi2_text::Text;
use codi2_workspace::past::{Blamed, Past, PastError};
use codi2_workspace::{Decoded, Encoding};
use jiff::Zoned;

use super::args::{self, Format};
use super::failure::{Code, Failure};
use super::link::{Hub, LinkError};
use super::owned;
use super::printer::Printer;
use super::records::{self, Records, fate};
use super::status;
use super::surroundings::{OnDemand, Surroundings};
use crate::settings::Flags;
use view::View;

/// How often the file is read again when it changes between our look and the hub's.
const ATTEMPTS: u32 = 5;

/// A blamed file.
pub struct Whole {
    /// Whose each line is.
    pub view: View,
    /// The text of each line, without its end.
    pub texts: Vec<String>,
    /// On which of git's lines, from 0, each line begins: git knows no line ends but line feeds.
    pub on: Vec<usize>,
    /// What git says, where the file is committed.
    pub blamed: Option<Blamed>,
}

/// Prints the owners of a file's lines.
pub fn run(blame: &args::Blame, flags: &Flags, printer: &mut Printer) -> Result<()> {
    if blame.line_porcelain && matches!(printer.format(), Format::Json | Format::Jsonl) {
        return Err(anyhow!("--line-porcelain is a form of its own; leave out it or --format")).code(Failure::Usage);
    }
    let whole = match blame.revision() {
        Some(revision) => of_revision(&revision, blame)?,
        None => {
            // Before a hub is started for it.
            let (root, _) = locate(blame.file())?;
            if !blame.buffer {
                read(blame.file())?;
            }
            watched(&root, flags)?;
            of_worktree(&mut OnDemand::new(flags), blame.file(), blame.buffer)?
        }
    };
    if blame.line_porcelain {
        let digits = match &whole.blamed {
            Some(blamed) => blamed.digits,
            None => digits(blame.file()),
        };
        porcelain::print(&whole, digits, printer)?;
        return printer.flush();
    }
    print(&whole, printer)
}

/// The owners of a file as a commit has it. Needs no hub and no worktree.
fn of_revision(revision: &str, blame: &args::Blame) -> Result<Whole> {
    if blame.buffer {
        return Err(anyhow!("--buffer is of the text that stands now; leave the revision out")).code(Failure::Usage);
    }
    let full = std::path::absolute(blame.file()).context("no working folder")?;
    // What is a folder now may have been a file then.
    let folder = if full.is_dir() { &full } else { full.parent().unwrap_or(&full) };
    let past = records::past(folder)?;
    let path = past.below(blame.file()).filter(|path| !path.is_empty());
    let outside = || format!("{} is not a file below {}", blame.file().display(), past.root().display());
    let path = path.with_context(outside).code(Failure::NotFound)?;
    let blamed = past.blame(revision, &path, &[]).map_err(fate)?;
    if blamed.lines.iter().any(|line| line.text.contains(&0)) {
        bail!("{path} is not text in {revision}: it has no lines to blame");
    }
    let mut records = Records::new(&past);
    records.fetch(blamed.lines.iter().filter_map(|line| blamed.commit(line)))?;
    let view = view::committed(&path, &blamed, &records);
    let texts = blamed.lines.iter().map(|line| text_of(&line.text)).collect();
    Ok(Whole { on: (0..view.lines.len()).collect(), view, texts, blamed: Some(blamed) })
}

/// How many digits a commit's name has where this file lies.
fn digits(file: &Path) -> usize {
    let place = std::path::absolute(file).ok().and_then(|full| Past::open(full.parent()?).ok());
    place.map_or(40, |past| past.digits())
}

/// Git's line as text, without the carriage return of a line that ended in both.
pub fn text_of(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

/// Whose each line of a worktree's file is, or of an editor's unsaved text.
///
/// # Errors
/// No such file, no text, or nothing that the hub knows of it.
pub fn of_worktree(hub: &mut OnDemand<'_>, path: &Path, buffer: bool) -> Result<Whole> {
    let (root, file) = locate(path)?;
    let past = match Past::open(&root).map(Past::fetching) {
        Ok(past) => Some(past),
        Err(PastError::NoRepository(_)) => None,
        Err(error) => return Err(fate(error)),
    };
    let first = if buffer { None } else { Some(read(path)?) };
    let look = |content: &Content| match &past {
        Some(past) => at_head(past, &file.path, &content.bytes),
        None => Ok(None),
    };
    // Git looks while the hub is found, started and asked, and again if the hub answers about another text.
    let (answer, early) = std::thread::scope(|scope| {
        let early = first.as_ref().map(|first| scope.spawn(|| look(first)));
        let answer = hub.hub().and_then(|hub| {
            watch(hub, &root)?;
            owners(hub, path, &file, buffer)
        });
        (answer, early.and_then(|early| early.join().ok()))
    });
    let (content, reply) = answer?;
    let blamed = match (early, &first) {
        (Some(blamed), Some(first)) if first.bytes == content.bytes => blamed,
        _ => look(&content),
    };
    let blamed = blamed.map_err(fate)?;
    if reply.spans.is_empty() && !content.text.is_empty() {
        let words = anyhow!(
            "{path} is larger than watch.max_file_mib lets a watched file be, so nobody sees who writes its lines; \
             `codi2 blame HEAD {path}` says what its commits know",
            path = path.display()
        );
        return Err(words).code(Failure::NotFound);
    }
    let mut view = view::view(&file.path, &Text::new(&content.text), &reply)?;
    let (texts, on) = lines(&content.text);
    if let (Some(past), Some(blamed)) = (&past, &blamed) {
        view.overlay(blamed, &on, &mut Records::new(past))?;
    }
    Ok(Whole { view, texts, on, blamed })
}

/// What git says of a file of the worktree with these bytes; nothing of it is committed where git knows no such file.
fn at_head(past: &Past, path: &str, bytes: &[u8]) -> Result<Option<Blamed>, PastError> {
    match past.blame_standing(path, bytes, &[]) {
        Ok(blamed) => Ok(Some(blamed)),
        Err(PastError::NoFile { .. } | PastError::NoRevision { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file's identity. Which repository a path belongs to is a question of its folder, so a deleted file has one too.
fn locate(path: &Path) -> Result<(PathBuf, FileId)> {
    let full = std::path::absolute(path).context("no working folder")?;
    if full.is_dir() {
        return Err(anyhow!("{} is a folder; name a file", path.display())).code(Failure::Usage);
    }
    let place = codi2_workspace::identify(&full).code(Failure::NotFound)?;
    let below = codi2_workspace::relative(&place, &full)
        .with_context(|| {
            format!(
                "{} is not a file of {} (git's own folder and nested repositories are not)",
                path.display(),
                place.root.display()
            )
        })
        .code(Failure::NotFound)?;
    Ok((place.root, FileId { worktree: place.worktree, path: below }))
}

/// A folder without git is no worktree, unless somebody has it watched. Asking begins no watch of one.
fn watched(root: &Path, flags: &Flags) -> Result<()> {
    match Past::open(root) {
        Err(PastError::NoRepository(_)) => {}
        _ => return Ok(()),
    }
    let hub = Surroundings::find(flags)?.try_connect();
    let watches = hub.ok().and_then(|mut hub| status::ask(&mut hub).ok()).map(|status| status.watches);
    if watches.is_some_and(|watches| watches.iter().any(|watch| Path::new(&watch.root) == root)) {
        return Ok(());
    }
    let todo = "`git init` makes it one, `codi2 monitor` watches it as it is";
    Err(anyhow!("{} is in no git repository, and nobody watches it; {todo}", root.display())).code(Failure::NotFound)
}

/// A hub that watches nothing here knows no root for the file.
fn watch(hub: &mut dyn Hub, root: &Path) -> Result<()> {
    let path = root.to_str().with_context(|| format!("{} is not UTF-8", root.display()))?.to_owned();
    match hub.call(Call::Watch { path, poll: false })? {
        Reply::Watch(_) => Ok(()),
        _ => Err(LinkError::Odd("no watch").into()),
    }
}

/// A file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    /// As the hub counts it.
    text: String,
    /// As it lies on disk; of an unsaved text the same.
    bytes: Vec<u8>,
    /// The digests it may go by: of its bytes, and of the text alone where a mark or another encoding makes them differ.
    digests: [Digest; 2],
}

/// The text and its owners: of an open buffer where that is wanted and there is one, else of the file on disk.
fn owners(hub: &mut dyn Hub, path: &Path, file: &FileId, buffer: bool) -> Result<(Content, OwnersReply)> {
    if buffer {
        let mut reply = ask(hub, file, true)?;
        if let Some(text) = reply.text.take() {
            let digests = [reply.digest; 2];
            return Ok((Content { bytes: text.clone().into_bytes(), text, digests }, reply));
        }
        // No buffer, or one whose text is too long for an answer but may be what is on disk.
        let content = read(path)?;
        if content.digests.contains(&reply.digest) {
            return Ok((content, reply));
        }
        bail!("the unsaved text of {} is too long to be sent; save it and leave --buffer out", path.display());
    }
    for _ in 0..ATTEMPTS {
        let content = read(path)?;
        let reply = ask(hub, file, false)?;
        if content.digests.contains(&reply.digest) {
            return Ok((content, reply));
        }
    }
    bail!("{} keeps changing; try again", path.display())
}

fn ask(hub: &mut dyn Hub, file: &FileId, buffer: bool) -> Result<OwnersReply> {
    // Without a digest the hub looks at the disk before it answers.
    match hub.call(Call::Owners { file: file.clone(), digest: None, buffer }) {
        Ok(Reply::Owners(reply)) => Ok(reply),
        Ok(_) => Err(LinkError::Odd("no owners").into()),
        Err(LinkError::Refused(error)) if error.code == ErrorCode::NotFound => Err(error).code(Failure::NotFound),
        Err(error) => Err(error.into()),
    }
}

fn read(path: &Path) -> Result<Content> {
    // A pipe or a device may never end.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        bail!("{} is no regular file: it has no lines to blame", path.display());
    }
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let gone = anyhow!("{} does not exist; `codi2 log --file` shows what happened to it", path.display());
            return Err(gone).code(Failure::NotFound);
        }
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let Decoded { text, encoding, .. } = codi2_workspace::decode(&bytes);
    if encoding == Encoding::Binary {
        bail!("{} is not text: it has no lines to blame", path.display());
    }
    let digests = [Digest::new(codi2_text::digest_of(&bytes)), Digest::new(codi2_text::digest_of(text.as_bytes()))];
    Ok(Content { text, bytes, digests })
}

fn print(whole: &Whole, printer: &mut Printer) -> Result<()> {
    let view = &whole.view;
    match printer.format() {
        Format::Json => printer.json(view)?,
        Format::Jsonl => view.lines.iter().try_for_each(|line| printer.json(line))?,
        Format::Compact => {
            for line in &view.lines {
                let number = line.line.to_string();
                let owned = line.owned.fields();
                let mut fields = vec![number.as_str()];
                fields.extend(owned.iter().map(String::as_str));
                fields.push(line.commit.as_deref().unwrap_or(""));
                printer.fields(&fields)?;
            }
        }
        Format::Human => columns(whole, &Zoned::now()).iter().try_for_each(|line| printer.line(line))?,
    }
    printer.flush()
}

/// `person Ada           inferred  2026-11-22 12:00  1a2b3c4d  12  let x = 1;`; a `+` behind the class marks a mixed line.
fn columns(whole: &Whole, now: &Zoned) -> Vec<String> {
    let lines = &whole.view.lines;
    let owners: Vec<String> = lines.iter().map(|line| line.owned.words()).collect();
    let width = owned::width(&owners);
    let digits = lines.len().to_string().len();
    let rows = lines.iter().zip(&owners).zip(&whole.texts);
    rows.map(|((line, owner), content)| {
        let (class, at) = (line.owned.class_words(), line.owned.minute(now));
        let commit = line.commit.as_deref().map_or("-", |commit| &commit[..8]);
        let row = format!("{owner:<width$}  {class:<9}  {at:<16}  {commit:<8}  {:>digits$}  {content}", line.line);
        row.trim_end().to_owned()
    })
    .collect()
}

/// Lines as editors count them, ended by `\n`, `\r\n` or `\r`, and how many line feeds stand before each.
fn lines(text: &str) -> (Vec<String>, Vec<usize>) {
    let (mut rest, mut feeds) = (text, 0);
    let (mut lines, mut on) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        lines.push(line.to_owned());
        on.push(feeds);
        rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\n', '\r'])).unwrap_or(after);
        feeds += usize::from(after[..after.len() - rest.len()].ends_with('\n'));
    }
    (lines, on)
}

#[cfg(test)]
mod tests;
