//! Settings: shown with their origin, checked, described for shells and editors.

use super::*;

#[test]
fn settings_are_shown_with_their_origin_and_refused_with_their_line() {
    let home = Home::new();
    let file = home.path("codi2.toml");
    fs::write(&file, "[watch]\nsettle_ms = 5\n").unwrap();
    let show = |format: &str| {
        home.command(&["config", "show", "--format", format])
            .env("CODI2_CONFIG", &file)
            .env("CODI2_WATCH_POLL", "yes")
            .output()
            .unwrap()
    };
    let rows: Vec<Value> = serde_json::from_slice(&show("json").stdout).unwrap();
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap().clone();
    assert_eq!(
        row("watch.settle_ms"),
        json!({"key": "watch.settle_ms", "value": 5, "origin": format!("{}:2:13", file.display())})
    );
    assert_eq!(row("watch.poll"), json!({"key": "watch.poll", "value": true, "origin": "env CODI2_WATCH_POLL"}));
    assert_eq!(row("hub.idle_minutes")["origin"], "default");
    assert!(text(&show("human").stdout).contains("watch.settle_ms"));
    fs::write(&file, "[watch]\n\nsettle_ms = \"5\"\n").unwrap();
    let output = show("json");
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("codi2.toml:3:13: `watch.settle_ms` is the text \"5\"; write"), "{output:?}");
    // What is in effect is shown all the same.
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(rows.contains(&json!({"key": "watch.settle_ms", "value": 30, "origin": "default"})), "{rows:?}");
    fs::remove_file(&file).unwrap();
    assert_eq!(code(&show("json")), 2);
    let output = home.run(&["--set", "watch.settle_ms=9", "config", "show"]);
    assert!(text(&output.stdout).contains("watch.settle_ms\t9\tflag --set watch.settle_ms\n"), "{output:?}");
}

#[test]
fn what_the_line_itself_says_wrong_is_wrong_use() {
    let home = Home::new();
    for (line, said) in [
        (&["--set", "x=y", "status"][..], "--set x"),
        (&["--set", "watch.poll=maybe", "log"], "`watch.poll`"),
        (&["--set", "watch.poll", "status"], "no `=` in it"),
        (&["--config", "nope.toml", "stats", "--internal"], "nope.toml: there is no such file"),
    ] {
        let output = home.run(line);
        assert_eq!((code(&output), text(&output.stderr).contains(said)), (2, true), "{line:?}: {output:?}");
    }
    assert_eq!(code(&home.run(&["--set", "watch.poll=yes", "status"])), 4, "what is right stops nothing");
}

#[test]
fn every_mistake_is_checked_at_once_in_every_format() {
    let home = Home::new();
    let root = home.path("repo");
    assert!(Command::new("git").args(["init", "-q"]).arg(&root).status().unwrap().success());
    let run = |arguments: &[&str]| {
        home.command(arguments).current_dir(&root).env("CODI2_WATCH_POL", "1").stdin(Stdio::null()).output().unwrap()
    };
    let fine = home.run(&["config", "check", "--format", "human"]);
    assert_eq!((code(&fine), text(&fine.stdout)), (0, "no mistakes\n"));
    fs::create_dir_all(home.path(".config/codi2")).unwrap();
    fs::write(home.path(".config/codi2/config.yml"), "hub:\n  idle_minutes: ten\nwath: 1\n").unwrap();
    fs::write(root.join(".codi2.toml"), "[watch]\nprivate = [\"customers\"]\npoll = true\n").unwrap();
    let output = run(&["config", "check", "--format", "json"]);
    let mistakes: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let places: Vec<String> = mistakes
        .iter()
        .map(|one| {
            let from = Path::new(one["from"].as_str().unwrap()).file_name().unwrap().to_str().unwrap();
            format!("{from} {} {}", one["line"], one["column"])
        })
        .collect();
    assert_eq!(
        places,
        ["config.yml 2 17", "config.yml 3 1", "env CODI2_WATCH_POL null null", ".codi2.toml 3 1"],
        "{mistakes:?}"
    );
    assert_eq!((code(&output), text(&output.stderr)), (2, "codi2: 4 mistakes in the settings\n"));
    let compact = run(&["config", "check"]);
    assert!(
        text(&compact.stdout).lines().count() == 4
            && text(&compact.stdout).lines().all(|line| line.matches('\t').count() == 4)
    );
    let human = run(&["config", "check", "--format", "human"]);
    assert!(
        text(&human.stdout).contains("config.yml:3:1: unknown key `wath`\n    → did you mean `watch`?\n"),
        "{human:?}"
    );
    // One file alone; what a repository may say is known by the file's name.
    for (file, expected, words) in [
        (".codi2.toml", 2, "is not for a repository to set"),
        ("gone.toml", 3, "gone.toml is not there"),
        (".", 2, "end in .toml"),
    ] {
        let output = run(&["config", "check", file]);
        assert_eq!(code(&output), expected, "{output:?}");
        assert!(format!("{}{}", text(&output.stdout), text(&output.stderr)).contains(words), "{output:?}");
    }
    // What the repository adds is shown with its place.
    let shown = run(&["config", "show"]);
    let row = text(&shown.stdout).lines().find(|line| line.starts_with("watch.private\t")).unwrap().to_owned();
    assert!(row.contains("customers") && row.contains("default + ") && row.ends_with(".codi2.toml"), "{row}");
    let paths = run(&["config", "path"]);
    let paths: Vec<&str> = text(&paths.stdout).lines().collect();
    assert!(paths[0].starts_with("user\t") && paths[0].ends_with("config.yml\texists"), "{paths:?}");
    assert!(paths[1].starts_with("repository\t") && paths[1].ends_with(".codi2.toml\texists"), "{paths:?}");
}

#[test]
fn schema_completions_and_manual_are_printed_whole() {
    let home = Home::new();
    for (flag, key) in [(None, "hub"), (Some("--repository"), "watch")] {
        let words: Vec<&str> = ["config", "schema"].into_iter().chain(flag).collect();
        let schema: Value = serde_json::from_slice(&home.run(&words).stdout).unwrap();
        assert!(schema["properties"][key].is_object(), "{schema}");
    }
    let script = home.run(&["completions", "bash"]);
    let mut bash = Command::new("bash").args(["-n"]).stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(&script.stdout).unwrap();
    assert!(bash.wait().unwrap().success() && text(&script.stdout).contains("complete "));
    let output = home.run(&["man", "--out", "pages/man1"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let page = fs::read_to_string(home.path("pages/man1/codi2-config-check.1")).unwrap();
    assert!(page.contains(".SH NAME\n") && page.contains("Name every mistake"), "{page}");
    fs::write(home.path("file"), "").unwrap();
    assert_eq!(code(&home.run(&["man", "--out", "file"])), 1);
}
