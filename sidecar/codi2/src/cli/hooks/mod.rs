//! `codi2 hooks`: puts `codi2 hook` into a tool's own settings, says whether it is there, takes it out again.
//!
//! Everything else in a file stays to the byte; a file that came with the hooks goes with them. Absent on purpose: tools'
//! own switches and questions of trust, which are a person's to answer.

mod json_text;
pub mod place;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use tempfile::NamedTempFile;

use super::args::{Format, Hooks, HooksTarget};
use super::failure::{Code, Failure};
use super::hook::tool;
use super::printer::Printer;
use place::{Form, PLACES, Place};

/// Longest settings that are read, in bytes.
const LONGEST: u64 = 4 << 20;
/// The line by which a file that is all ours is known.
const MARK: &str = "Made by `codi2 hooks install`";

/// Does what is asked.
pub fn run(hooks: &Hooks, printer: &mut Printer) -> Result<()> {
    match hooks {
        Hooks::Install { target, dry_run } => change(target, *dry_run, true, printer),
        Hooks::Remove { target, dry_run } => change(target, *dry_run, false, printer),
        Hooks::Status { tool, project } => status(tool.as_deref(), *project, printer),
    }
}

/// How a file is and how it should be; `None`: not there.
struct Edit {
    path: PathBuf,
    before: Option<String>,
    after: Option<String>,
}

/// Where the hooks of one tool go on this machine, and what calls them.
struct Site {
    place: &'static Place,
    path: PathBuf,
    command: String,
    program: String,
    project: bool,
}

impl Site {
    fn of(place: &'static Place, project: bool) -> Result<Self> {
        let path = if project {
            let here = std::env::current_dir().context("there is no folder here")?;
            let none = "no repository here; run it inside one, or without --project";
            let found = codi2_workspace::identify(&here).context(none)?;
            place.of_project(&found.git_dir.map(|_| found.root).context(none)?)
        } else {
            let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
            let home = variable("HOME").filter(|home| home.is_absolute()).context("HOME is not set")?;
            place.of_user(&home, variable)
        };
        // A repository's settings are shared: on another's machine the program lies elsewhere.
        let program = if project {
            "codi2".to_owned()
        } else {
            let program = std::env::current_exe().context("this program's own path is not known")?;
            program.to_str().context("this program's own path is not UTF-8")?.to_owned()
        };
        let command = format!("{} hook {}", quoted(&program), place.tool);
        Ok(Self { place, path, command, program, project })
    }

    /// Whether a command is what some codi2 put there: the program alone, not a person's command around it.
    fn is_ours(&self) -> impl Fn(&str) -> bool {
        let end = format!(" hook {}", self.place.tool);
        move |command| {
            let program = command.strip_suffix(end.as_str()).and_then(one_word);
            program.is_some_and(|program| matches!(program.rsplit(['/', '\\']).next(), Some("codi2" | "codi2.exe")))
        }
    }

    fn edits(&self, install: bool) -> Result<Vec<Edit>> {
        // Its entries would not be known again: each install would add others.
        if install && !self.is_ours()(&self.command) {
            bail!("this program must be called codi2 to be put into settings, but it is {}", self.program);
        }
        if let Form::Json { version, .. } = &self.place.form {
            let path = self.path.clone();
            let before = read(&path)?;
            let wanted = self.place.wanted(&self.command);
            let after = match (install, &before) {
                (true, before) => json_text::install(before.as_deref(), &wanted, *version, &self.is_ours()).map(Some),
                (false, Some(text)) => json_text::remove(text, &self.is_ours()),
                (false, None) => Ok(None),
            };
            let after = after.with_context(|| format!("{} is left as it is", path.display()))?;
            return Ok(vec![Edit { path, before, after }]);
        }
        let mut edits = Vec::new();
        for (path, text) in self.place.files(&self.path, &self.command, &self.program) {
            let before = read(&path)?;
            match &before {
                Some(found) if !found.contains(MARK) => {
                    if !install {
                        continue;
                    }
                    let advice = match self.place.form {
                        place::Form::Scripts(_) => format!("add the line `{}` to it", self.command),
                        // Not made of lines that could be added.
                        _ => "move it away, then run this again".to_owned(),
                    };
                    bail!("{} is there and is yours; {advice}", path.display());
                }
                Some(found) => self.all_ours(&path, found)?,
                None => {}
            }
            edits.push(Edit { path, before, after: install.then_some(text) });
        }
        Ok(edits)
    }

