//! Scenarios over the wire.

use super::*;

#[tokio::test]
async fn a_change_becomes_a_group_and_hover_answers() {
    let repository = repository();
    let file = uri(repository.path(), "a.txt");
    let mut editor = Editor::start(Trial::default(), 1 << 16);
    let offered = json!({"processId": 999_999_999_999_u64, "rootUri": "not a uri", "capabilities": {
        "general": {"positionEncodings": ["utf-16", "utf-32", "utf-8"]}, "textDocument": {"hover": 5}}});
    let answer = editor.request("initialize", offered).await;
    let capabilities = &answer["result"]["capabilities"];
    assert_eq!(capabilities["positionEncoding"], "utf-32", "the first that is not UTF-16");
    assert_eq!(capabilities["textDocumentSync"]["change"], 2);
    assert_eq!(capabilities["hoverProvider"], true);
    assert_eq!(capabilities["workspace"]["workspaceFolders"]["changeNotifications"], true);
    assert!(
        capabilities.get("documentHighlightProvider").is_none() && capabilities.get("semanticTokensProvider").is_none()
    );
    assert_eq!(capabilities["experimental"]["codi2"]["editHint"], true);
    editor.open(&file, "hello😀 world").await;
    editor.insert(&file, 1, 6, "!").await;
    let at = json!({"textDocument": {"uri": file}, "position": {"line": 0, "character": 6}});
    let hover = editor.request("textDocument/hover", at).await;
    let words = hover["result"]["contents"]["value"].as_str().unwrap();
    assert!(words.contains("not judged yet"), "the answer has seen the change before it: {words}");
    editor.save(&file).await;
    let facts = editor.hears(|facts| matches!(facts.last(), Some(Fact::Saved { .. }))).await;
    assert!(matches!(&facts[0], Fact::SessionStarted { info } if info.editor.name == "unknown editor"));
    assert!(matches!(&facts[1], Fact::Opened { file, .. } if file.path == "a.txt"));
    assert_eq!(edits(&facts), (1, Some(digest("hello😀! world"))));
    assert_eq!(editor.leave().await, Ended::Abandoned);
}

#[tokio::test]
async fn without_an_offer_positions_are_utf_16() {
    let mut editor = Editor::start(Trial::default(), 1 << 16);
    let answer = editor.request("initialize", json!({"capabilities": {}})).await;
    assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-16");
    editor.leave().await;
}

#[tokio::test]
async fn out_of_order_and_garbage_are_survived() {
    let repository = repository();
    let file = uri(repository.path(), "a.txt");
    let mut editor = Editor::start(Trial::default(), 1 << 16);
    // Before initialize: refused or dropped, never fatal.
    let at = json!({"textDocument": {"uri": file}, "position": {"line": 0, "character": 0}});
    let early = editor.request("textDocument/hover", at.clone()).await;
    assert_eq!(early["error"]["code"], -32002);
    editor.open(&file, "dropped").await;
    editor.initialize(json!({})).await;
    let again = editor.request("initialize", json!({"capabilities": {}})).await;
    assert_eq!(again["error"]["code"], -32600);
    // Broken frames between good ones.
    editor.raw(b"Content-Length: 7\r\n\r\n{\"json\"").await;
    let refused = editor.receive().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&Value::Null, &json!(-32700)));
    editor.raw(b"what is this?\r\n\r\n").await;
    editor.insert(&file, 1, 0, "change before open").await;
    editor.open(&file, "ab").await;
    editor.notify("textDocument/didChange", json!(["nonsense"])).await;
    editor.notify("textDocument/didChange", json!({"textDocument": {"uri": 5}})).await;
    editor.notify("unknown/method", json!({})).await;
    editor.notify("codi2/editHint", json!({"uri": file})).await;
    editor.notify("textDocument/didClose", json!({"textDocument": {"uri": "file:///never/opened"}})).await;
    editor.send(json!({"jsonrpc": "2.0", "id": 77, "error": {"code": 1, "message": "x", "extra": true}})).await;
    editor.insert(&file, 1, 0, "x").await;
    editor.save(&file).await;
    let facts = editor.hears(|facts| matches!(facts.last(), Some(Fact::Saved { .. }))).await;
    assert_eq!(edits(&facts), (1, Some(digest("xab"))));
    // A change that cannot be read: the text is not known until it is sent whole.
    let document = json!({"uri": file, "version": 2});
    editor.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": "?"})).await;
    editor.insert(&file, 3, 0, "y").await;
    let document = json!({"uri": file, "version": 4});
    let whole = json!({"textDocument": document, "contentChanges": [{"text": "yzxab"}]});
    editor.notify("textDocument/didChange", whole).await;
    editor.save(&file).await;
    let facts = editor.hears(|facts| facts.iter().filter(|fact| matches!(fact, Fact::Saved { .. })).count() == 2).await;
    assert_eq!(edits(&facts).1, Some(digest("yzxab")));
    let unknown = editor.request("no/suchMethod", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32601);
    editor.leave().await;
}

