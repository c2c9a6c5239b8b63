//! The one door to a terminal: every line for people or programs leaves through [`Printer`], escaped.
//!
//! Text from outside (file names, actors' names, source text, errors of other programs) may hold control sequences,
//! text that reorders what is shown, or characters nobody sees. All of it is shown as `\x1b` or `\u{202e}`. In JSON
//! the same characters become `\uXXXX`, so the document stays valid and its value the same.
//! Absent on purpose: raw writes; colour, since the door could no longer tell ours from theirs.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::args::Format;

/// Nobody reads our output any more: the command ends quietly.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub struct OutputClosed;

/// Standard output, escaped.
pub struct Printer {
    format: Format,
    out: Box<dyn Write>,
}

impl Printer {
    /// To standard output; without a format given: human on a terminal, compact elsewhere.
    pub fn stdout(format: Option<Format>) -> Self {
        let out = io::stdout();
        let format = format.unwrap_or(if out.is_terminal() { Format::Human } else { Format::Compact });
        Self { format, out: Box::new(io::BufWriter::new(out)) }
    }

    /// To any writer, for tests.
    #[cfg(test)]
    pub fn to(out: impl Write + 'static, format: Format) -> Self {
        Self { format, out: Box::new(out) }
    }

    /// The format asked for.
    pub fn format(&self) -> Format {
        self.format
    }

    /// One line of prose or columns. A tab stays, a line end inside is shown.
    pub fn line(&mut self, text: &str) -> anyhow::Result<()> {
        let escaped = escape(text, Tabs::Keep);
        self.write(escaped.as_bytes())?;
        self.write(b"\n")
    }

    /// One compact record: fields parted by tabs. Tabs, line ends and backslashes inside a field are escaped, so the
    /// record can be taken apart again.
    pub fn fields(&mut self, fields: &[&str]) -> anyhow::Result<()> {
        for (i, field) in fields.iter().enumerate() {
            if i > 0 {
                self.write(b"\t")?;
            }
            self.write(escape(&field.replace('\\', "\\\\"), Tabs::Escape).as_bytes())?;
        }
        self.write(b"\n")
    }

    /// One JSON document on one line, its keys in the order of the type's fields.
    pub fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let json = json(value)?;
        self.write(json.as_bytes())?;
        self.write(b"\n")
    }

    /// One piece of a JSON array that is printed while it is read: `first` opens it, `None` closes it.
    pub fn json_item<T: Serialize>(&mut self, first: bool, item: Option<&T>) -> anyhow::Result<()> {
        let (open, text) = (if first { "[" } else { "" }, item.map(json).transpose()?);
        let piece = match (first, text) {
            (true, Some(text)) => format!("{open}\n{text}"),
            (false, Some(text)) => format!(",\n{text}"),
            (true, None) => "[]\n".to_owned(),
            (false, None) => "\n]\n".to_owned(),
        };
        self.write(piece.as_bytes())
    }

    /// Hands over what is buffered; commands that follow something call it after each batch.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.out.flush().map_err(closed)
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.out.write_all(bytes).map_err(closed)
    }
}

fn closed(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        OutputClosed.into()
    } else {
        anyhow::Error::new(error).context("standard output cannot be written")
    }
}

/// One line on standard error, escaped. Failure to write it changes nothing.
pub fn complain(text: &str) {
    let mut err = io::stderr().lock();
    for line in text.lines() {
        let _ = writeln!(err, "{}", escape(line, Tabs::Keep));
    }
}

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string(value)?;
    if !text.contains(hostile) {
        return Ok(text);
    }
    // Outside strings JSON is ASCII without control characters, so whatever is replaced stands inside a string.
    let mut out = String::with_capacity(text.len() + 32);
    for c in text.chars() {
        if hostile(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

/// What happens to a tab.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tabs {
    /// It stays: in lines for people it moves the cursor to the right and does nothing else.
    Keep,
    /// It is shown as `\t`: in compact records it parts fields.
    Escape,
}

/// The text with everything shown that a terminal would act on, reorder or hide.
pub fn escape(text: &str, tabs: Tabs) -> Cow<'_, str> {
    let acts = |c: char| hostile(c) && !(c == '\t' && tabs == Tabs::Keep);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !acts(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
        }
    }
    Cow::Owned(out)
}

