//! Hooks in a tool's settings, put in and taken out of the text itself, so that everything else stays as it was written.
//!
//! What `install` puts in, `remove` takes out to the byte. No memory is needed for that: what stands directly behind the
//! bracket of a list or table was put into one that was there; what stands behind a blank came with its list or table,
//! which then goes with it. A file that was there with nothing in it is known by a line feed before the bracket; what it
//! had stands behind the closing one. Absent on purpose: reading and writing files; comments and trailing commas that a tool's own
//! reader would refuse are kept as they are.

use anyhow::{Result, anyhow, bail};
use jsonc_parser::ast::{Array, Object, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// One hook: the event it is for, and its entry in JSON on one line.
pub struct Wanted {
    /// The event.
    pub event: &'static str,
    /// The entry.
    pub entry: String,
}

/// A mark of byte order, as some editors put it before a text.
const MARK: char = '\u{feff}';

/// What a text of ours begins with that took the place of an empty one.
const WAS_THERE: char = '\n';

/// Whether a text in an entry is a command of ours.
pub type IsOurs<'a> = &'a dyn Fn(&str) -> bool;

/// How many of the wanted hooks are there as they should be, and how many are there that are ours in all.
///
/// # Errors
/// The text is no settings, with line and column.
pub fn count(text: &str, wanted: &[Wanted], is_ours: IsOurs) -> Result<(usize, usize)> {
    let text = text.strip_prefix(MARK).unwrap_or(text);
    if is_blank(text) {
        return Ok((0, 0));
    }
    let root = parse(text)?;
    let there = |wanted: &&Wanted| {
        let entries = hooks(&root).and_then(|hooks| hooks.get_array(wanted.event));
        // By what they say: a tool writes its settings anew in a layout of its own.
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        let expected = value(&wanted.entry);
        let same = |entry: &Value<'_>| value(&text[entry.start()..entry.end()]) == expected;
        entries.is_some_and(|entries| entries.elements.iter().any(same))
    };
    Ok((wanted.iter().filter(there).count(), ours(&root, is_ours).len()))
}

/// The text with the wanted hooks; `None`: there is no file yet.
/// `with_version`: a `version` belongs beside them.
///
/// # Errors
/// The text is no settings, or has something else where hooks belong.
pub fn install(text: Option<&str>, wanted: &[Wanted], with_version: bool, is_ours: IsOurs) -> Result<String> {
    let Some(text) = text else {
        let layout = Layout { end: "\n", indent: "  ".to_owned(), base: "  ".to_owned() };
        let version = if with_version { ",\n  \"version\": 1" } else { "" };
        return Ok(format!("{{\n  \"hooks\": {}{version}\n}}\n", Layout::table(Some(&layout), wanted)));
    };
    if let Some(rest) = text.strip_prefix(MARK) {
        return install(Some(rest), wanted, with_version, is_ours).map(|text| format!("{MARK}{text}"));
    }
    if is_blank(text) {
        let new = install(None, wanted, with_version, is_ours)?;
        return Ok(format!("{WAS_THERE}{}{text}", new.trim_end()));
    }
    if count(text, wanted, is_ours)? == (wanted.len(), wanted.len()) {
        return Ok(text.to_owned());
    }
    // What an earlier version or another place of the program left goes first, and the file with it if it came with that.
    let Some(mut text) = remove(text, is_ours)? else { return install(None, wanted, with_version, is_ours) };
    if is_blank(&text) {
        return install(Some(&text), wanted, with_version, is_ours);
    }
    let root = parse(&text)?;
    if root.get("hooks").is_none() {
        let layout = Layout::of(&text, root.range.start, &child_starts(&root));
        let table = Layout::table(layout.as_ref(), wanted);
        let version = match with_version && root.get("version").is_none() {
            true => format!(",{}\"version\": 1", Layout::gap(layout.as_ref())),
            false => String::new(),
        };
        let at = Spot::of(root.range.start, root.properties.last().map(Ranged::end), layout.as_ref());
        return Ok(at.put(&text, &format!("\"hooks\": {table}{version}")));
    }
    for hook in wanted {
        let root = parse(&text)?;
        let Some(hooks) = hooks(&root) else { bail!("`hooks` is there and is no table; codi2 leaves it alone") };
        text = match hooks.get(hook.event).map(|member| &member.value) {
            None => {
                let layout = Layout::of(&text, hooks.range.start, &child_starts(hooks));
                let list = Layout::list(layout.as_ref(), hook);
                let at = Spot::of(hooks.range.start, hooks.properties.last().map(Ranged::end), layout.as_ref());
                at.put(&text, &format!("\"{}\": {list}", hook.event))
            }
            Some(Value::Array(list)) => {
                let starts: Vec<usize> = list.elements.iter().map(Ranged::start).collect();
                let layout = Layout::of(&text, list.range.start, &starts);
                let at = Spot::of(list.range.start, list.elements.last().map(Ranged::end), layout.as_ref());
                at.put(&text, &hook.entry)
            }
            Some(_) => bail!("`hooks.{}` is there and is no list; codi2 leaves it alone", hook.event),
        };
    }
    Ok(text)
}

/// The text without hooks of ours; `None` where nothing is left but what came with them.
///
/// # Errors
/// The text is no settings, with line and column.
pub fn remove(text: &str, is_ours: IsOurs) -> Result<Option<String>> {
    if let Some(rest) = text.strip_prefix(MARK) {
        return Ok(remove(rest, is_ours)?.map(|text| format!("{MARK}{text}")));
    }
    if is_blank(text) {
        return Ok(Some(text.to_owned()));
    }
    let mut text = text.to_owned();
    loop {
        let root = parse(&text)?;
        let Some((event, at)) = ours(&root, is_ours).into_iter().next_back() else { return Ok(Some(text)) };
        let (Some(hooks), Some(member)) = (hooks(&root), root.get("hooks")) else { return Ok(Some(text)) };
        let Some(list) = hooks.get_array(&event) else { return Ok(Some(text)) };
        let spans: Vec<(usize, usize)> = list.elements.iter().map(|entry| (entry.start(), entry.end())).collect();
        if spans.len() > 1 || !came_along(list.range.start, &spans) {
            text = without(&text, &spans, at, at);
            continue;
        }
        // The list came with its entry, perhaps the table with its list, the file with its table.
        let events = members(hooks);
        let which = hooks.properties.iter().position(|member| member.name.as_str() == event).unwrap_or_default();
        if events.len() > 1 || !came_along(hooks.range.start, &events) {
            text = without(&text, &events, which, which);
            continue;
        }
        let all = members(&root);
        let first = root.properties.iter().position(|other| other.range == member.range).unwrap_or_default();
        let version = root.properties.get(first + 1).filter(|next| &text[next.start()..next.end()] == "\"version\": 1");
        let last = first + usize::from(version.is_some());
        if (first, last) == (0, all.len() - 1) && came_along(root.range.start, &all) {
            let rest = text.starts_with(WAS_THERE).then(|| text[root.range.end..].to_owned());
            return Ok(rest);
        }
        text = without(&text, &all, first, last);
    }
}

/// Whether there is nothing in it but what JSON passes over.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

fn parse(text: &str) -> Result<Object<'_>> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options).map_err(|error| {
        anyhow!("line {}, column {}: {}", error.line_display(), error.column_display(), error.kind())
    })?;
    match parsed.value {
        Some(Value::Object(root)) => {
            // Of two with one name it is open which one the tool reads.
            let twice = |name: &str| bail!("`{name}` is there twice; leave one of them");
            if root.properties.iter().filter(|member| member.name.as_str() == "hooks").count() > 1 {
                return twice("hooks");
            }
            let events = hooks(&root).map_or(&[][..], |hooks| &hooks.properties);
            let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
            let again = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
            if let Some((_, name)) = again {
                return twice(&format!("hooks.{name}"));
            }
            Ok(root)
        }
        Some(_) => bail!("it is no JSON object"),
        None => bail!("it has only comments; remove it, or write {{}}"),
    }
}

