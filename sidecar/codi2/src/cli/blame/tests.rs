//! Blame against a played hub: text and owners belong together, failures have words and codes, columns align.

use super::*;
use codi2_protocol::{Actor, ActorKind, Class, EvidenceKind, HubError, Notice, Owner, Span, Verdict};
use codi2_workspace::past::{BlamedCommit, BlamedLine};

/// A hub that answers with owners, in the digest given or the one asked for.
struct Played {
    answers: Vec<Result<OwnersReply, ErrorCode>>,
    asked: usize,
}

impl Hub for Played {
    fn call(&mut self, call: Call) -> Result<Reply, LinkError> {
        let Call::Owners { digest: None, .. } = call else { panic!("{call:?}") };
        self.asked += 1;
        match self.answers.remove(0) {
            Ok(reply) => Ok(Reply::Owners(reply)),
            Err(code) => Err(HubError { code, message: "no".into() }.into()),
        }
    }
    fn news(&mut self) -> Result<Notice, LinkError> {
        panic!("nobody follows")
    }
}

fn reply(of: &[u8], text: Option<&str>) -> OwnersReply {
    let owners = vec![Owner {
        verdict: Verdict::new(Actor::named(ActorKind::Person, "Ada"), Class::Inferred, EvidenceKind::Keystrokes, ""),
        at_ms: Some(0),
        event: None,
    }];
    let len = text.map_or(of.len(), str::len) as u64;
    OwnersReply {
        digest: Digest::new(codi2_text::digest_of(of)),
        spans: vec![Span { len, owner: 0 }],
        owners,
        text: text.map(str::to_owned),
    }
}

fn asked(
    path: &Path,
    buffer: bool,
    answers: Vec<Result<OwnersReply, ErrorCode>>,
) -> (Result<String, (u8, String)>, usize) {
    let mut hub = Played { answers, asked: 0 };
    let (_, file) = locate(path).unwrap();
    let result = owners(&mut hub, path, &file, buffer);
    let result = result
        .map(|(content, _)| content.text)
        .map_err(|error| (crate::cli::failure::exit_code(&error), format!("{error:#}")));
    (result, hub.asked)
}

#[test]
fn the_text_and_its_owners_belong_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rs");
    std::fs::write(&path, "one\n").unwrap();
    // The hub saw the file later than we did: asked again until both mean the same bytes.
    let (result, times) = asked(&path, false, vec![Ok(reply(b"other", None)), Ok(reply(b"one\n", None))]);
    assert_eq!((result.unwrap().as_str(), times), ("one\n", 2));
    let (result, times) = asked(&path, false, vec![Ok(reply(b"other", None)); 9]);
    assert!(result.unwrap_err().1.contains("keeps changing"));
    assert_eq!(times, ATTEMPTS as usize);
    // The unsaved text comes with the answer.
    let (result, _) = asked(&path, true, vec![Ok(reply(b"unsaved", Some("unsaved")))]);
    assert_eq!(result.unwrap(), "unsaved");
    let (result, _) = asked(&path, true, vec![Ok(reply(b"one\n", None))]);
    assert_eq!(result.unwrap(), "one\n");
    let (result, _) = asked(&path, true, vec![Ok(reply(b"long", None))]);
    assert!(result.unwrap_err().1.contains("too long"));
}

#[test]
fn each_failure_has_its_words_and_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rs");
    assert_eq!(asked(&path, false, vec![]).0.unwrap_err().0, 3);
    assert!(asked(&path, false, vec![]).0.unwrap_err().1.contains("does not exist"));
    std::fs::write(&path, "one\n").unwrap();
    assert_eq!(asked(&path, false, vec![Err(ErrorCode::NotFound)]).0.unwrap_err().0, 3);
    assert_eq!(asked(&path, false, vec![Err(ErrorCode::Store)]).0.unwrap_err().0, 1);
    std::fs::write(&path, "a\0b").unwrap();
    assert!(asked(&path, false, vec![]).0.unwrap_err().1.contains("not text"));
    assert_eq!(crate::cli::failure::exit_code(&locate(folder.path()).unwrap_err()), 2);
}

#[test]
fn a_mark_or_latin_1_is_no_other_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    for (bytes, text) in [(&b"\xef\xbb\xbfmark\n"[..], "mark\n"), (b"caf\xe9\n", "café\n")] {
        std::fs::write(&path, bytes).unwrap();
        for known_by in [bytes, text.as_bytes()] {
            assert_eq!(asked(&path, false, vec![Ok(reply(known_by, None))]).0.unwrap(), text);
        }
    }
}