#[tokio::test]
async fn a_break_of_the_machine_costs_one_document_its_sync_until_its_text_is_known() {
    let repository = repository();
    let (file, other) = (uri(repository.path(), "a.txt"), uri(repository.path(), "b.txt"));
    let mut editor = Editor::start(Trial { breaks_on: Some("BREAK".to_owned()) }, 1 << 16);
    editor.initialize(json!({"documentText": true})).await;
    editor.open(&file, "ab").await;
    editor.open(&other, "cd").await;
    editor.insert(&file, 1, 0, "BREAK").await;
    let asked = editor.receive_until(|message| message["method"] == "codi2/documentText").await;
    assert_eq!(asked["params"]["uri"], json!(file));
    let text = json!({"version": 1, "text": "BREAKab"});
    editor.send(json!({"jsonrpc": "2.0", "id": asked["id"], "result": text})).await;
    let facts = editor.hears(|facts| edits(facts).1 == Some(digest("BREAKab"))).await;
    assert_eq!(edits(&facts).0, 1);
    editor.insert(&other, 1, 0, "x").await;
    editor.insert(&file, 2, 0, "y").await;
    editor.save(&other).await;
    editor.save(&file).await;
    let facts = editor.hears(|facts| facts.iter().filter(|fact| matches!(fact, Fact::Saved { .. })).count() == 2).await;
    assert_eq!(edits(&facts).1, Some(digest("yBREAKab")));
    editor.leave().await;
}

#[tokio::test]
async fn an_editor_that_never_answers_and_never_reads_stops_nothing() {
    let repository = repository();
    let file = uri(repository.path(), "a.txt");
    // A pipe so small that the first unread message fills it.
    let mut editor = Editor::start(Trial::default(), 256);
    editor.initialize(json!({"documentText": true, "status": true})).await;
    editor.open(&file, "ab").await;
    for round in 0..50 {
        // Each makes the window ask for the text; nobody answers, and nothing is read from here on.
        let document = json!({"uri": file, "version": 1 + 2 * round});
        editor.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": "?"})).await;
        let at = json!({"textDocument": {"uri": file}, "position": {"line": 0, "character": 0}});
        editor.send(json!({"jsonrpc": "2.0", "id": 5_000 + round, "method": "textDocument/hover", "params": at})).await;
        let document = json!({"uri": file, "version": 2 + 2 * round});
        let whole = json!({"textDocument": document, "contentChanges": [{"text": format!("ab{round}")}]});
        editor.notify("textDocument/didChange", whole).await;
    }
    editor.save(&file).await;
    let facts = editor.hears(|facts| matches!(facts.last(), Some(Fact::Saved { .. }))).await;
    assert_eq!(edits(&facts).1, Some(digest("ab49")));
}

#[tokio::test]
async fn the_end_of_input_after_shutdown_is_an_exit_and_what_is_open_is_told() {
    let repository = repository();
    let file = uri(repository.path(), "a.txt");
    let mut editor = Editor::start(Trial::default(), 1 << 16);
    editor.initialize(json!({})).await;
    editor.open(&file, "ab").await;
    editor.insert(&file, 1, 0, "x").await;
    let done = editor.request("shutdown", Value::Null).await;
    assert_eq!(done["result"], Value::Null);
    let heard = editor.heard.clone();
    assert_eq!(editor.leave().await, Ended::Orderly);
    let facts = heard.borrow().clone();
    assert_eq!(edits(&facts), (1, Some(digest("xab"))));
    assert!(matches!(facts.last(), Some(Fact::SessionEnded { .. })));
}