fn hooks<'a, 'b>(root: &'b Object<'a>) -> Option<&'b Object<'a>> {
    root.get_object("hooks")
}

fn members(table: &Object<'_>) -> Vec<(usize, usize)> {
    table.properties.iter().map(|member| (member.start(), member.end())).collect()
}

fn child_starts(table: &Object<'_>) -> Vec<usize> {
    table.properties.iter().map(Ranged::start).collect()
}

/// Each entry of ours: its event and its number in the event's list.
fn ours(root: &Object<'_>, is_ours: IsOurs) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for member in hooks(root).into_iter().flat_map(|hooks| &hooks.properties) {
        let Value::Array(Array { elements, .. }) = &member.value else { continue };
        let at = elements.iter().enumerate().filter(|(_, entry)| holds(entry, is_ours));
        found.extend(at.map(|(at, _)| (member.name.as_str().to_owned(), at)));
    }
    found
}

/// Whether all of an entry is ours: one that a person added another handler to, of whatever kind, is theirs.
fn holds(entry: &Value<'_>, is_ours: IsOurs) -> bool {
    let Value::Object(entry) = entry else { return false };
    let is_command = |handler: &Object<'_>| handler.get_string("command").is_some_and(|text| is_ours(&text.value));
    match entry.get_array("hooks") {
        None => is_command(entry),
        Some(_) if entry.get("command").is_some() => false,
        Some(list) => {
            let mut handlers = list.elements.iter();
            !list.elements.is_empty() && handlers.all(|handler| handler.as_object().is_some_and(is_command))
        }
    }
}

