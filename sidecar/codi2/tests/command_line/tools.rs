//! Who acts: by marks in the environment, by a commit, by entries of a person's own.

use super::*;

const SESSION: &str = "0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b";

#[test]
fn whoami_names_the_tool_that_acts_and_nobody_by_a_key() {
    let home = Home::new();
    let whoami = |variables: &[(&str, &str)]| -> Value {
        let mut command = home.command(&["whoami", "--format", "json"]);
        let output = command.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap();
        assert_eq!((code(&output), text(&output.stderr)), (0, ""));
        assert!(!text(&output.stdout).contains("sk-very-secret"));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = whoami(&[("CLAUDE_CODE_CHILD_SESSION", "1"), ("CLAUDE_CODE_SESSION_ID", SESSION)]);
    assert_eq!((&found["acting"], &found["actor"]["name"]), (&json!("tool"), &json!("claude-code")), "{found}");
    assert_eq!((&found["actor"]["session"], found["confidence"].as_u64()), (&json!(SESSION), Some(95)), "{found}");
    for nobody in [&[][..], &[("ANTHROPIC_API_KEY", "sk-very-secret"), ("OPENAI_API_KEY", "sk-very-secret")]] {
        let found = whoami(nobody);
        assert_eq!((&found["acting"], &found["actor"]), (&json!("unknown"), &Value::Null), "{found}");
    }
    let mut command = home.command(&["list-ai-tools", "--detect", "--format", "json"]);
    let output = command.env("OPENAI_API_KEY", "sk-very-secret").output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let key = found.as_array().unwrap().iter().find(|found| found["tool"] == "openai-api").unwrap();
    assert_eq!((&key["state"], &key["confidence"]), (&json!("available"), &json!(15)));
    let output = home.run(&["list-ai-tools", "--format", "json"]);
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap().len(), 78);
}

#[test]
fn a_commit_names_the_tool_that_signed_it() {
    let home = Home::new();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        let here = git.args(arguments).current_dir(home.0.path()).env("HOME", home.0.path());
        let here = here.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_AUTHOR_NAME", "Ada").env("GIT_AUTHOR_EMAIL", "ada@x");
        assert!(here.env("GIT_COMMITTER_NAME", "Ada").env("GIT_COMMITTER_EMAIL", "ada@x").status().unwrap().success());
    };
    git(&["init", "--quiet"]);
    git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "Talk about Claude Code",
        "-m",
        "noreply@anthropic.com is no trailer",
    ]);
    git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "Change",
        "-m",
        "Co-Authored-By: Some Model <noreply@anthropic.com>",
    ]);
    let acting = |commit: &str| {
        let output = home.run(&["whoami", "--commit", commit]);
        (code(&output), text(&output.stdout).split('\t').take(2).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(acting("HEAD"), (0, "tool agent claude-code".to_owned()));
    assert_eq!(acting("HEAD~1"), (0, "unknown ".to_owned()));
    assert_eq!(acting("no-such-commit").0, 3);
}

#[test]
fn a_persons_tools_count_and_a_bad_entry_is_named_with_its_line() {
    let home = Home::new();
    fs::create_dir_all(home.path(".config/codi2")).unwrap();
    let file = home.path(".config/codi2/config.toml");
    fs::write(&file, "[[tools]]\nid = \"mine\"\nenv = [{ name = \"MINE\", strength = \"strong\" }]\n").unwrap();
    let mut command = home.command(&["whoami"]);
    assert!(text(&command.env("MINE", "1").output().unwrap().stdout).starts_with("tool\tagent mine\t90\t"));
    assert_eq!(code(&home.run(&["config", "check"])), 0);
    fs::write(
        &file,
        "[[tools]]\nid = \"mine\"\nenv = [{ name = \"MINE\", strength = \"strong\" }]\n\n[[tools]]\nid = \"leaky\"\nenv = [{ name = \"LEAKY_API_KEY\" }]\n[[tools]]\nid = \"x\"\nstrength = 1\n",
    )
    .unwrap();
    for arguments in [&["config", "check"][..], &["config", "check", ".config/codi2/config.toml"]] {
        let output = home.run(arguments);
        let lines: Vec<&str> = text(&output.stdout).lines().collect();
        assert_eq!((code(&output), lines.len()), (2, 2), "{output:?}");
        assert!(lines[0].contains("\t5\t1\t") && lines[0].contains("LEAKY_API_KEY looks like a key"), "{lines:?}");
        assert!(lines[1].contains("\t10\t1\t") && lines[1].contains("unknown key `strength` in `tools`"), "{lines:?}");
    }
    let mut command = home.command(&["whoami"]);
    let output = command.env("MINE", "1").env("LEAKY_API_KEY", "1").output().unwrap();
    assert!(text(&output.stdout).starts_with("tool\tagent mine\t"), "what is right still counts: {output:?}");
}