#[tokio::test]
async fn exit_ends_the_window_though_the_pipe_stays_open() {
    let mut editor = Editor::start(Trial::default(), 1 << 16);
    editor.initialize(json!({})).await;
    editor.request("shutdown", Value::Null).await;
    editor.send(json!({"jsonrpc": "2.0", "method": "exit"})).await;
    let ended = tokio::time::timeout(PATIENCE, &mut editor.ended).await.unwrap().unwrap();
    assert_eq!(ended, Ended::Orderly);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_window_ends_with_its_editor() {
    let mut parent = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let mut editor = Editor::start(Trial::default(), 1 << 16);
    editor.request("initialize", json!({"processId": parent.id(), "capabilities": {}})).await;
    parent.kill().unwrap();
    let ended = tokio::time::timeout(PATIENCE, &mut editor.ended).await.unwrap().unwrap();
    assert_eq!(ended, Ended::Orphaned);
    parent.wait().unwrap();
}

#[tokio::test]
async fn files_that_are_private_ignored_or_nowhere_are_silent() {
    let repository = repository();
    std::fs::write(repository.path().join(".gitignore"), "*.log\n").unwrap();
    let nowhere = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(Trial::default(), 1 << 16);
    editor.initialize(json!({})).await;
    let silent = [
        uri(repository.path(), "server.pem"),
        uri(repository.path(), "x.log"),
        uri(repository.path(), ".git/config"),
        uri(nowhere.path(), "a.txt"),
        "untitled:Untitled-1".to_owned(),
        "git:/a/b.txt?x".to_owned(),
        "::::".to_owned(),
    ];
    for file in &silent {
        editor.open(file, "secret").await;
        editor.insert(file, 1, 0, "x").await;
        editor.save(file).await;
    }
    let told = uri(repository.path(), "a.txt");
    editor.open(&told, "ab").await;
    editor.save(&told).await;
    let facts = editor.hears(|facts| matches!(facts.last(), Some(Fact::Saved { .. }))).await;
    assert_eq!(facts.len(), 3, "{facts:?}");
    editor.leave().await;
}

#[tokio::test]
async fn status_comes_to_a_client_that_asked() {
    let repository = repository();
    let mut editor = Editor::start(Trial::default(), 1 << 16);
    editor.initialize(json!({"status": true})).await;
    let file = uri(repository.path(), "a.txt");
    let first = editor.receive_until(|message| message["method"] == "codi2/status").await;
    assert_eq!(first["params"]["health"], "warning", "nothing is recorded yet: {first}");
    editor.open(&file, "ab").await;
    let well = editor.receive_until(|message| message["params"]["health"] == "ok").await;
    assert_eq!(well["params"]["connected"], true);
    editor.leave().await;
}

/// A window whose editor can take what there is to tell, with this much of its own settings.
async fn shown(options: Value) -> (tempfile::TempDir, String, Editor, Value) {
    let repository = repository();
    let file = uri(repository.path(), "a.txt");
    let mut editor = Editor::start(Trial::default(), 1 << 16);
    let capabilities = json!({
        "workspace": {"codeLens": {"refreshSupport": true}, "inlayHint": {"refreshSupport": true}},
        "textDocument": {"inlayHint": {"dynamicRegistration": true}},
        "experimental": {"codi2": {"blame": true}}});
    let params = json!({"processId": null, "capabilities": capabilities, "initializationOptions": options});
    let answer = editor.request("initialize", params).await;
    editor.notify("initialized", json!({})).await;
    editor.open(&file, "one\ntwo\n").await;
    (repository, file, editor, answer["result"]["capabilities"].clone())
}

fn hints(file: &str) -> Value {
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}});
    json!({"textDocument": {"uri": file}, "range": range})
}