    /// Checks that a file with our mark is what this or an earlier codi2 wrote, wherever the program was.
    ///
    /// # Errors
    /// A person has changed it since.
    fn all_ours(&self, path: &Path, found: &str) -> Result<()> {
        if !place::is_written(found, &self.is_ours()) {
            bail!("{} is not as codi2 wrote it and is left as it is; remove it yourself", path.display());
        }
        Ok(())
    }

    /// How many of the hooks are there as they should be, how many should be, and whether others of ours are.
    fn state(&self) -> Result<(usize, usize, bool)> {
        if let Form::Json { .. } = &self.place.form {
            let wanted = self.place.wanted(&self.command);
            let Some(text) = read(&self.path)? else { return Ok((0, wanted.len(), false)) };
            let (right, all) = json_text::count(&text, &wanted, &self.is_ours())
                .with_context(|| format!("{} cannot be read", self.path.display()))?;
            return Ok((right, wanted.len(), all > right));
        }
        let files = self.place.files(&self.path, &self.command, &self.program);
        let (mut right, mut others) = (0, false);
        for (path, text) in &files {
            match read(path)? {
                Some(found) if found == *text => right += 1,
                Some(found) if found.contains(MARK) => {
                    self.all_ours(path, &found)?;
                    others = true;
                }
                _ => {}
            }
        }
        Ok((right, files.len(), others))
    }
}

fn change(target: &HooksTarget, dry_run: bool, install: bool, printer: &mut Printer) -> Result<()> {
    let site = Site::of(known(&target.tool)?, target.project)?;
    let edits: Vec<Edit> = site.edits(install)?.into_iter().filter(|edit| edit.before != edit.after).collect();
    let mut documents = Vec::new();
    for edit in &edits {
        if !dry_run {
            write(edit, site.project, matches!(site.place.form, Form::Scripts(_)))?;
        }
        let path = edit.path.display().to_string();
        let doing = match (&edit.before, &edit.after) {
            (None, _) => "make",
            (_, None) => "remove",
            _ => "change",
        };
        match printer.format() {
            Format::Json => documents.push(json!({"path": path, "change": doing, "done": !dry_run})),
            Format::Jsonl => printer.json(&json!({"path": path, "change": doing, "done": !dry_run}))?,
            Format::Compact => printer.fields(&[&path, doing, if dry_run { "would" } else { "done" }])?,
            Format::Human => {
                printer.line(&format!("{}{doing} {path}", if dry_run { "would " } else { "" }))?;
                if dry_run {
                    shown(edit, printer)?;
                }
            }
        }
    }
    if printer.format() == Format::Json {
        printer.json(&documents)?;
    }
    if printer.format() == Format::Human {
        if edits.is_empty() {
            let state = if install { "are there already" } else { "are not there" };
            printer.line(&format!("nothing to do: the hooks of {} {state}", site.place.tool))?;
        } else if install && !site.place.note.is_empty() {
            printer.line(&format!("note: {}", site.place.note))?;
        }
    }
    printer.flush()
}

fn status(tool: Option<&str>, project: bool, printer: &mut Printer) -> Result<()> {
    let places: Vec<&'static Place> = match tool {
        Some(tool) => vec![known(tool)?],
        None => PLACES.iter().collect(),
    };
    let (mut documents, mut unknown) = (Vec::new(), 0);
    for place in places {
        let site = Site::of(place, project)?;
        let state = match site.state() {
            Ok((0, _, false)) => "not".to_owned(),
            Ok((right, all, false)) if right == all => "installed".to_owned(),
            Ok((_, _, true)) => "partly: another codi2 is called; install again".to_owned(),
            Ok((right, all, false)) => format!("partly: {right} of {all}; install again"),
            Err(error) => {
                unknown += 1;
                format!("unknown: {error:#}")
            }
        };
        let path = site.path.display().to_string();
        match printer.format() {
            Format::Json | Format::Jsonl => {
                let word = state.split(':').next().unwrap_or_default();
                let document = json!({"tool": place.tool, "state": word, "detail": state, "path": path});
                match printer.format() {
                    Format::Json => documents.push(document),
                    _ => printer.json(&document)?,
                }
            }
            Format::Compact => printer.fields(&[place.tool, &state, &path])?,
            Format::Human => printer.line(&format!("{:<20}  {state:<10}  {path}", place.tool))?,
        }
    }
    if printer.format() == Format::Json {
        printer.json(&documents)?;
    }
    printer.flush()?;
    match unknown {
        0 => Ok(()),
        _ => bail!("not all settings can be read, as said above; mend them by hand, or move them away"),
    }
}

