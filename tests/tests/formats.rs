//! What is known of commits, in the formats of others and back, over real git: notes by `git notes`, clones and pushes.

use codi2_tests::{Output, World, run};
use serde_json::{Value, json};

/// A note of git-ai, with an agent on lines 1-2 and a person that its fallback named on line 3.
fn git_ai_note(world: &World) -> String {
    let commit = world.git(&["rev-parse", "HEAD"]);
    let sessions = json!({"s_0123456789abcd": {"agent_id": {"tool": "claude", "id": "c9", "model": "opus"}}});
    let humans = json!({"h_00000000000001": {"author": "Bo <bo@example.invalid>"}});
    let metadata = json!({"schema_version": "authorship/3.0.0", "git_ai_version": "1.6.24", "prompts": {},
        "base_commit_sha": commit.trim(), "sessions": sessions, "humans": humans});
    format!("a b.txt\n  s_0123456789abcd::t_00000000000000 1-2,9\n  h_00000000000001 3\nold.txt\n  s_0123456789abcd 1\n---\n{metadata}\n")
        .replacen("a b.txt", "\"a b.txt\"", 1)
}

/// A repository whose second commit brings three lines to `a b.txt`, with a note of git-ai's on it.
fn noted() -> World {
    let world = World::new(&[("old.txt", "old\n")]);
    world.write("a b.txt", "one\ntwo\nthree\n");
    world.write("old.txt", "old\nmore\n");
    world.git(&["add", "--all"]);
    world.git(&["commit", "--quiet", "--message", "second"]);
    world.write("note", &git_ai_note(&world));
    world.git(&["notes", "--ref=ai", "add", "-F", "note"]);
    world
}

fn json_of(output: &Output) -> Value {
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    serde_json::from_str(&output.out).unwrap_or_else(|error| panic!("{error}: {}", output.out))
}

fn note(world: &World, reference: &str) -> String {
    world.git(&["notes", "--ref", reference, "show", "HEAD"])
}

#[test]
fn what_a_format_cannot_tell_is_passed_over() {
    let world = World::new(&[("a.txt", "one\n")]);
    let note = r#"{"codi2":1,"owners":[{"origin":{"kind":"external"},"class":"unknown","evidence":["disk-change"]}],"files":{"a.txt":[[1,1,0]]}}"#;
    world.git(&["notes", "--ref=codi2", "add", "-m", note]);
    for more in [&[][..], &["--format", "json"], &["--write-notes"]] {
        let output = world.codi2(&[&["export", "git-ai"], more].concat());
        assert_eq!((output.code, output.out.as_str()), (3, ""), "{output:?}");
    }
}