/// Whether a list or table came with its only child.
fn came_along(open: usize, children: &[(usize, usize)]) -> bool {
    children.first().is_some_and(|(start, _)| *start > open + 1)
}

/// The text without the children from `first` to `last` and the comma that parted them from the others.
fn without(text: &str, children: &[(usize, usize)], first: usize, last: usize) -> String {
    let (start, end) = match (first.checked_sub(1).map(|before| children[before]), children.get(last + 1)) {
        (Some((_, before_ends)), _) => (before_ends, children[last].1),
        (None, Some((next_starts, _))) => (children[first].0, *next_starts),
        (None, None) => (children[first].0, children[last].1),
    };
    format!("{}{}", &text[..start], &text[end..])
}

/// How a list or table is written: one child a line.
struct Layout {
    /// The line's end.
    end: &'static str,
    /// One step of indentation.
    indent: String,
    /// What stands before its children.
    base: String,
}

impl Layout {
    /// Of a list or table by its children, or by the file's; `None`: all on one line.
    fn of(text: &str, open: usize, children: &[usize]) -> Option<Self> {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let last = *children.last()?;
        let before = &text[open + 1..last];
        let line = before.rfind('\n')?;
        let base: String = before[line + 1..].chars().take_while(|c| c.is_whitespace()).collect();
        let tabs = base.contains('\t');
        let steps = text.lines().map(|line| line.len() - line.trim_start_matches(' ').len()).filter(|width| *width > 0);
        let indent = if tabs { "\t".to_owned() } else { " ".repeat(steps.min().unwrap_or(2)) };
        Some(Self { end, indent, base })
    }

    fn gap(layout: Option<&Self>) -> String {
        layout.map_or_else(|| " ".to_owned(), |layout| format!("{}{}", layout.end, layout.base))
    }

    /// A table of hooks that comes with them.
    fn table(layout: Option<&Self>, wanted: &[Wanted]) -> String {
        let inner = layout.map(Self::deeper);
        let members = wanted.iter().map(|hook| format!("\"{}\": {}", hook.event, Self::list(inner.as_ref(), hook)));
        let gap = Self::gap(inner.as_ref());
        format!("{{{gap}{}{}}}", members.collect::<Vec<_>>().join(&format!(",{gap}")), Self::gap(layout))
    }

    /// A list that comes with its hook.
    fn list(layout: Option<&Self>, hook: &Wanted) -> String {
        let inner = layout.map(Self::deeper);
        format!("[{}{}{}]", Self::gap(inner.as_ref()), hook.entry, Self::gap(layout))
    }

    fn deeper(&self) -> Self {
        Self { end: self.end, indent: self.indent.clone(), base: format!("{}{}", self.base, self.indent) }
    }
}

/// Where a child goes: behind the last one, or directly behind the bracket.
struct Spot {
    at: usize,
    before: String,
}

impl Spot {
    fn of(open: usize, last: Option<usize>, layout: Option<&Layout>) -> Self {
        match last {
            None => Self { at: open + 1, before: String::new() },
            Some(end) => Self { at: end, before: format!(",{}", Layout::gap(layout)) },
        }
    }

    fn put(&self, text: &str, child: &str) -> String {
        format!("{}{}{child}{}", &text[..self.at], self.before, &text[self.at..])
    }
}

#[cfg(test)]
mod tests;