fn known(name: &str) -> Result<&'static Place> {
    let tool = tool::named(name).map_or(name, |tool| tool.id);
    let names = || PLACES.iter().map(|place| place.tool).collect::<Vec<_>>().join(", ");
    place::of(tool)
        .ok_or_else(|| anyhow!("codi2 cannot set up hooks of {name}; it can for {}", names()))
        .code(Failure::Usage)
}

/// Whether a shell takes this character of a word as it is.
fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-+".contains(c)
}

/// The word that a shell makes of this; nothing where it is more, or less plain, than what [`quoted`] writes.
fn one_word(text: &str) -> Option<String> {
    if text.chars().all(plain) {
        return Some(text.to_owned());
    }
    let word = text.strip_prefix('\'')?.strip_suffix('\'')?.replace(r"'\''", "\0");
    (!word.contains('\'')).then(|| word.replace('\0', "'"))
}

/// A program's path as a shell takes it.
fn quoted(path: &str) -> String {
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

fn read(path: &Path) -> Result<Option<String>> {
    let unreadable = || format!("{} cannot be read", path.display());
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // What a link was meant to name may be there again tomorrow.
            if path.is_symlink() {
                bail!("{} is a link to nothing; make what it names, or remove it", path.display());
            }
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(unreadable),
        Ok(found) if !found.is_file() || found.len() > LONGEST => {
            bail!("{} is no file of settings, or over 4 MiB; move it away", path.display());
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).with_context(unreadable)?;
    String::from_utf8(bytes).map(Some).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Puts the new text in the place of the old at once, with the old one's rights; through a link, into what it names.
fn write(edit: &Edit, project: bool, is_program: bool) -> Result<()> {
    let path = edit.path.canonicalize().unwrap_or_else(|_| edit.path.clone());
    let unwritten = || format!("{} cannot be written; it is left as it is", path.display());
    let unchanged = || {
        if read(&path)? != edit.before {
            bail!("{} has changed meanwhile; run it again", path.display());
        }
        Ok(())
    };
    let Some(text) = &edit.after else {
        unchanged()?;
        return fs::remove_file(&path).with_context(unwritten);
    };
    if fs::metadata(&path).is_ok_and(|old| old.permissions().readonly()) {
        bail!("{} is read-only and is left as it is; make it writable, then run this again", path.display());
    }
    let folder = path.parent().with_context(unwritten)?;
    fs::create_dir_all(folder).with_context(unwritten)?;
    let mut new = NamedTempFile::new_in(folder).with_context(unwritten)?;
    let written = new.write_all(text.as_bytes()).and_then(|()| {
        match fs::metadata(&path) {
            Ok(old) => new.as_file().set_permissions(old.permissions())?,
            Err(_) => grant(new.as_file(), project, is_program)?,
        }
        new.as_file().sync_all()
    });
    written.with_context(unwritten)?;
    unchanged()?;
    new.persist(&path).with_context(unwritten).map(|_| ())
}

/// The rights of a new file: a repository's may be read by all, a person's by nobody else.
#[cfg(unix)]
fn grant(file: &fs::File, project: bool, is_program: bool) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match (project, is_program) {
        (true, true) => 0o755,
        (true, false) => 0o644,
        (false, true) => 0o700,
        (false, false) => 0o600,
    };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn grant(_: &fs::File, _: bool, _: bool) -> std::io::Result<()> {
    Ok(())
}

/// The lines that go and come, with those around them left out.
fn shown(edit: &Edit, printer: &mut Printer) -> Result<()> {
    let lines =
        |text: &Option<String>| text.iter().flat_map(|text| text.lines()).map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(&edit.before), lines(&edit.after));
    let head = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let most = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    before[head..before.len() - tail].iter().try_for_each(|line| printer.line(&format!("- {line}")))?;
    after[head..after.len() - tail].iter().try_for_each(|line| printer.line(&format!("+ {line}")))
}

#[cfg(test)]
mod tests;