#[test]
fn columns_are_aligned_and_hostile_names_stay_in_theirs() {
    let now: Zoned = "2026-11-22T12:00:00+00:00[UTC]".parse().unwrap();
    let owner = |kind, name: &str, at_ms| Owner {
        verdict: Verdict::new(Actor::named(kind, name), Class::Inferred, EvidenceKind::Keystrokes, ""),
        at_ms,
        event: None,
    };
    let owners = vec![
        owner(ActorKind::Person, "Ada", Some(60_000)),
        owner(ActorKind::Git, "git", None),
        owner(ActorKind::Agent, "e\x1b[2Jvil\nname that goes on and on and on", None),
    ];
    let text = "a\r\n\rbb\n c";
    let spans = [(3, 0), (4, 1), (2, 2)].map(|(len, owner)| Span { len, owner }).to_vec();
    let reply = OwnersReply { digest: Digest::new([0; 32]), spans, owners, text: None };
    let mut view = view::view("f", &Text::new(text), &reply).unwrap();
    view.lines[2].commit = Some("1a2b3c4d5e6f".into());
    let (texts, on) = lines(text);
    assert_eq!(on, [0, 1, 1, 2], "git ends lines at line feeds alone");
    let whole = Whole { view, texts, on, blamed: None };
    assert_eq!(
        columns(&whole, &now),
        [
            "person Ada                        inferred   1970-01-01 00:01  -         1  a",
            "git                               inferred   -                 -         2",
            "git                               inferred   -                 1a2b3c4d  3  bb",
            "agent e\\x1b[2Jvil\\nname that go…  inferred   -                 -         4   c",
        ]
    );
}

const COMMIT: &str = "1111111111111111111111111111111111111111";

/// A file of which git says: two committed lines, a new one between them.
fn whole(text: &str, owners: Vec<Owner>, spans: &[(u64, u32)]) -> Whole {
    let line = |line: u32, original, commit| {
        let text = text.split('\n').nth(line as usize - 1).unwrap_or_default().as_bytes().to_vec();
        BlamedLine { line, original, commit, path: 0, previous: None, text }
    };
    let headers = ["author A\x1b[31mda", "author-mail <ada@x>", "summary one"];
    let blamed = Blamed {
        digits: 40,
        commits: vec![
            BlamedCommit {
                commit: Some(COMMIT.into()),
                headers: headers.map(|header| header.as_bytes().to_vec()).to_vec(),
                boundary: true,
            },
            BlamedCommit {
                commit: None,
                headers: vec![b"author External file (--contents)".to_vec()],
                boundary: false,
            },
        ],
        paths: vec!["caf%E9".into()],
        names: vec![b"\"caf\\351\"".to_vec()],
        lines: vec![line(1, 4, 0), line(2, 2, 1), line(3, 5, 0)],
    };
    let spans = spans.iter().map(|&(len, owner)| Span { len, owner }).collect();
    let reply = OwnersReply { digest: Digest::new([0; 32]), spans, owners, text: None };
    let view = view::view("caf%E9", &Text::new(text), &reply).unwrap();
    let (texts, on) = lines(text);
    Whole { view, texts, on, blamed: Some(blamed) }
}

#[test]
fn line_porcelain_has_gits_headers_and_ours() {
    let known = |kind, name: &str, class| Owner {
        verdict: Verdict::new(Actor::named(kind, name), class, EvidenceKind::Keystrokes, ""),
        at_ms: Some(0),
        event: None,
    };
    let owners = vec![known(ActorKind::Person, "Ada", Class::Inferred), Owner::before_codi2()];
    let mut whole = whole("old\r\nnew\rer\nold too\n", owners, &[(5, 1), (7, 0), (8, 1)]);
    whole.view.lines[1].owned.mixed = true;
    let page = crate::cli::printer::tests::Page::default();
    porcelain::print(&whole, 40, &mut Printer::to(page.clone(), Format::Human)).unwrap();
    let old = |number: u32, group: &str| {
        format!(
            "{COMMIT} {} {number}{group}\nauthor A\\x1b[31mda\nauthor-mail <ada@x>\nsummary one\nboundary\n\
             codi2-kind unknown\ncodi2-class unknown\ncodi2-evidence there at first sight\nfilename \"caf\\351\"\n",
            if number == 1 { 4 } else { 5 }
        )
    };
    let new = format!(
        "{} 2 2 1\nauthor External file (--contents)\ncodi2-kind person\ncodi2-name Ada\ncodi2-class inferred\n\
         codi2-mixed\ncodi2-time 1970-01-01T00:00:00.000Z\ncodi2-evidence keystrokes\nfilename \"caf\\351\"\n",
        "0".repeat(40)
    );
    let expected = format!("{}\told\n{new}\tnew\\rer\n{}\told too\n", old(1, " 1"), old(3, " 1"));
    assert_eq!(page.text(), expected);
}