/// Control characters, line separators, bidirectional controls, and everything Unicode says is drawn as nothing
/// (`Default_Ignorable_Code_Point`), which is where text is hidden.
fn hostile(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A writer whose bytes the test can read afterwards.
    #[derive(Clone, Default)]
    pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        /// What was written.
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(format: Format, with: impl FnOnce(&mut Printer)) -> String {
        let page = Page::default();
        with(&mut Printer::to(page.clone(), format));
        page.text()
    }

    /// Each hostile text and how a person sees it.
    const NAUGHTY: &[(&str, &str)] = &[
        ("plain äöü 漢字 🦀 👩", "plain äöü 漢字 🦀 👩"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b]52;c;ZXZpbA==\x1b\\", "\\x1b]52;c;ZXZpbA==\\x1b\\"),
        ("\u{9b}31m", "\\x9b31m"),
        ("\u{9d}0;x\u{9c}", "\\x9d0;x\\x9c"),
        ("\u{85}next", "\\x85next"),
        ("a\rb", "a\\rb"),
        ("a\nb", "a\\nb"),
        ("a\u{8}\u{8}b", "a\\x08\\x08b"),
        ("nul\0del\x7f", "nul\\x00del\\x7f"),
        ("user\u{202e}gnp.exe", "user\\u{202e}gnp.exe"),
        ("\u{2066}if\u{2069}\u{061c}\u{200e}\u{200f}", "\\u{2066}if\\u{2069}\\u{61c}\\u{200e}\\u{200f}"),
        ("ze\u{200b}ro\u{200d}\u{2060}\u{feff}", "ze\\u{200b}ro\\u{200d}\\u{2060}\\u{feff}"),
        ("soft\u{ad}hyphen", "soft\\xadhyphen"),
        ("line\u{2028}sep\u{2029}", "line\\u{2028}sep\\u{2029}"),
        ("tag\u{e0041}\u{e007f}", "tag\\u{e0041}\\u{e007f}"),
        ("vs\u{fe0f}\u{e0100}", "vs\\u{fe0f}\\u{e0100}"),
        ("filler\u{3164}\u{115f}\u{ffa0}", "filler\\u{3164}\\u{115f}\\u{ffa0}"),
        ("annotate\u{fff9}\u{fffa}\u{fffb}", "annotate\\u{fff9}\\u{fffa}\\u{fffb}"),
        ("kept \u{fffd}", "kept \u{fffd}"),
    ];

    #[test]
    fn hostile_text_is_shown_in_lines_and_fields_and_kept_in_json() {
        for (text, shown) in NAUGHTY {
            assert_eq!(printed(Format::Human, |p| p.line(text).unwrap()), format!("{shown}\n"));
            let fields = printed(Format::Compact, |p| p.fields(&[text, "z"]).unwrap());
            assert_eq!(fields.matches('\t').count(), 1, "{text:?}");
            assert!(!fields.trim_end_matches('\n').contains(|c| hostile(c) && c != '\t'), "{fields:?}");
            let json = printed(Format::Json, |p| p.json(text).unwrap());
            assert!(!json.trim_end_matches('\n').contains(hostile), "{json:?}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), *text);
        }
    }

    #[test]
    fn no_character_that_rust_calls_a_control_passes() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| c.is_control()) {
            assert!(hostile(c), "{:x}", c as u32);
        }
    }

    #[test]
    fn tabs_align_lines_and_part_fields() {
        assert_eq!(printed(Format::Human, |p| p.line("a\tb").unwrap()), "a\tb\n");
        assert_eq!(printed(Format::Compact, |p| p.fields(&["a\tb", "c\\d", ""]).unwrap()), "a\\tb\tc\\\\d\t\n");
    }

    #[test]
    fn an_array_printed_by_pieces_is_one_document() {
        for count in 0..3 {
            let text = printed(Format::Json, |p| {
                for i in 0..count {
                    p.json_item(i == 0, Some(&i)).unwrap();
                }
                p.json_item::<i32>(count == 0, None).unwrap();
            });
            assert_eq!(serde_json::from_str::<Vec<i32>>(&text).unwrap(), (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_closed_pipe_is_told_apart_from_a_full_disk() {
        struct Fails(io::ErrorKind);
        impl Write for Fails {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let fate = |kind| Printer::to(Fails(kind), Format::Human).line("x").unwrap_err().is::<OutputClosed>();
        assert!(fate(io::ErrorKind::BrokenPipe));
        assert!(!fate(io::ErrorKind::StorageFull));
    }
}
