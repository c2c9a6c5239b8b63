-- The client around the hints: starting, sharing, dying, the status line, the commands, health, help.
local T = ...

local function count(messages, method)
  local found = 0
  for _, message in ipairs(messages) do
    found = found + (message.method == method and 1 or 0)
  end
  return found
end

local function find(messages, method)
  for _, message in ipairs(messages) do
    if message.method == method then
      return message
    end
  end
end

T.test("says what it can do", function()
  local child = T.start({})
  local hello = find(child:heard(), "initialize")
  assert(vim.deep_equal(hello.params.capabilities.experimental.codi2, { status = true, editHint = true, documentText = true, blame = true }))
  assert(hello.params.rootUri == vim.uri_from_fname(vim.fs.dirname(child.file)), hello.params.rootUri)
end)

T.test("one sidecar serves all buffers of a repository", function()
  local child = T.start({})
  vim.fn.mkdir(vim.fs.dirname(child.file) .. "/deep", "p")
  child:request("nvim_command", "edit deep/b.txt")
  child:wait("the second buffer", "return #vim.lsp.get_clients({ name = 'codi2', bufnr = 0 }) == 1")
  assert(child:lua("return #vim.lsp.get_clients({ name = 'codi2' })") == 1)
  local opened = count(child:heard(), "textDocument/didOpen")
  assert(opened == 2, tostring(opened))
end)

T.test("leaves alone what is no file of a repository", function()
  local child = T.start({})
  for _, command in ipairs({ "enew", "edit " .. child.folder .. "/outside.txt", "edit .git/COMMIT_EDITMSG", "edit b.txt | setlocal buftype=nofile | edit" }) do
    child:request("nvim_command", command)
    assert(child:lua("return #vim.lsp.get_clients({ name = 'codi2', bufnr = 0 })") == 0, command)
    assert(child:lua("return require('codi2').statusline()") == "", command)
  end
end)

T.test("can be switched off for a buffer", function()
  local child = T.start({ detached = true, setup = [[
    require("codi2").setup({ enabled = function(bufnr) return not vim.api.nvim_buf_get_name(bufnr):find("a.txt") end })]] })
  assert(child:lua("return #vim.lsp.get_clients({ name = 'codi2' })") == 0)
end)

T.test("works beside another language server, which hears no hints", function()
  local child = T.start({ setup = T.other })
  child:keys("Ax<Esc>")
  assert(vim.deep_equal(child:sources(), { "typed" }))
  local other = child:heard("other")
  assert(count(other, "codi2/editHint") == 0 and count(other, "textDocument/didChange") == 1)
end)

T.test("hints go out before their change when we listen first", function()
  local child = T.start({})
  child:keys("Axyz<Esc>")
  local before
  for _, message in ipairs(child:heard()) do
    if message.method == "codi2/editHint" then
      before = message.params.version
    elseif message.method == "textDocument/didChange" then
      assert(before == message.params.textDocument.version)
    end
  end
  assert(before)
end)

T.test("hints keep up with a server that listened first", function()
  local child = T.start({ detached = true, setup = [[
    require("codi2").setup({ enabled = false })]] .. T.other })
  child:lua([[require("codi2").setup({ cmd = { "python3", RECORDER, "lsp" } })]])
  child:wait("ours", "local c = vim.lsp.get_clients({ name = 'codi2', bufnr = 0 })[1] return c and c.initialized or false")
  child:sources()
  child:keys("Axy<Esc>u")
  assert(vim.deep_equal(child:sources(), { "typed", "undo" }))
end)

T.test("answers with a document's text", function()
  for _, case in ipairs({ { "unix", "ä\nb\n" }, { "dos", "ä\r\nb\r\n" } }) do
    local child = T.start({ lines = { "ä", "b" } })
    child:lua("vim.bo.fileformat = ...", case[1])
    child:lua([[vim.lsp.get_clients({ name = "codi2" })[1].rpc.notify("test/ask",
      { method = "codi2/documentText", params = { uri = vim.uri_from_bufnr(0) } })]])
    local reply
    assert(vim.wait(5000, function()
      for _, message in ipairs(child:heard()) do
        reply = message.id == "asked-1" and message or reply
      end
      return reply
    end, 10))
    assert(reply.result.text == case[2], vim.inspect(reply))
    assert(reply.result.version == child:lua("return vim.lsp.util.buf_versions[1]"))
  end
end)

