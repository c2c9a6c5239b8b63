//! The shipped catalogue, and surroundings read by it: a table of cases (`cases.txt`), and the rules that hold for all.

use std::collections::BTreeMap;
use std::path::Path;

use codi2_protocol::{ActorKind, Process};
use proptest::prelude::*;

use super::catalogue::{folded, is_machine_mark};
use super::*;

fn document(text: &str) -> Result<Document, codi2_config::Mistake> {
    codi2_config::data(Path::new("ai-tools.toml"), text)
}

fn shipped() -> Catalogue {
    Catalogue::of(document(SHIPPED).unwrap()).unwrap_or_else(|wrong| panic!("{wrong:#?}"))
}

/// One case: `;` parts what is there. `NAME=value` is a variable, `< PATH ARGS` the next process above (one that has the
/// variables named before it), `tty` a terminal's foreground, `mcp`, `editor`, `extension`, `trailer`, `footer`,
/// `subject`, `author`, `committer`, `machine` what they say.
fn surroundings(case: &str) -> Surroundings {
    let mut seen = Surroundings::default();
    let mut body = vec!["Change a line".to_owned(), String::new()];
    for part in case.split(" ; ").map(str::trim).filter(|part| !part.is_empty()) {
        let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
        let signature = || seen.signature.clone().unwrap_or_default();
        match word {
            "tty" => seen.terminal = true,
            "<" => {
                let args: Vec<String> = rest.split(' ').map(str::to_owned).collect();
                let pid = 100 - seen.ancestors.len() as u32;
                let process = Process { pid, start: Some(u64::from(pid)) };
                // Who comes later in the line is further up, and was there before what follows it was set.
                seen.ancestors.push(Ancestor { process, program: args[0].clone(), args, env: Some(BTreeMap::new()) });
            }
            "mcp" => seen.mcp_client = Some(rest.to_owned()),
            "editor" => seen.editor.get_or_insert_default().name = rest.to_owned(),
            "extension" => seen.editor.get_or_insert_default().extensions.push(rest.to_owned()),
            "machine" => drop(seen.machine_marks.insert(rest.to_owned())),
            "trailer" | "footer" => {
                body.push(rest.to_owned());
                seen.signature = Some(Signature { message: body.join("\n"), ..signature() });
            }
            "subject" => seen.signature = Some(Signature { message: rest.to_owned(), ..signature() }),
            "author" | "committer" => {
                let (name, email) = rest.split_once('<').unwrap();
                let (name, email) =
                    (name.strip_suffix(' ').unwrap().to_owned(), email.trim_end_matches('>').to_owned());
                seen.signature = Some(if word == "author" {
                    Signature { author: name, author_email: email, ..signature() }
                } else {
                    Signature { committer: name, committer_email: email, ..signature() }
                });
            }
            _ => {
                let (name, value) = part.split_once('=').unwrap_or_else(|| panic!("{part:?} in {case:?}"));
                seen.env.insert(name.to_owned(), value.to_owned());
                // The processes named before it are below whoever set it.
                for below in &mut seen.ancestors {
                    below.env.get_or_insert_default().insert(name.to_owned(), value.to_owned());
                }
            }
        }
    }
    seen
}

/// Who acts, as cases say it: `tool`, `tool SESSION`, `tool < outer`, `one | two`, `unnamed`, `unknown`; behind `?` the
/// tools for which something speaks.
fn told(findings: &Findings) -> String {
    match &findings.acting {
        Acting::Tool { tool, session, launched_by, .. } => {
            let session = session.as_ref().map(|session| format!(" {session}")).unwrap_or_default();
            let outer: String = launched_by.iter().map(|outer| format!(" < {outer}")).collect();
            format!("{tool}{session}{outer}")
        }
        Acting::Ambiguous(tools) => tools.join(" | "),
        Acting::Unnamed { .. } => "unnamed".to_owned(),
        Acting::Unknown => {
            let likely: Vec<String> = findings.tools.iter().map(|f| format!("{} {}", f.tool, f.confidence)).collect();
            format!("unknown ? {}", likely.join(", "))
        }
    }
}