#[tokio::test]
async fn lenses_are_shown_and_their_command_speaks() {
    let (_repository, file, mut editor, offered) = shown(Value::Null).await;
    assert_eq!(offered["codeLensProvider"]["resolveProvider"], false);
    assert_eq!(offered["executeCommandProvider"]["commands"], json!(["codi2.showOwner"]));
    assert!(offered.get("inlayHintProvider").is_none(), "off unless somebody wants them: {offered}");
    let lens = editor.request("textDocument/codeLens", json!({"textDocument": {"uri": file}})).await;
    let lens = &lens["result"][0];
    assert_eq!(lens["command"]["title"], "codi2: loading who wrote this");
    assert_eq!(lens["range"]["start"], json!({"line": 0, "character": 0}));
    editor.insert(&file, 1, 0, "x").await;
    let mut arguments = lens["command"]["arguments"].clone();
    arguments[0]["line"] = json!(0);
    let run = json!({"command": lens["command"]["command"], "arguments": arguments});
    editor.send(json!({"jsonrpc": "2.0", "id": 900, "method": "workspace/executeCommand", "params": run})).await;
    let (mut shown, mut answer) = (None, None);
    while shown.is_none() || answer.is_none() {
        let message = editor.receive().await;
        match message["method"].as_str() {
            Some("window/showMessage") => shown = Some(message["params"].clone()),
            None if message["id"] == 900 => answer = Some(message["result"].clone()),
            _ => {}
        }
    }
    let (shown, answer) = (shown.unwrap(), answer.unwrap());
    assert_eq!((&shown["message"], &shown["type"]), (&answer, &json!(3)));
    assert!(answer.as_str().unwrap().starts_with("line 1: "), "{answer}");
    for (command, arguments) in [("codi2.showOwner", json!([])), ("codi2.no", json!([{"uri": file}]))] {
        let run = json!({"command": command, "arguments": arguments});
        let refused = editor.request("workspace/executeCommand", run).await;
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    editor.leave().await;
}

#[tokio::test]
async fn views_are_switched_by_the_editors_settings() {
    let (_repository, file, mut editor, offered) = shown(json!({"codeLens": false, "inlayHints": 7})).await;
    assert!(offered.get("inlayHintProvider").is_none());
    let lens = editor.request("textDocument/codeLens", json!({"textDocument": {"uri": file}})).await;
    assert_eq!(lens["result"], Value::Null);
    let settings = json!({"settings": {"codi2": {"codeLens": true, "inlayHints": true}}});
    editor.notify("workspace/didChangeConfiguration", settings).await;
    let mut asked = Vec::new();
    while asked.len() < 3 {
        let message = editor.receive_until(|message| message["id"].is_i64() && message["method"].is_string()).await;
        asked.push(message["method"].as_str().unwrap().to_owned());
        editor.send(json!({"jsonrpc": "2.0", "id": message["id"], "result": null})).await;
    }
    // Hints are offered before they are to be asked for; lenses wait for neither.
    let of_hints: Vec<&String> = asked.iter().filter(|method| *method != "workspace/codeLens/refresh").collect();
    assert_eq!(of_hints, ["client/registerCapability", "workspace/inlayHint/refresh"], "{asked:?}");
    let lens = editor.request("textDocument/codeLens", json!({"textDocument": {"uri": file}})).await;
    assert_eq!(lens["result"].as_array().unwrap().len(), 1);
    let found = editor.request("textDocument/inlayHint", hints(&file)).await;
    assert_eq!(found["result"], json!([]), "nothing is known yet");
    editor.notify("workspace/didChangeConfiguration", json!({"settings": null})).await;
    editor.notify("workspace/didChangeConfiguration", json!({"settings": {"codi2": {"inlayHints": false}}})).await;
    let found = editor.request("textDocument/inlayHint", hints(&file)).await;
    assert_eq!(found["result"], Value::Null);
    editor.leave().await;
}

#[tokio::test]
async fn hints_that_are_on_are_offered_from_the_start() {
    let (_repository, _file, editor, offered) = shown(json!({"inlayHints": true})).await;
    assert_eq!(offered["inlayHintProvider"], true);
    editor.leave().await;
}

#[tokio::test]
async fn blame_answers_for_the_buffer_as_it_stands() {
    let (_repository, file, mut editor, _) = shown(Value::Null).await;
    editor.insert(&file, 1, 0, "new\n").await;
    let blame = editor.request("codi2/blame", json!({"uri": file, "start": 0, "end": 2})).await;
    let blame = &blame["result"];
    assert_eq!((&blame["version"], &blame["count"], &blame["start"]), (&json!(1), &json!(3), &json!(0)));
    let states: Vec<&Value> = blame["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &blame["owners"][usize::try_from(line["owner"].as_u64().unwrap()).unwrap()]["state"])
        .collect();
    assert_eq!(states, ["pending", "loading"]);
    let none = editor.request("codi2/blame", json!({"uri": "file:///never/opened"})).await;
    assert_eq!(none["result"], Value::Null);
    // The editor hears when what it shows is no longer so: here, that the hub is away.
    editor.news.get().unwrap().send(Input::Link(Link::default())).await.unwrap();
    editor.receive_until(|message| message["method"] == "codi2/ownersChanged").await;
    let lens = editor.request("textDocument/codeLens", json!({"textDocument": {"uri": file}})).await;
    let title = &lens["result"][0]["command"]["title"];
    assert_eq!(title, "codi2: the hub is away, who wrote this comes later");
    editor.leave().await;
}
