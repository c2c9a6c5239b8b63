//! Layout against content, and what a formatter kept.

use proptest::prelude::*;

use super::*;
use crate::samples::{edited_text, text};

#[test]
fn layout_is_white_space_between_tokens_and_nothing_else() {
    for (old, new, equal) in [
        ("", "", true),
        ("", " \n\r\n\t", true),
        ("f(a,b)", "f( a, b )", true),
        ("if x { y }", "if x {\n    y\n}\n", true),
        ("a\r\nb\rc", "a\nb\nc\n", true),
        ("<'a,'b>", "<'a, 'b>", true),
        ("\u{feff}a", "a", true),
        ("a b", "ab", false),
        ("ab", "a b", false),
        ("a", "b", false),
        ("a", "a b", false),
        ("f(a, b)", "f(a, b,)", false), // a trailing comma
        ("'a'", "\"a\"", false),        // other quotes
        // Blanks in a string are content.
        ("x = \"a b\"", "x = \"a  b\"", false),
        ("x=\"a b\"", "x = \"a b\"", true),
        ("f(\"a\",\"b\")", "f(\"a\", \"b\")", true),
        ("x = \"a \\\" b\"", "x = \"a \\\"  b\"", false),
        // A mark that does not close on its line opens nothing.
        ("5\" wide\nb", "5\"  wide\n\nb", true),
    ] {
        assert_eq!(tokens_equal(old, new), equal, "{old:?} {new:?}");
        assert_eq!(tokens_equal(new, old), equal, "{new:?} {old:?}");
    }
}

/// The kept runs as "text" joined by "|".
fn kept(old: &str, new: &str, limits: &Limits) -> String {
    let kept = align_tokens(old, new, limits);
    let told = |kept: &Kept| new[kept.new_at..kept.new_at + kept.len].escape_debug().to_string();
    kept.iter().map(told).collect::<Vec<_>>().join("|")
}

#[test]
fn a_formatter_keeps_tokens() {
    for (old, new, expected) in [
        ("", "", ""),
        ("a b c", "a b c", "a b c"),
        ("f(a,b)", "f(a, b)", "f(a,|b)"),
        // Broken over lines, with a trailing comma.
        ("f(a, b)", "f(\n    a,\n    b,\n)", "f(|a,|b|)"),
        // Other quotes, a semicolon.
        ("x = 'a b'", "x = \"a b\";", "x =|a b"),
        // Joined lines; other indent.
        ("f(\n  a\n)\n", "f(a)\n", "f(|a|)"),
        ("  a;\n  b;\n", "    a;\n    b;\n", "a;|b;"),
        ("a", "b", ""),
    ] {
        assert_eq!(kept(old, new, &Limits::default()), expected, "{old:?} -> {new:?}");
    }
    let small = Limits { line_bytes: 4, ..Limits::default() };
    assert_eq!(kept("f(a,b)", "f(a, b)", &small), "f(a,|b)", "above the limits: the ends");
    assert_eq!(kept("x", "yyyyyy", &small), "");
}

/// The owners of `new` byte by byte after a formatter `F`, from those of `old`.
fn carried(old: &str, owners: &str, new: &str) -> String {
    let tree = OwnerTree::from_spans(owners.chars().map(|owner| (1, owner)));
    assert_eq!(tree.len(), old.len());
    let carried = carry_aligned(new, &align_tokens(old, new, &Limits::default()), &tree, 'F');
    assert_eq!(carried.len(), new.len());
    carried.iter().flat_map(|(len, owner)| std::iter::repeat_n(owner, len)).collect()
}

#[test]
fn kept_tokens_keep_their_owner_and_only_additions_are_the_formatters() {
    for (old, owners, new, expected) in [
        ("f(a,b)", "AAABBA", "f(a, b)", "AAABBBA"),
        ("f(a,b)", "AAABBA", "f(\n  a,\n  b,\n)", "AAAAAABBBBBFBA"),
        ("a", "A", "  a", "AAA"),
        ("a\nb", "AAB", "a;\nb;\n", "AFABFB"),
        ("'a'", "AAA", "\"a\"", "FAF"),
        ("a", "A", "", ""),
        ("", "", "a b", "FFF"),
        ("a  b", "AAAB", "a b", "AAB"),
    ] {
        assert_eq!(carried(old, owners, new), expected, "{old:?} -> {new:?}");
    }
}

#[test]
fn a_large_file_broken_anew_keeps_all_its_tokens() {
    let line = "call(first, second, third);";
    let old = format!("{line}\n").repeat(2_000);
    let new = "call(\n    first,\n    second,\n    third,\n);\n".repeat(2_000);
    let tree = OwnerTree::new(old.len(), 'A');
    let carried = carry_aligned(&new, &align_tokens(&old, &new, &Limits::default()), &tree, 'F');
    let added: usize = carried.iter().filter(|(_, owner)| *owner == 'F').map(|(len, _)| len).sum();
    assert_eq!(added, 2_000, "one comma per call");
}

proptest! {
    #[test]
    fn tokens_are_the_text(piece in text(40)) {
        prop_assert_eq!(tokens(&piece).collect::<String>(), piece);
    }

    #[test]
    fn kept_bytes_are_equal_and_ascending((old, new) in prop_oneof![edited_text(), (text(40), text(40))]) {
        let (mut old_end, mut new_end) = (0, 0);
        let kept = align_tokens(&old, &new, &Limits::default());
        for run in &kept {
            prop_assert!(run.len > 0 && run.new_at >= new_end && run.old_at >= old_end);
            (old_end, new_end) = (run.old_at + run.len, run.new_at + run.len);
            prop_assert_eq!(&old[run.old_at..old_end], &new[run.new_at..new_end]);
        }
        let tree = OwnerTree::new(old.len(), 'A');
        prop_assert_eq!(carry_aligned(&new, &kept, &tree, 'F').len(), new.len());
    }

    #[test]
    fn equal_tokens_are_all_kept(piece in text(40), blanks in prop::collection::vec("[ \n\t]{0,2}", 60)) {
        // The same tokens with other blanks: no string marks, whose blanks are content.
        let piece = piece.replace('"', "'");
        let solid: Vec<&str> = solid_tokens(&piece).into_iter().map(|(_, token)| token).collect();
        let new: String = solid.iter().zip(blanks.iter().cycle()).flat_map(|(token, blank)| [*token, " ", blank]).collect();
        prop_assert!(tokens_equal(&piece, &new));
        let owners = carry_aligned(&new, &align_tokens(&piece, &new, &Limits::default()), &OwnerTree::new(piece.len(), 'A'), 'F');
        prop_assert!(owners.iter().all(|(_, owner)| owner == 'A'));
    }
}