#[test]
fn every_case_is_read_as_the_table_says() {
    let catalogue = shipped();
    let mut wrong = Vec::new();
    for line in include_str!("cases.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (case, expected) = line.split_once(" => ").unwrap_or_else(|| panic!("no => in {line:?}"));
        let found = told(&detect(&catalogue, &surroundings(case)));
        if found.trim() != expected.trim() {
            wrong.push(format!("{case} => {found}"));
        }
    }
    assert!(wrong.is_empty(), "read otherwise:\n{}", wrong.join("\n"));
}

#[test]
fn every_tool_with_marks_has_a_case() {
    let cases: Vec<&str> = include_str!("cases.txt").lines().filter_map(|line| line.split(" => ").nth(1)).collect();
    let named = |id: &str| {
        let words = |case: &str| case.split([' ', ',']).any(|word| word == id);
        cases.iter().any(|case| words(case))
    };
    let catalogue = shipped();
    let without: Vec<&str> =
        catalogue.tools().iter().filter(|tool| tool.has_marks() && !named(&tool.id)).map(|tool| &*tool.id).collect();
    assert!(without.is_empty(), "without a case: {without:?}");
}

#[test]
fn the_catalogue_has_whom_the_owner_named() {
    let catalogue = shipped();
    for name in [
        "claude-code",
        "claude-desktop",
        "claude-chat",
        "gemini-code-assist",
        "google-ai-studio",
        "gemini-cli",
        "copilot",
        "github-copilot-cli",
        "cursor",
        "windsurf",
        "cascade",
        "windsurf-flows",
        "supercomplete",
        "kira",
        "aider",
        "ollama",
        "localai",
        "lm-studio",
        "openai-chatgpt",
        "openai-api",
        "codex",
        "anthropic-api",
        "hugging-face",
        "v0",
        "bolt",
        "replit",
        "stackblitz",
        "mcp-client",
    ] {
        assert!(catalogue.named(name).is_some(), "{name}");
    }
    assert_eq!(catalogue.named("Claude_Code").unwrap().id, "claude-code");
    assert_eq!(catalogue.named("nobody"), None);
}

#[test]
fn one_tools_marks_never_take_anothers_name() {
    let catalogue = shipped();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for tool in catalogue.tools() {
        for name in [&tool.id].into_iter().chain(&tool.aliases) {
            if let Some(other) = seen.insert(folded(name), &tool.id) {
                assert_eq!(other, tool.id, "{name} is a name of both");
            }
        }
    }
}

/// Each order of the catalogue is put to the test: the marks of both at once are the first one's.
#[test]
fn each_order_decides() {
    let catalogue = shipped();
    let orders = document(SHIPPED).unwrap().order;
    let mut tried = Vec::new();
    for Order { check_first, before, .. } in &orders {
        let (Some(first), Some(second)) = (catalogue.named(check_first), catalogue.named(before)) else { continue };
        let strong = |tool: &Tool| {
            let marks =
                tool.env.iter().filter(|mark| mark.strength == Strength::Strong && !mark.name.ends_with("_PID"));
            marks.map(|mark| (mark.name.clone(), sample(mark))).collect::<BTreeMap<_, _>>()
        };
        let (mut env, own) = (strong(second), strong(first));
        if own.keys().all(|name| env.contains_key(name)) {
            // By strong marks alone it does not differ from the second.
            continue;
        }
        env.extend(own);
        let findings = detect(&catalogue, &Surroundings { env, ..Surroundings::default() });
        let Acting::Tool { tool, .. } = &findings.acting else { panic!("{check_first} before {before}: {findings:?}") };
        assert_eq!(tool, check_first, "{check_first} before {before}: {findings:?}");
        tried.push(check_first.as_str());
    }
    let all = ["kilo-code", "qwen-code", "amp", "claude-desktop", "claude-code-cloud", "codex-cloud"];
    assert_eq!(tried, all, "the orders that strong marks can try");
}

/// A value that a mark takes.
fn sample(mark: &EnvMark) -> String {
    match mark.r#match {
        Match::Uuid => "0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b".to_owned(),
        Match::Exact | Match::Prefix | Match::Suffix | Match::Contains => mark.value.clone().unwrap(),
        _ => "1".to_owned(),
    }
}