T.test("the status line follows the sidecar, and shows when it falls silent", function()
  local child = T.start({ setup = [[
    vim.o.statusline = "%{v:lua.require'codi2'.statusline()}"
    require("codi2").options.stale_after = 1]] })
  local function line()
    return child:lua("return vim.api.nvim_eval_statusline(vim.o.statusline, {}).str")
  end
  child:wait("the first status", "return require('codi2.status').state(0).health ~= 'starting'")
  assert(line():find("codi2: 1 editor", 1, true), line())
  child:wait("silence", "return require('codi2.status').state(0).health == 'stale'")
  assert(line():find("✗ codi2: no heartbeat for %d s"), line())
  child:lua([[vim.lsp.get_clients({ name = "codi2" })[1].rpc.notify("test/tell", { method = "codi2/status", params = {
    health = "warning", message = "codi2: the hub is %{away}\n", connected = false, session = "s", sessions = 1,
    pending = 7, spoolBytes = 9, heartbeat = 2 } })]])
  child:wait("the next beat", "return require('codi2.status').state(0).health == 'warning'")
  assert(line():find("! codi2: the hub is %{away}  (7 waiting)", 1, true), line())
end)

T.test("a sidecar that dies is started again, but not for ever, and typing goes on", function()
  local child = T.start({})
  for round = 1, 4 do
    child:wait("a sidecar", "local c = vim.lsp.get_clients({ name = 'codi2', bufnr = 0 })[1] return c and c.initialized or false")
    -- It dies behind her back, or in the middle of an insert.
    local inserts = round % 2 == 0
    child:keys(inserts and "A" or "")
    child:lua([[OLD = vim.lsp.get_clients({ name = "codi2" })[1].id
      vim.lsp.get_client_by_id(OLD).rpc.notify("test/die", {})]])
    child:wait("its end", "local c = vim.lsp.get_client_by_id(OLD) return c == nil or c:is_stopped()")
    child:keys((inserts and "" or "A") .. round .. "<Esc>")
    if round < 4 then
      child:wait("the next one", "local c = vim.lsp.get_clients({ name = 'codi2', bufnr = 0 })[1] return c and c.id ~= OLD and c.initialized or false")
      -- It has what was typed before it answered, and hears what is typed now.
      child:keys("A.<BS><Esc>")
      assert(vim.deep_equal(child:sources(), { "typed" }))
    end
  end
  child:wait("the word that it is over", [[return vim.api.nvim_exec2("messages", { output = true }).output:find("again and again") ~= nil]])
  child:keys("A!<Esc>")
  local line = child:request("nvim_get_current_line")
  assert(line == "one1234!", line)
  child:wait("no sidecar", "return #vim.lsp.get_clients({ name = 'codi2' }) == 0")
  assert(child:lua("return require('codi2').statusline()"):find("not running"))
  -- Nothing but loading the file again brings it back, and it hears what is typed then.
  child:request("nvim_command", "doautocmd BufEnter")
  child:keys("A?<Esc>")
  assert(child:lua("return #vim.lsp.get_clients({ name = 'codi2' })") == 0)
  child:request("nvim_command", "edit!")
  child:wait("a sidecar again", "local c = vim.lsp.get_clients({ name = 'codi2', bufnr = 0 })[1] return c and c.initialized or false")
  child:sources()
  child:keys("Atwo<Esc>")
  assert(vim.deep_equal(child:sources(), { "typed" }))
  assert(child:request("nvim_get_current_line") == "onetwo")
end)

T.test("a sidecar that does not even start is tried once", function()
  local child = T.start({ detached = true, setup = [[require("codi2").setup({ cmd = { "false", "lsp" } })]] })
  child:wait("the word", [[return vim.api.nvim_exec2("messages", { output = true }).output:find("does not start") ~= nil]])
  child:request("nvim_command", "edit b.txt | edit! a.txt | doautocmd BufEnter")
  child:keys("Ax<Esc>")
  local _, warnings = child:request("nvim_exec2", "messages", { output = true }).output:gsub("does not start", "")
  -- Each load of a buffer is a try; nothing else is.
  assert(warnings <= 3, "tried " .. warnings .. " times")
end)

T.test("an error of ours is one warning and never stops typing", function()
  local child = T.start({})
  child.errors_expected = true
  child:lua([[require("codi2.source").judge = function() error("made by the test") end]])
  child:keys("Ahello<Esc>")
  assert(child:request("nvim_get_current_line") == "onehello")
  child:wait("the word", [[return vim.api.nvim_exec2("messages", { output = true }).output:find("made by the test") ~= nil]])
  local _, warnings = child:request("nvim_exec2", "messages", { output = true }).output:gsub("made by the test", "")
  assert(warnings == 1, warnings)
  assert(child:lua("return require('codi2.guard').errors") == 5)
end)