#[test]
fn git_ai_notes_are_imported_and_written_over() {
    let world = noted();
    let nothing = world.codi2(&["export", "git-ai"]);
    assert_eq!(nothing.code, 3, "{}", nothing.err);
    let import = || world.codi2(&["import", "git-ai", "--format", "json"]);
    let first = import();
    // Line 9 is none of the file's, and line 1 of old.txt is of another commit.
    assert_eq!(
        json_of(&first),
        json!({"commits": 1, "written": 1, "passed": ["2 lines that their commits did not bring"]})
    );
    assert_eq!(json_of(&import())["written"], 0, "done once");
    let ours = note(&world, "codi2");
    assert!(ours.contains(r#""a b.txt":[[1,2,0],[3,3,1]]"#), "{ours}");
    assert!(ours.contains(r#"{"origin":{"kind":"agent","name":"claude","model":"opus","session":"c9"},"class":"declared","evidence":["imported"]}"#), "{ours}");
    assert!(!ours.contains("Bo"), "nobody saw that person write: {ours}");
    let shown = json_of(&world.codi2(&["show", "--format", "json"]));
    let whose = |range: usize| {
        let range = &shown["files"][0]["ranges"][range];
        let fields = [&range["first"], &range["last"], &range["owner"]["kind"], &range["class"]];
        json!([fields, range["evidence"][0]["kind"]])
    };
    assert_eq!(whose(0), json!([[1, 2, "agent", "declared"], "imported"]), "{shown}");
    assert_eq!(whose(1), json!([[3, 3, "unknown", "unknown"], "imported"]), "{shown}");
    // Another line is known to the hub's writer meanwhile; what it knows goes over the note of git-ai's.
    let known = ours.replace("[3,3,1]", "[3,3,2]").replace("],\n\"files\"", ",\n{\"origin\":{\"kind\":\"person\",\"name\":\"Ada Example <ada@example.invalid>\"},\"class\":\"inferred\",\"evidence\":[\"keystrokes\"]}],\n\"files\"");
    world.write("note", &known);
    world.git(&["notes", "--ref=codi2", "add", "--force", "-F", "note"]);
    assert_eq!(json_of(&import())["written"], 0, "what codi2 knows stays");
    let printed = world.codi2(&["export", "git-ai", "HEAD^!"]).out;
    assert!(printed.starts_with("commit ") && printed.contains("\n\"a b.txt\"\n  s_"), "{printed}");
    assert!(!note(&world, "ai").contains("codi2"), "nothing is written unless told");
    let write = || json_of(&world.codi2(&["export", "git-ai", "--write-notes", "--format", "json"]));
    assert_eq!(write(), json!({"reference": "refs/notes/ai", "written": 1, "kept": 0, "unread": 0}));
    assert_eq!(write()["written"], 0, "done once");
    let theirs = note(&world, "ai");
    // Theirs where ours says nothing, ours where both do; git-ai's own key of Ada.
    for part in
        ["old.txt\n  s_0123456789abcd 1\n", "\"git_ai_version\": \"1.6.24\"", "s_0123456789abcd::t_00000000000000 9\n"]
    {
        assert!(theirs.contains(part), "{part} in\n{theirs}");
    }
    assert!(!theirs.contains("h_00000000000001 3") && theirs.contains("  h_"), "{theirs}");
    // Read again in a repository that knows nothing, Ada is a person whom codi2 saw, and the agent is there.
    world.git(&["update-ref", "-d", "refs/notes/codi2"]);
    assert_eq!(json_of(&import())["written"], 1);
    let back = note(&world, "codi2");
    assert!(
        back.contains(r#""name":"Ada Example <ada@example.invalid>"},"class":"inferred","evidence":["imported"]"#),
        "{back}"
    );
}

#[test]
fn agent_traces_lead_out_and_back() {
    let world = noted();
    json_of(&world.codi2(&["import", "git-ai", "--format", "json"]));
    let before = note(&world, "codi2");
    let traces = world.codi2(&["export", "agent-trace"]);
    let trace = json_of(&traces);
    let commit = world.git(&["rev-parse", "HEAD"]);
    assert_eq!(trace["vcs"], json!({"type": "git", "revision": commit.trim()}));
    assert_eq!(trace["files"][0]["conversations"][0]["contributor"], json!({"type": "ai", "model_id": "opus"}));
    world.git(&["update-ref", "-d", "refs/notes/codi2"]);
    let imported = world.codi2_with(&["import", "agent-trace", "-", "--format", "json"], &traces.out);
    assert_eq!(json_of(&imported), json!({"commits": 1, "written": 1, "passed": []}));
    assert_eq!(note(&world, "codi2"), before);
    let unknown = traces.out.replace(commit.trim(), &"5".repeat(40));
    let passed = json_of(&world.codi2_with(&["import", "agent-trace", "-", "--format", "json"], &unknown));
    assert_eq!(passed["commits"], 0, "{passed}");
    assert_eq!(passed["passed"], json!([format!("commit {} is not here", "5".repeat(40))]));
    let wrong = world.codi2_with(&["import", "agent-trace", "-"], "{\n]");
    assert!(wrong.code == 1 && wrong.err.contains("line 2: "), "{}", wrong.err);
    assert_eq!(world.codi2(&["import", "agent-trace", "nowhere.jsonl"]).code, 3);
}

#[test]
fn secrets_and_private_files_are_not_imported() {
    let world = World::new(&[]);
    world.write(".env", "A=1\n");
    world.write("a.txt", "one\n");
    world.git(&["add", "--all"]);
    world.git(&["commit", "--quiet", "--message", "second"]);
    let commit = world.git(&["rev-parse", "HEAD"]);
    let secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let conversation = json!({"contributor": {"type": "ai", "model_id": secret}, "url": "https://x.invalid/c",
        "ranges": [{"start_line": 1, "end_line": 2}]});
    let file = |path: &str| json!({"path": path, "conversations": [conversation]});
    let trace = json!({"version": "0.1.0", "id": "x", "timestamp": "2026-01-01T00:00:00Z",
        "vcs": {"type": "git", "revision": commit.trim()}, "files": [file(".env"), file("a.txt")]});
    json_of(&world.codi2_with(&["import", "agent-trace", "-", "--format", "json"], &trace.to_string()));
    let ours = note(&world, "codi2");
    assert!(ours.contains(r#""a.txt":[[1,1,0]]"#) && !ours.contains(".env") && !ours.contains(secret), "{ours}");
}

#[test]
fn damaged_notes_are_named_and_left() {
    let world = noted();
    for reference in ["ai", "codi2"] {
        world.git(&["notes", "--ref", reference, "add", "--force", "-m", "mine"]);
    }
    let import = world.codi2(&["import", "git-ai"]);
    assert!(import.err.contains("refs/notes/ai: line 1 of the note: it ends without the line ---"), "{}", import.err);
    let export = world.codi2(&["export", "git-ai", "--write-notes"]);
    assert!(
        export.code == 3 && export.err.contains("refs/notes/codi2 is passed over: the note is damaged"),
        "{}",
        export.err
    );
    world.write("note", &git_ai_note(&world));
    world.git(&["notes", "--ref=ai", "add", "--force", "-F", "note"]);
    assert_eq!(json_of(&world.codi2(&["import", "git-ai", "--format", "json"]))["written"], 0);
    assert_eq!(note(&world, "codi2").trim(), "mine");
    assert_eq!(world.codi2(&["export", "git-ai", "nowhere"]).code, 3);
}

/// Two notes that are too long together: neither may lose files to the other.
#[test]
fn notes_that_are_too_long_together_stay_as_they_are() {
    let world = noted();
    let long = |file: &str, reference: &str| {
        let owner = |name: &str| {
            format!(r#"{{"origin":{{"kind":"person","name":"{name}"}},"class":"inferred","evidence":["keystrokes"]}}"#)
        };
        let ranges: Vec<String> = (1..=50_000).map(|line| format!("[{line},{line},{}]", line % 2)).collect();
        let (owners, ranges) = ([owner("Ada"), owner("Eve")].join(","), ranges.join(","));
        world.write("note", &format!(r#"{{"codi2":1,"owners":[{owners}],"files":{{"{file}":[{ranges}]}}}}"#));
        world.git(&["notes", "--ref", reference, "add", "--force", "-F", "note"]);
    };
    long("a.txt", "codi2");
    long("b.txt", "theirs");
    let ours = note(&world, "codi2");
    let output = world.codi2(&["notes", "merge", "theirs", "--format", "json"]);
    assert!(output.err.contains("stays as it was") && output.err.contains("leave out 1 file"), "{}", output.err);
    assert_eq!(json_of(&output)[0]["written"], 0);
    assert!(note(&world, "codi2") == ours);
}

#[test]
fn notes_of_clones_are_merged_and_pushed() {
    let world = noted();
    let remote = world.home().join("remote.git");
    let remote = remote.to_str().expect("a plain path");
    world.git(&["init", "--quiet", "--bare", remote]);
    world.git(&["remote", "add", "origin", remote]);
    // What is no notes of others never becomes a parent of ours.
    for (words, code, said) in [
        (&["notes", "merge", "codi2"][..], 2, "name those of another"),
        (&["notes", "merge", "refs/heads/main"], 2, "refs/heads/main holds no notes"),
        (&["notes", "merge", "--from", remote], 3, "is no remote of this repository"),
    ] {
        let refused = world.codi2(words);
        assert!(refused.code == code && refused.err.contains(said), "{words:?}: {}", refused.err);
    }
    let none = world.codi2(&["notes", "merge"]);
    assert!(none.code == 3 && none.err.contains("git push origin refs/notes/codi2"), "{}", none.err);
    json_of(&world.codi2(&["import", "git-ai", "--format", "json"]));
    world.git(&["push", "--quiet", "origin", "main", "refs/notes/codi2"]);
    // The other clone saw who wrote the third line, and nothing else.
    let seen = "{\"codi2\":1,\n\"owners\":[\n{\"origin\":{\"kind\":\"person\",\"name\":\"Eve\"},\"class\":\"inferred\",\"evidence\":[\"keystrokes\"]}],\n\"files\":{\n\"a b.txt\":[[3,3,0]]}}\n";
    world.write("note", seen);
    world.git(&["notes", "--ref=codi2", "add", "--force", "-F", "note"]);
    world.git(&["update-ref", "refs/notes/theirs", "refs/notes/codi2"]);
    let merged = json_of(&world.codi2(&["notes", "merge", "--format", "json"]));
    assert_eq!(merged, json!([{"reference": "refs/notes/codi2-origin", "notes": 1, "written": 1, "elsewhere": 0}]));
    let both = note(&world, "codi2");
    let line = both.lines().find(|line| line.starts_with("\"a b.txt\"")).unwrap_or_default();
    assert!(
        line.starts_with("\"a b.txt\":[[1,2,0],[3,3,1]]") && both.contains("Eve") && both.contains("claude"),
        "{both}"
    );
    world.git(&["push", "--quiet", "origin", "refs/notes/codi2"]);
    // Several are one document, and what was joined before one that is not there is said.
    let told = |references: &[&str]| {
        let output = world.codi2(&[&["notes", "merge", "--format", "json"], references].concat());
        let document: Value = serde_json::from_str(&output.out).unwrap_or_default();
        let all = document.as_array().into_iter().flatten();
        (output.code, all.map(|one| format!("{} {}", one["reference"], one["written"])).collect::<Vec<_>>())
    };
    let [theirs, fetched] = ["theirs", "codi2-origin"].map(|name| format!("\"refs/notes/{name}\" 0"));
    assert_eq!(told(&["theirs", "codi2-origin"]), (0, vec![theirs.clone(), fetched]));
    assert_eq!(told(&["theirs", "nowhere"]), (3, vec![theirs]));
    assert_eq!(told(&["nowhere"]), (3, vec![]));
}

/// What is no note of codi2's does not come among ours, and what only looks unreadable here stays for whoever can read it.
#[test]
fn what_is_no_note_of_codi2s_is_not_joined() {
    let world = noted();
    world.git(&["update-ref", "-d", "refs/notes/codi2"]);
    let head = world.git(&["rev-parse", "HEAD"]);
    world.git(&["notes", "add", "-m", "reviewed by Eve"]);
    for reference in ["commits", "ai"] {
        let refused = world.codi2(&["notes", "merge", reference]);
        let said = format!("refs/notes/{reference} holds no note of codi2's");
        assert!(refused.code == 2 && refused.err.contains(&said), "{}", refused.err);
    }
    assert_eq!(world.git(&["for-each-ref", "refs/notes/codi2"]), "");
    // Beside a note of codi2's: somebody's words, a later program's note, and a file that is no note.
    let note = r#"{"codi2":1,"owners":[{"origin":{"kind":"person","name":"Eve"},"class":"inferred","evidence":[]}],"files":{"a b.txt":[[1,1,0]]}}"#;
    let blobs = [note, r#"{"codi2":2,"later":true}"#, "reviewed by Eve"].map(|text| {
        world.write("blob", text);
        world.git(&["hash-object", "-w", "blob"]).trim().to_owned()
    });
    let names = [head.trim().to_owned(), "1".repeat(40), "2".repeat(40), "README".to_owned()];
    let listing = names.iter().zip(blobs.iter().chain([&blobs[2]]));
    let listing: String = listing.map(|(name, blob)| format!("100644 blob {blob}\t{name}\n")).collect();
    let mut mktree = world.command("git");
    let tree = run(mktree.arg("mktree"), &listing).out;
    let commit = world.git(&["commit-tree", "-m", "notes", tree.trim()]);
    world.git(&["update-ref", "refs/notes/theirs", commit.trim()]);
    for written in [1, 0] {
        let output = world.codi2(&["notes", "merge", "theirs", "--format", "json"]);
        let joined = json!([{"reference": "refs/notes/theirs", "notes": 3, "written": written, "elsewhere": 2}]);
        assert_eq!(json_of(&output), joined);
        let said = format!("the note of {} in refs/notes/theirs is passed over", names[2]);
        // Told once: from then on it is as if this clone had taken it back.
        assert_eq!(output.err.contains(&said), written == 1, "{}", output.err);
        let mut held = world.git(&["ls-tree", "-r", "--name-only", "refs/notes/codi2"]);
        held.retain(|letter| letter != '/');
        let mut expected = [names[0].as_str(), &names[1]];
        expected.sort_unstable();
        assert_eq!(held.lines().collect::<Vec<_>>(), expected);
    }
    let parents = world.git(&["rev-list", "--count", "refs/notes/theirs..refs/notes/codi2"]);
    assert_eq!(parents.trim(), "1", "theirs is behind ours, so that it can be pushed without force");
}