#[test]
fn a_pid_must_be_above() {
    let catalogue = shipped();
    let mut seen = surroundings("CLAUDE_PID=99 ; < /bin/bash ; < /usr/bin/claude");
    assert!(matches!(detect(&catalogue, &seen).acting, Acting::Tool { .. }));
    seen.env.insert("CLAUDE_PID".to_owned(), "98".to_owned());
    assert_eq!(detect(&catalogue, &seen).acting, Acting::Unknown, "a process of that number is not above");
    for (above, told) in
        [("< /bin/bash ; < /sbin/init", "CLAUDE_PID=99"), ("< /bin/bash ; < /usr/bin/vim", "KILO_PID=99")]
    {
        let seen = surroundings(&format!("{told} ; {above}"));
        assert_eq!(detect(&catalogue, &seen).acting, Acting::Unknown, "{told}: what is above is no such tool");
    }
}

#[test]
fn what_is_found_becomes_an_actor_only_if_it_acts() {
    let catalogue = shipped();
    let actor = |case: &str| detect(&catalogue, &surroundings(case)).actor(&catalogue);
    let actor_of = actor("CODEX_THREAD_ID=0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b").unwrap();
    assert_eq!((actor_of.kind, actor_of.name.as_str()), (ActorKind::Agent, "codex-cli"));
    assert_eq!(actor_of.session.as_deref(), Some("0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b"));
    assert_eq!(actor("AI_AGENT=something-new").unwrap().name, "", "an agent without a name");
    assert_eq!(actor("AGENT=1"), None, "not sure enough");
    assert_eq!(actor("ANTHROPIC_API_KEY=x"), None);
}

#[test]
fn a_document_with_mistakes_names_them_all() {
    let with = |from: &str, to: &str| {
        assert!(SHIPPED.contains(from), "{from}");
        match document(&SHIPPED.replacen(from, to, 1)) {
            Err(mistake) => vec![mistake.to_string()],
            Ok(document) => {
                let wrong = Catalogue::of(document).expect_err("a mistake");
                wrong.iter().map(ToString::to_string).collect()
            }
        }
    };
    for (from, to, expected) in [
        ("tools = 78", "tools = 77", "there are 78"),
        ("id = \"cursor-agent\"", "id = \"cursor\"", "cursor: the id is given twice"),
        ("id = \"kira\"\nname = \"KIRA\"", "id = \"Kira !\"\nname = \"KIRA\"", "is no id"),
        ("source = [\"kira\"]", "source = [\"nobody\"]", "\"nobody\" is cited and not listed"),
        ("source = [\"kira\"]", "source = []", "kira: a fact cites no source"),
        ("before = \"opencode\"", "before = \"openkode\"", "\"openkode\", which is no tool"),
        (
            "value = \"1\", match = \"exact\", scope = \"shell,hook\"",
            "match = \"exact\", scope = \"shell,hook\"",
            "has no value",
        ),
        ("scope = \"shell,hook\"", "scope = \"shel\"", "is no scope"),
        (
            "{ name = \"ANTHROPIC_API_KEY\", match = \"nonempty\", scope = \"any\", strength = \"weak\"",
            "{ name = \"ANTHROPIC_API_KEY\", match = \"nonempty\", scope = \"shell\", strength = \"medium\"",
            "ANTHROPIC_API_KEY looks like a key",
        ),
        (
            "{ name = \"CODEX_HOME\", match = \"nonempty\", scope = \"any\", strength = \"weak\"",
            "{ name = \"CODEX_HOME\", match = \"nonempty\", scope = \"any\", strength = \"strong\"",
            "CODEX_HOME is strong, and a person may set it",
        ),
        ("schema = 1", "schema = 1\nnew = 2", "unknown field `new`"),
        ("strength = \"strong\"", "strength = \"sure\"", "unknown variant `sure`"),
        ("tool = \"windsurf\"", "tool = \"winsurf\"", "a payload's shape names \"winsurf\""),
        ("cap = 0.99", "cap = 1.5", "not between 0 and 1"),
    ] {
        let wrong = with(from, to);
        assert!(wrong.iter().any(|wrong| wrong.contains(expected)), "{to}: {wrong:?}");
    }
}

