//! Where what is new of pieces of a text stands in another text, as it is or as a formatter leaves it.
//!
//! A piece that stands there to the letter is found so. Of any other one its runs of words are found that fill a whole line
//! of the text or of the piece: a formatter breaks and joins lines and sets marks, and leaves the words and their order.
//! Absent on purpose: any likeness beyond that, and whether somebody else had the same words.

use std::collections::HashMap;
use std::ops::Range;

use crate::piece::Piece;
use crate::tokens::tokens;

/// Words that are compared for all pieces together, at most.
const COMPARED: usize = 1 << 20;
/// Bytes that are searched for a whole piece as fast as one word is compared.
const BYTES_A_WORD: usize = 64;

/// The bytes of `text` that stand in one of the pieces, and are new there, ascending, with the marks and blanks up to the next
/// words on either side. Absent where that would take too long to tell.
pub fn standing(text: &str, pieces: &[Piece]) -> Option<Vec<Range<usize>>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let (mut own, mut left) = (None, COMPARED);
    for piece in pieces.iter().filter(|piece| !piece.text().trim().is_empty()) {
        left = left.checked_sub(text.len() / BYTES_A_WORD)?;
        let mut is_there = false;
        for (at, _) in text.match_indices(piece.text()) {
            left = left.checked_sub(piece.new_bytes().len().max(1))?;
            found.extend(piece.new_bytes().iter().map(|new| at + new.start..at + new.end));
            is_there = true;
        }
        for new in piece.new_bytes().iter().filter(|_| !is_there) {
            let own = own.get_or_insert_with(|| Words::of(text));
            found.extend(own.runs_of(&Words::of(&piece.text()[new.clone()]), &mut left)?);
        }
    }
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let begin = |at: usize| text[..at].char_indices().rev().find(|(_, one)| is_of_word(*one));
    let end = |at: usize| text[at..].find(is_of_word).map_or(text.len(), |by| at + by);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in found {
        // Only what no range before has is looked at: many may stand between the same two words.
        match joined.last_mut().filter(|last| range.start <= last.end) {
            Some(last) if range.end > last.end => last.end = end(range.end),
            Some(_) => {}
            None => joined.push(begin(range.start).map_or(0, |(at, one)| at + one.len_utf8())..end(range.end)),
        }
    }
    Some(joined)
}

fn is_of_word(one: char) -> bool {
    one == '_' || one.is_alphanumeric()
}

