//! YAML to a [`tree`](crate::tree): one document, plain values by YAML 1.2's core schema.
//!
//! Absent on purpose: anchors, aliases and tags, which no setting needs and which make small texts large; reading on
//! behind broken syntax, where indentation no longer says what belongs to what.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use crate::tree::{Content, Entry, Node, Parsed, Place, short};

/// Nesting that is read, at most: settings need three.
const DEPTH: usize = 16;

/// Why reading ends: place, what is wrong, what to do.
type Wrong = (Place, String, String);

struct Reader<'input> {
    parser: Parser<'input, StrInput<'input>>,
    wrong: Vec<Wrong>,
}

pub(crate) fn parse(text: &str) -> Parsed {
    let mut reader = Reader { parser: Parser::new_from_str(text), wrong: Vec::new() };
    let root = reader.document();
    let mut parsed = Parsed { entries: Vec::new(), wrong: reader.wrong };
    match root {
        Ok(None) => {}
        Ok(Some(Node { content: Content::Table(entries), .. })) => parsed.entries = entries,
        Ok(Some(node)) => {
            let found = format!("the file is {}, not a table", node.content.shown());
            parsed.wrong.push((node.at, found, "write `key: value` lines".to_owned()));
        }
        Err(wrong) => parsed.wrong.push(wrong),
    }
    parsed
}

fn place(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

fn broken(error: &ScanError) -> Wrong {
    let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
    (place, error.info().to_owned(), "correct the line or its indentation".to_owned())
}

impl<'input> Reader<'input> {
    /// The only document; none where the text holds nothing.
    fn document(&mut self) -> Result<Option<Node>, Wrong> {
        let mut root = None;
        loop {
            match self.next()? {
                None | Some((Event::StreamEnd, _)) => return Ok(root),
                Some((Event::DocumentStart(_), span)) if root.is_some() => {
                    let found = "a second document begins here".to_owned();
                    self.wrong.push((place(span), found, "keep one document in the file".to_owned()));
                    return Ok(root);
                }
                Some((Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd, _)) => {}
                Some((event, span)) => {
                    let node = self.node(event, span, 0)?;
                    // A document of comments alone is one empty value.
                    root = (node.content != empty()).then_some(node);
                }
            }
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'input>, Span)>, Wrong> {
        self.parser.next_event().transpose().map_err(|error| broken(&error))
    }

    /// The next event; the text never ends inside a value.
    fn inside(&mut self) -> Result<(Event<'input>, Span), Wrong> {
        let ends = || (Place { line: 1, column: 1 }, "the text ends too early".to_owned(), "complete it".to_owned());
        self.next()?.ok_or_else(ends)
    }

    fn node(&mut self, event: Event<'input>, span: Span, depth: usize) -> Result<Node, Wrong> {
        let at = place(span);
        if depth > DEPTH {
            return Err((at, format!("nested deeper than {DEPTH}"), "write it flat".to_owned()));
        }
        let (anchor, tagged) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            Event::Alias(_) => (1, false),
            _ => (0, false),
        };
        if anchor != 0 || tagged {
            let found = if tagged { "a tag (`!`)" } else { "an anchor (`&`) or alias (`*`)" };
            let todo = "write the value itself; a glob that begins with one of these needs quotes";
            self.wrong.push((at, format!("{found} is not taken here"), todo.to_owned()));
        }
        let content = match event {
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::SequenceStart(..) => {
                let mut list = Vec::new();
                loop {
                    match self.inside()? {
                        (Event::SequenceEnd, _) => break Content::List(list),
                        (event, span) => list.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => Content::Table(self.table(depth)?),
            _ => empty(),
        };
        Ok(Node { at, content })
    }

    fn table(&mut self, depth: usize) -> Result<Vec<Entry>, Wrong> {
        let (mut entries, mut seen) = (Vec::<Entry>::new(), HashMap::<String, Place>::new());
        loop {
            let (event, span) = match self.inside()? {
                (Event::MappingEnd, _) => return Ok(entries),
                other => other,
            };
            let name = match &event {
                Event::Scalar(text, ..) => Some(text.to_string()),
                _ => None,
            };
            let at = self.node(event, span, depth + 1)?.at;
            let (event, span) = self.inside()?;
            let value = self.node(event, span, depth + 1)?;
            match name {
                None => self.wrong.push((at, "a key that is no text".to_owned(), "write `key: value`".to_owned())),
                Some(key) => match seen.get(&key) {
                    Some(first) => {
                        let found = format!("`{}` is given twice, first in line {}", short(&key), first.line);
                        self.wrong.push((at, found, "keep one of them".to_owned()));
                    }
                    None => {
                        seen.insert(key.clone(), at);
                        entries.push(Entry { key, at, value });
                    }
                },
            }
        }
    }
}

fn empty() -> Content {
    Content::Other("nothing", String::new())
}

fn scalar(text: &str, style: ScalarStyle) -> Content {
    if style != ScalarStyle::Plain {
        return Content::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return empty(),
        "true" | "True" | "TRUE" => return Content::Bool(true),
        "false" | "False" | "FALSE" => return Content::Bool(false),
        _ => {}
    }
    let (sign, digits) = text.strip_prefix(['-', '+']).map_or(("", text), |rest| (&text[..1], rest));
    let radix = [("0x", 16), ("0o", 8)].into_iter().find_map(|(mark, radix)| Some((text.strip_prefix(mark)?, radix)));
    if let Some((digits, radix)) = radix
        && let Ok(number) = i128::from_str_radix(digits, radix)
    {
        return Content::Whole(number);
    }
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = digits.parse().unwrap_or(i128::MAX);
        return Content::Whole(if sign == "-" { -number } else { number });
    }
    let numeric = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if numeric && text.parse::<f64>().is_ok() {
        return Content::Other("a number that is not whole", text.to_owned());
    }
    Content::Text(text.to_owned())
}
