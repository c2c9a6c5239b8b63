//! The command line as a whole: its words, and the document that describes them.

use clap::{CommandFactory, Parser};

use super::args::{Command, Format, Hub, Line};

fn parse(words: &str) -> Result<Line, clap::Error> {
    Line::try_parse_from(std::iter::once("codi2").chain(words.split_whitespace()))
}

#[test]
fn the_command_line_is_sound() {
    Line::command().debug_assert();
}

#[test]
fn words_that_are_understood() {
    for words in [
        "monitor",
        "monitor --path /r --poll --include *.rs --include *.md --exclude target",
        "lsp",
        "lsp --stdio",
        "hub start",
        "hub start --foreground",
        "hub stop",
        "hub status",
        "log --limit 5 --since 2h --until 2026-11-22 --actor agent --file a.rs --kind edit,disk --kind git --grep x --tail",
        "log --session 01939d0e-0000-7000-8000-000000000000",
        "tail --from 1-000000000000000000010000 --format jsonl",
        "--format json blame src/main.rs --buffer",
        "blame --format=human a.rs",
        "blame HEAD~1 a.rs --line-porcelain",
        "blame -- a.rs",
        "diff",
        "diff main..",
        "diff A B -- src docs",
        "diff -- a.rs",
        "show",
        "show HEAD~1 --format json",
        "stats",
        "stats main.. --by model --survival",
        "ci main..HEAD",
        "ci main.. --policy p.toml --path src/** --path docs --max-unknown-percent 20 --min-class inferred --forbid agent --forbid completion --require-notes",
        "status",
        "stats --internal",
        "doctor --path .",
        "config show",
        "config check",
        "config check x.toml --format json",
        "config path",
        "config schema --repository",
        "completions fish",
        "man --out dir",
        "--config c.toml --set watch.poll=true --set log=debug status",
        "hub start --set watch.poll=true",
        "hook agent-v1",
        "hook claude-code",
        "hook copilot --hook-input {}",
        "hooks install claude",
        "hooks install cursor --project --dry-run",
        "hooks status",
        "hooks status codex --project --format json",
        "hooks remove gemini --dry-run",
        "list-ai-tools",
        "list-ai-tools --detect --format json",
        "whoami",
        "whoami --commit HEAD",
        "export git-ai",
        "export git-ai main.. --write-notes",
        "export agent-trace v1..v2 --format jsonl",
        "import git-ai main",
        "import agent-trace -",
        "notes merge",
        "notes merge codi2-a refs/notes/b",
        "notes merge --from upstream",
        "replay t.json.gz",
        "replay t.json --limit 10 --pace 0 --check-every 5 --encoding utf-8 --live --format json",
    ] {
        assert!(parse(words).is_ok(), "{words}");
    }
    for words in [
        "",
        "blame",
        "hub",
        "hub restart",
        "blame A B a.rs",
        "diff A B C",
        "stats --internal --survival",
        "stats --internal main..",
        "stats --by colour",
        "ci",
        "ci main.. --max-unknown-percent 101",
        "ci main.. --min-class unknown",
        "ci main.. --forbid robot",
        "config",
        "config check a.toml b.toml",
        "completions",
        "completions tcsh",
        "hook",
        "hook nobody",
        "hooks install",
        "man",
        "log --limit -1",
        "tail --from 7",
        "--format csv status",
        "replay",
        "replay t.json --encoding latin-1",
        "help",
    ] {
        assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words}");
    }
}

#[test]
fn values_arrive_where_they_belong() {
    let Line { format, command: Command::Log(log), .. } =
        parse("log --kind edit,disk --kind git --format compact").unwrap()
    else {
        panic!()
    };
    assert_eq!(
        (format, log.limit, log.wanted.kind),
        (Some(Format::Compact), 100, ["edit", "disk", "git"].map(str::to_owned).to_vec())
    );
    for (words, revision) in [("blame a.rs", None), ("blame HEAD a.rs", Some("HEAD")), ("blame -- a.rs", None)] {
        let Command::Blame(blame) = parse(words).unwrap().command else { panic!() };
        assert_eq!((blame.revision().as_deref(), blame.file().to_str()), (revision, Some("a.rs")), "{words}");
    }
    let Command::Diff(diff) = parse("diff A B -- C").unwrap().command else { panic!() };
    assert_eq!((diff.revisions, diff.paths), (vec!["A".to_owned(), "B".to_owned()], vec!["C".into()]));
    let Command::Hub(Hub::Start { foreground, .. }) = parse("hub start --foreground").unwrap().command else {
        panic!()
    };
    assert!(foreground);
}

/// Every command and every flag of it, as `docs/cli.md` writes them: a heading for the command, the flag in code.
#[test]
fn the_document_names_every_command_and_flag() {
    let document = include_str!("../../../../docs/cli.md");
    let mut missing = Vec::new();
    let mut sections: Vec<String> = Vec::new();
    let mut open = vec![(String::new(), Line::command())];
    while let Some((name, command)) = open.pop() {
        for below in command.get_subcommands() {
            open.push((format!("{name} {}", below.get_name()).trim().to_owned(), below.clone()));
        }
        if command.has_subcommands() {
            continue;
        }
        let heading = format!("### codi2 {name}\n");
        let section = document.split_once(&heading).map(|(_, rest)| rest.split("\n## ").next().unwrap_or(rest));
        let Some(section) = section.map(|rest| rest.split("\n### ").next().unwrap_or(rest)) else {
            missing.push(heading);
            continue;
        };
        sections.push(heading);
        for flag in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let shown = match flag.get_long() {
                Some("format" | "config" | "set" | "help" | "version") => continue,
                Some(long) => format!("`--{long}"),
                None => format!("`{}`", flag.get_value_names().map_or("", |names| names[0].as_str())),
            };
            if !section.contains(&shown) {
                missing.push(format!("{name}: {shown}"));
            }
        }
    }
    let stale = document
        .lines()
        .filter(|line| line.starts_with("### codi2 "))
        .filter(|line| !sections.contains(&format!("{line}\n")));
    missing.extend(stale.map(|line| format!("not a command: {line}")));
    assert_eq!(missing, Vec::<String>::new());
}