#[test]
fn a_persons_tools_add_to_the_catalogue_as_far_as_they_are_right() {
    let mut catalogue = shipped();
    let mark = |name: &str, strength| EnvMark {
        name: name.to_owned(),
        value: None,
        r#match: Match::Nonempty,
        scope: "shell".to_owned(),
        with: Vec::new(),
        strength,
        session: false,
        source: Vec::new(),
        note: None,
    };
    let tool = |id: &str, env: Vec<EnvMark>| Tool { env, ..Tool::bare(id.to_owned(), "Mine".to_owned()) };
    let wrong = catalogue.extend(vec![
        tool("my-agent", vec![mark("MY_AGENT", Strength::Strong)]),
        tool("aider", vec![mark("AIDER_SHELL", Strength::Strong)]),
        tool("leaky", vec![mark("LEAKY_API_KEY", Strength::Medium)]),
        tool("my-agent", vec![mark("MY_OTHER", Strength::Strong)]),
        tool("No Id", vec![]),
    ]);
    assert_eq!(wrong.iter().map(|wrong| wrong.tool.unwrap()).collect::<Vec<_>>(), [2, 3, 4], "{wrong:?}");
    let acting = |case: &str| told(&detect(&catalogue, &surroundings(case)));
    assert_eq!(acting("MY_AGENT=1"), "my-agent");
    assert_eq!(acting("AIDER_SHELL=1"), "aider");
    assert_eq!(acting("MY_OTHER=1 ; LEAKY_API_KEY=1"), "unknown ? ");
    let said = |name: &str| {
        let wrong = catalogue.clone().extend(vec![tool("another", vec![mark(name, Strength::Strong)])]);
        wrong.iter().map(|wrong| wrong.found.clone()).collect::<Vec<_>>().join("; ")
    };
    for name in
        ["GROQ_APIKEY", "AWS_ACCESS_KEY_ID", "GH_PAT", "MY_CREDENTIALS", "X_AUTH", "X_BEARER", "HF_TOKENS", "KEY"]
    {
        assert!(said(name).contains("looks like a key"), "{name}: {}", said(name));
    }
    for name in ["A=B", "A B", "A\n"] {
        assert!(said(name).contains("no variable can be called"), "{name}: {}", said(name));
    }
    for name in ["MONKEY", "KEYBOARD_AGENT", "PATH_AGENT", "AUTHOR_AGENT"] {
        assert_eq!(said(name), "", "{name}");
    }
}

proptest! {
    /// Whatever is in an environment: no panic, caps hold, and what is weak or a key names nobody.
    #[test]
    fn weak_facts_never_name_anybody(picks in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]{0,8}"), 0..40), terminal: bool) {
        let catalogue = shipped_once();
        let marks: Vec<&EnvMark> = catalogue.tools().iter().flat_map(|tool| &tool.env).collect();
        let mut env = BTreeMap::new();
        for (pick, value) in &picks {
            let mark = pick.get(&marks);
            let value = if value.len() % 2 == 0 { sample(mark) } else { value.clone() };
            env.insert(mark.name.clone(), value);
        }
        let findings = detect(catalogue, &Surroundings { env: env.clone(), terminal, ..Surroundings::default() });
        for found in &findings.tools {
            prop_assert!(found.confidence <= 99);
            if found.evidence.iter().all(|fact| fact.strength == Strength::Weak) {
                prop_assert!(found.confidence <= 30, "{found:?}");
            }
        }
        env.retain(|name, _| {
            marks.iter().filter(|mark| mark.name == *name).all(|mark| mark.strength == Strength::Weak) && !catalogue.generic().iter().any(|generic| generic.name == *name)
        });
        let weak = detect(catalogue, &Surroundings { env, terminal, ..Surroundings::default() });
        prop_assert_eq!(weak.acting, Acting::Unknown);
    }
}

fn shipped_once() -> &'static Catalogue {
    static SHIPPED: std::sync::OnceLock<Catalogue> = std::sync::OnceLock::new();
    SHIPPED.get_or_init(shipped)
}

#[test]
fn marks_of_machines_are_paths_from_the_root_on() {
    assert!(is_machine_mark("marker-dir") && !is_machine_mark("rules"));
    let catalogue = shipped();
    assert!(catalogue.machine_marks().count() > 0 && catalogue.machine_marks().all(|path| path.starts_with('/')));
    assert!(catalogue.reads("CLAUDECODE") && catalogue.reads("AIDER_MODEL") && !catalogue.reads("HOME_SWEET_HOME"));
}