/// The words of a text.
struct Words<'a> {
    /// Where each begins.
    words: Vec<(usize, &'a str)>,
    /// Which of them each line holds that holds any.
    lines: Vec<Range<usize>>,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        let mut found = Self { words: Vec::new(), lines: Vec::new() };
        let (mut at, mut first) = (0, 0);
        for token in tokens(text) {
            if token.starts_with(is_of_word) {
                found.words.push((at, token));
            } else if matches!(token, "\n" | "\r") && first < found.words.len() {
                found.lines.push(first..found.words.len());
                first = found.words.len();
            }
            at += token.len();
        }
        if first < found.words.len() {
            found.lines.push(first..found.words.len());
        }
        found
    }

    /// Whether these words are a whole line, or more.
    fn fill(&self, words: &Range<usize>) -> bool {
        let next = self.lines.partition_point(|line| line.start < words.start);
        self.lines.get(next).is_some_and(|line| line.end <= words.end)
    }

    /// The bytes of the longest runs of words that stand in the piece, too, and fill a line of either; `left`: how many words
    /// may still be compared.
    fn runs_of(&self, piece: &Words<'_>, left: &mut usize) -> Option<Vec<Range<usize>>> {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, (_, word)) in piece.words.iter().enumerate() {
            places.entry(word).or_default().push(number);
        }
        let (mut runs, mut at) = (Vec::new(), 0);
        while let Some((begin, word)) = self.words.get(at) {
            let mut longest = 0;
            for &place in places.get(word).into_iter().flatten() {
                let pairs = self.words[at..].iter().zip(&piece.words[place..]);
                let len = pairs.take_while(|((_, one), (_, other))| one == other).count();
                *left = left.checked_sub(len)?;
                if len > longest && (self.fill(&(at..at + len)) || piece.fill(&(place..place + len))) {
                    longest = len;
                }
            }
            if let Some((last, word)) = longest.checked_sub(1).and_then(|more| self.words.get(at + more)) {
                runs.push(*begin..last + word.len());
            }
            at += longest.max(1);
        }
        Some(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, pieces: &[&str]) -> Vec<String> {
        let pieces: Vec<Piece> = pieces.iter().map(|piece| Piece::from(*piece)).collect();
        standing(text, &pieces).unwrap().into_iter().map(|range| text[range].to_owned()).collect()
    }

    #[test]
    fn table() {
        for (name, text, pieces, expected) in [
            ("to the letter", "one\ntwo three\nfour\n", &["two three"][..], &["\ntwo three\n"][..]),
            ("a part of a word", "one unbound two\n", &["bound"], &["bound "]),
            ("everywhere", "a = 1\nb = 2\na = 1\n", &["a = 1\n"], &["a = 1\n", "\na = 1\n"]),
            ("nowhere", "one\ntwo\n", &["three", " ", ""], &[]),
            ("other quotes and a line end", "x\n  say(\"hi\");\ny\n", &["say('hi')"], &["\n  say(\"hi\");\n"]),
            ("broken", "x\nf(\n  alpha,\n  beta,\n);\ny\n", &["f(alpha, beta)"], &["\nf(\n  alpha,\n  beta,\n);\n"]),
            ("joined", "x\nf(alpha, beta)\ny\n", &["f(\n  alpha,\n  beta\n)"], &["\nf(alpha, beta)\n"]),
            ("with other line ends", "x\r\none two\r\nthree\r\n", &["one two\nthree\n"], &["\r\none two\r\nthree\r\n"]),
            (
                "in part",
                "one two\nstranger here\nthree four\n",
                &["one two\nthree four\n"],
                &["one two\n", "\nthree four\n"],
            ),
            ("words of a line that is another", "two\nalpha gamma beta\n", &["alpha beta"], &[]),
            ("two pieces side by side", "one\ntwo\nthree\n", &["one", "two"], &["one\ntwo\n"]),
            ("a patch", "a\nb new\nc\n", &["@@\n a\n+b new\n c\n"], &["a\nb new\nc\n"]),
            ("only marks", "f(x)\n});\ny\n", &["});"], &[")\n});\n"]),
        ] {
            assert_eq!(found(text, pieces), expected, "{name}");
        }
    }

    #[test]
    fn what_a_piece_repeats_is_not_found() {
        let piece = [Piece::instead_of("stood\nbelow\n", "stood\nthe new\nbelow\n".to_owned())];
        for (name, text, expected) in [
            ("to the letter", "x\nstood\nthe new\nbelow\n", &["\nthe new\n"][..]),
            ("in other words", "stood\n\"the\" new;\nsomebody's\nbelow\n", &["\n\"the\" new;\n"]),
            ("what it repeats alone", "stood\nbelow\n", &[]),
        ] {
            let found = standing(text, &piece).unwrap();
            assert_eq!(found.into_iter().map(|range| &text[range]).collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn work_is_bounded() {
        let standing = |text: &str, piece: &str| standing(text, &[Piece::from(piece)]);
        let text = "a ".repeat(10_000);
        assert_eq!(standing(&text, &format!("{text}b")), None, "every word may stand anywhere");
        let lines: String = (0..100_000).map(|number| format!("line number {number}\n")).collect();
        let piece = lines.replace("number 7\n", "number seven\n");
        assert_eq!(standing(&lines, &piece).map(|found| found.len()), Some(2));
        // Between the same two words: each of them is looked at once.
        let marks = format!("a {} b", ". ".repeat(400_000));
        assert_eq!(standing(&marks, "."), Some(std::iter::once(1..marks.len() - 1).collect()));
        assert_eq!(standing(&marks.repeat(3), "."), None);
    }
}
