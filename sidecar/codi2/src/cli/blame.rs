//! `codi2 blame`: who wrote each line of a file.
//!
//! The hub knows owners of bytes; this program reads the text and turns them into lines. Absent on purpose: history
//! beyond the owner in effect (`codi2 log --file`).

mod view;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use codi2_protocol::{Call, Digest, ErrorCode, FileId, OwnersReply, Reply};
use codi2_text::Text;
use codi2_workspace::{Decoded, Encoding};
use jiff::Zoned;

use super::args::{Blame, Format};
use super::failure::{Code, Failure};
use super::link::{Hub, LinkError};
use super::printer::Printer;
use super::{Surroundings, when};
use view::View;

/// How often the file is read again when it changes between our look and the hub's.
const ATTEMPTS: u32 = 5;

/// Prints the owners of a file's lines.
pub fn run(blame: &Blame, printer: &mut Printer, surroundings: &Surroundings) -> Result<()> {
    let (root, file) = locate(&blame.file)?;
    // Before a hub is started for it.
    if !blame.buffer {
        read(&blame.file)?;
    }
    let mut hub = surroundings.connect_or_start()?;
    watch(&mut *hub, &root)?;
    let (text, reply) = owners(&mut *hub, &blame.file, &file, blame.buffer)?;
    let text = Text::new(&text);
    let view = view::view(&file.path, &text, &reply)?;
    print(&view, &text, printer)
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

/// A hub that watches nothing here knows no root for the file.
fn watch(hub: &mut dyn Hub, root: &Path) -> Result<()> {
    let path = root.to_str().with_context(|| format!("{} is not UTF-8", root.display()))?.to_owned();
    match hub.call(Call::Watch { path, poll: false })? {
        Reply::Watch(_) => Ok(()),
        _ => Err(LinkError::Odd("no watch").into()),
    }
}

/// The text and its owners: of an open buffer where that is wanted and there is one, else of the file on disk.
fn owners(hub: &mut dyn Hub, path: &Path, file: &FileId, buffer: bool) -> Result<(String, OwnersReply)> {
    if buffer {
        let mut reply = ask(hub, path, file, true)?;
        if let Some(text) = reply.text.take() {
            return Ok((text, reply));
        }
        // No buffer, or one whose text is too long for an answer but may be what is on disk.
        let (text, digests) = read(path)?;
        if digests.contains(&reply.digest) {
            return Ok((text, reply));
        }
        bail!("the unsaved text of {} is too long to be sent; save it and leave --buffer out", path.display());
    }
    for _ in 0..ATTEMPTS {
        let (text, digests) = read(path)?;
        let reply = ask(hub, path, file, false)?;
        if digests.contains(&reply.digest) {
            return Ok((text, reply));
        }
    }
    bail!("{} keeps changing; try again", path.display())
}

fn ask(hub: &mut dyn Hub, path: &Path, file: &FileId, buffer: bool) -> Result<OwnersReply> {
    // Without a digest the hub looks at the disk before it answers.
    match hub.call(Call::Owners { file: file.clone(), digest: None, buffer }) {
        Ok(Reply::Owners(reply)) => Ok(reply),
        Ok(_) => Err(LinkError::Odd("no owners").into()),
        Err(LinkError::Refused(error)) if error.code == ErrorCode::NotFound => {
            Err(error).with_context(|| format!("nothing is known about {}", path.display())).code(Failure::NotFound)
        }
        Err(error) => Err(error.into()),
    }
}

/// The file's text, and the digests it may go by: of its bytes, and of the text alone where a mark or another encoding
/// makes them differ.
fn read(path: &Path) -> Result<(String, [Digest; 2])> {
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
    Ok((text, digests))
}

fn print(view: &View, text: &Text, printer: &mut Printer) -> Result<()> {
    match printer.format() {
        Format::Json => printer.json(view)?,
        Format::Jsonl => view.lines.iter().try_for_each(|line| printer.json(line))?,
        Format::Compact => {
            for line in &view.lines {
                let owner = &line.owner;
                let [name, tool, model, session] =
                    [&owner.name, &owner.tool, &owner.model, &owner.session].map(|it| it.as_deref().unwrap_or(""));
                let mixed = if line.mixed { "mixed" } else { "" };
                let evidence = line.evidence.iter().map(|evidence| evidence.words()).collect::<Vec<_>>().join(", ");
                let at = line.at_ms.map(when::rfc3339).unwrap_or_default();
                printer.fields(&[
                    &line.line.to_string(),
                    owner.kind,
                    name,
                    tool,
                    model,
                    session,
                    line.class.as_str(),
                    mixed,
                    &at,
                    &evidence,
                ])?;
            }
        }
        Format::Human => {
            let whole = text.to_string();
            columns(view, &whole, &Zoned::now()).iter().try_for_each(|line| printer.line(line))?;
        }
    }
    printer.flush()
}

/// `person Ada           inferred  2026-11-22 12:00   12  let x = 1;`; a `+` behind the class marks a mixed line.
fn columns(view: &View, text: &str, now: &Zoned) -> Vec<String> {
    const WIDEST: usize = 32;
    let owners: Vec<String> = view.lines.iter().map(|line| owner(line, WIDEST)).collect();
    let width = owners.iter().map(|owner| owner.chars().count()).max().unwrap_or(0);
    let digits = view.lines.len().to_string().len();
    let rows = view.lines.iter().zip(&owners).zip(lines(text));
    rows.map(|((line, owner), content)| {
        let class = format!("{}{}", line.class, if line.mixed { "+" } else { "" });
        let at = line.at_ms.map_or_else(|| "-".to_owned(), |at| when::minute(at, now));
        format!("{owner:<width$}  {class:<9}  {at:<16}  {:>digits$}  {content}", line.line).trim_end().to_owned()
    })
    .collect()
}

fn owner(line: &view::Line, widest: usize) -> String {
    let owner = &line.owner;
    let words = super::feed::owner(owner.kind, owner.name.as_deref(), owner.model.as_deref());
    // Escaped here already, so that columns stay aligned and no escape is cut in two.
    let words = super::printer::escape(&words, super::printer::Tabs::Escape);
    if words.chars().count() <= widest {
        return words.into_owned();
    }
    words.chars().take(widest - 1).chain(['…']).collect()
}

/// Lines as editors count them: ended by `\n`, `\r\n` or `\r`.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\n', '\r'])).unwrap_or(after);
        Some(line)
    })
}

#[cfg(test)]
mod tests;
