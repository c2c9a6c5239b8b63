#!/usr/bin/env python3
"""A language server for the client's tests: writes down all that arrives, as JSON lines in $RECORD (stdlib only).

As `recorder.py lsp` it stands for the sidecar; as `recorder.py other` for somebody else's language server, with
formatting, rename, completion and a code action. `test/ask` makes it ask the client, `test/tell` makes it tell it
something, `test/mark` only shows in the record that everything before it arrived, `test/die` kills it.
"""
import json
import os
import sys

inp, out = sys.stdin.buffer, sys.stdout.buffer
role = sys.argv[1]
record = open(os.environ["RECORD"] + "." + role, "a", buffering=1)
docs = {}
ZERO = {"line": 0, "character": 0}


def send(message):
    body = json.dumps(dict(jsonrpc="2.0", **message)).encode()
    out.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    out.flush()


def read():
    size = None
    while True:
        line = inp.readline()
        if not line:
            return None
        if line in (b"\r\n", b"\n"):
            break
        key, _, value = line.partition(b":")
        if key.lower() == b"content-length":
            size = int(value)
    return json.loads(inp.read(size))


def offset(text, position):
    lines = text.split("\n")
    if position["line"] >= len(lines):
        return len(text)
    start = sum(len(line) + 1 for line in lines[: position["line"]])
    units = 0
    for index, char in enumerate(lines[position["line"]]):
        if units >= position["character"]:
            return start + index
        units += 2 if ord(char) > 0xFFFF else 1
    return start + len(lines[position["line"]])


def insert(text):
    return [{"range": {"start": ZERO, "end": ZERO}, "newText": text}]


def blame(text, params):
    """Lines that name a kind are that kind's, `mixed` ones are mixed, all others Ada's; nothing for `private`."""
    if text is None or text.startswith("private"):
        return None
    lines = text.split("\n")[: -1 if text.endswith("\n") else None]
    owners, answered = [], []
    for line in lines[params["start"] : params.get("end")]:
        kind = next((kind for kind in ("agent", "unknown", "loading", "pending", "noAnswer") if kind in line), "person")
        if kind in ("loading", "noAnswer"):
            owner = {"state": kind}
        elif kind == "pending":
            owner = {"state": kind, "at_ms": 86400000}
        else:
            origin = {"person": {"kind": "person", "name": "Ada <ada@x>"}, "unknown": {"kind": "unknown"}}
            origin = origin.get(kind, {"kind": "agent", "name": "Bot\n\u001b[2J", "model": "m"})
            evidence = [{"kind": "intent-exact", "detail": "digests\nmatch"}]
            verdict = {"origin": origin, "class": "unknown" if kind == "unknown" else "exact", "evidence": evidence}
            owner = {"state": "judged", "verdict": verdict, "at_ms": 86400000}
        if owner not in owners:
            owners.append(owner)
        answered.append(dict({"owner": owners.index(owner)}, **({"mixed": True} if "mixed" in line else {})))
    start = min(params["start"], len(lines))
    return {"version": 0, "count": len(lines), "outOfStep": False, "start": start, "lines": answered, "owners": owners}


def answer(method, params):
    if method == "initialize":
        capabilities = {"textDocumentSync": {"openClose": True, "change": 2, "save": True}}
        if role == "lsp":
            capabilities.update(codeLensProvider={}, executeCommandProvider={"commands": ["codi2.showOwner"]})
        if role == "other":
            capabilities.update(
                documentFormattingProvider=True,
                renameProvider=True,
                codeActionProvider=True,
                completionProvider={"triggerCharacters": ["."]},
            )
        return {"capabilities": capabilities, "serverInfo": {"name": role, "version": "0"}}
    if method == "textDocument/formatting":
        return insert("formatted ")
    if method == "textDocument/rename":
        return {"changes": {params["textDocument"]["uri"]: insert(params["newName"] + " ")}}
    if method == "textDocument/codeAction":
        uri = params["textDocument"]["uri"]
        return [{"title": "act", "kind": "quickfix", "edit": {"changes": {uri: insert("acted ")}}}]
    if method == "codi2/blame":
        return blame(docs.get(params["uri"]), params)
    if method == "textDocument/codeLens":
        said = {"title": "Ada 100%", "command": "codi2.showOwner", "arguments": [{"uri": params["textDocument"]["uri"]}]}
        return [{"range": {"start": ZERO, "end": ZERO}, "command": said}]
    if method == "textDocument/inlayHint":
        return [{"position": ZERO, "label": "Ada, 12:00", "paddingLeft": True}]
    if method == "workspace/executeCommand":
        send({"method": "window/showMessage", "params": {"type": 3, "message": "Ada wrote all of it"}})
        return "Ada wrote all of it"
    if method == "textDocument/completion":
        return {"isIncomplete": False, "items": [{"label": "from_server", "insertText": "from_server"}]}
    return None


asked = 0
while True:
    message = read()
    if message is None:
        break
    record.write(json.dumps(message) + "\n")
    method, params, number = message.get("method"), message.get("params") or {}, message.get("id")
    if method == "exit":
        sys.exit(0)
    if method == "initialized" and role == "lsp":
        status = {"health": "ok", "message": "codi2: 1 editor", "connected": True, "session": "s", "sessions": 1}
        send({"method": "codi2/status", "params": dict(status, pending=0, spoolBytes=0, heartbeat=1)})
    elif method == "textDocument/didOpen":
        docs[params["textDocument"]["uri"]] = params["textDocument"]["text"]
    elif method == "textDocument/didChange":
        uri = params["textDocument"]["uri"]
        for change in params["contentChanges"]:
            text = docs[uri]
            start, end = offset(text, change["range"]["start"]), offset(text, change["range"]["end"])
            docs[uri] = text[:start] + change["text"] + text[end:]
    elif method == "test/text":
        record.write(json.dumps({"text": docs.get(params["uri"])}) + "\n")
    elif method == "test/ask":
        asked += 1
        send({"id": "asked-%d" % asked, "method": params["method"], "params": params["params"]})
    elif method == "test/tell":
        send({"method": params["method"], "params": params["params"]})
    elif method == "test/die":
        os._exit(3)
    if number is not None and method:
        send({"id": number, "result": answer(method, params)})