T.test("nothing is said in the middle of an insert", function()
  local child = T.start({})
  local said = [[return vim.api.nvim_exec2("messages", { output = true }).output:find("a long word") ~= nil]]
  child:keys("A")
  child:lua([[require("codi2.guard").say(("a long word "):rep(20))
    -- As Neovim does when it puts a client away; during a prompt it would take the cursor back.
    vim.schedule(function() vim.api.nvim_buf_call(0, function() end) end)]])
  child:keys("x")
  assert(not child:lua(said))
  child:keys("y<Esc>")
  child:wait("the word", said)
  assert(child:request("nvim_get_current_line") == "onexy")
end)

T.test("a missing program is one warning", function()
  local child = T.start({ detached = true, setup = [[require("codi2").setup({ cmd = { "no-such-codi2", "lsp" } })]] })
  child:request("nvim_command", "edit b.txt")
  child:wait("the word", [[return vim.api.nvim_exec2("messages", { output = true }).output:find("no program") ~= nil]])
  local _, warnings = child:request("nvim_exec2", "messages", { output = true }).output:gsub("no program no%-such%-codi2", "")
  assert(warnings == 1, warnings)
end)

T.test("settings that do not exist are named", function()
  local child = T.start({})
  local ok, problem = child:lua([[local ok, problem = pcall(require("codi2").setup, { command = {} }) return tostring(problem)]])
  assert(ok:find('no setting "command"', 1, true), ok)
end)

T.test(":Codi2Log and :Codi2Status show what the program prints", function()
  local child = T.start({ setup = T.fake_program })
  child:request("nvim_command", "Codi2Log --kind edit")
  child:wait("the log", [[return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), "|"):find("ran log %-%-format human %-%-kind edit") ~= nil]])
  child:keys("q")
  child:request("nvim_command", "Codi2Status")
  child:wait("the status", [[return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), "|"):find("ran status") ~= nil]])
  child:keys("q")
  child:request("nvim_command", "Codi2Log --fail")
  child:wait("the warning", [[return vim.api.nvim_exec2("messages", { output = true }).output:find("it failed") ~= nil]])
end)

T.test(":checkhealth codi2 tells what is there and what is not", function()
  local child = T.start({})
  child:wait("the first status", "return require('codi2.status').state(0).health == 'ok'")
  child:request("nvim_command", "checkhealth codi2")
  local text = table.concat(child:request("nvim_buf_get_lines", 0, 0, -1, true), "\n")
  for _, words in ipairs({ "Neovim", "python3", "1 editor", "no errors" }) do
    assert(text:find(words, 1, true), words .. " is not in " .. text)
  end
  child:lua([[require("codi2").options.cmd = { "no-such-codi2" }]])
  child:request("nvim_command", "checkhealth codi2")
  text = table.concat(child:request("nvim_buf_get_lines", 0, 0, -1, true), "\n")
  assert(text:find("no program no-such-codi2", 1, true), text)
end)

T.test("the help has a tag for each command, setting and function", function()
  local child = T.start({})
  local doc = vim.fs.dirname(vim.fs.dirname(T.here)) .. "/neovim/doc"
  local copy = child.folder .. "/doc"
  vim.fn.mkdir(copy)
  assert(vim.uv.fs_copyfile(doc .. "/codi2.txt", copy .. "/codi2.txt"))
  vim.cmd.helptags(copy)
  local tags = table.concat(vim.fn.readfile(copy .. "/tags"), "\n")
  local wanted = { "codi2", "codi2-health" }
  for name in pairs(child:lua("return vim.api.nvim_get_commands({})")) do
    if name:find("^Codi2") then
      wanted[#wanted + 1] = ":" .. name
    end
  end
  for _, name in ipairs(child:lua("return vim.tbl_keys(require('codi2').options)")) do
    wanted[#wanted + 1] = "codi2-option-" .. name
  end
  for _, name in ipairs({ "setup()", "statusline()", "attach()" }) do
    wanted[#wanted + 1] = "codi2." .. name
  end
  assert(#wanted == 15, vim.inspect(wanted))
  for _, tag in ipairs(wanted) do
    assert(("\n" .. tags):find("\n" .. tag .. "\t", 1, true), "no help tag for " .. tag)
  end
  -- References to tags of our own that are not there.
  for line in io.lines(doc .. "/codi2.txt") do
    for reference in line:gmatch("|([^| ]*[cC]odi2[^| ]*)|") do
      assert(("\n" .. tags):find("\n" .. reference .. "\t", 1, true), "no tag for |" .. reference .. "|")
    end
  end
end)
