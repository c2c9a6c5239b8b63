-- The blame view, lenses and hints: what stands in them, how they follow the text, how they go away.
local T = ...

--- The rows of the view, or nothing where there is none.
local rows = [[
  for _, win in ipairs(vim.api.nvim_list_wins()) do
    local bufnr = vim.api.nvim_win_get_buf(win)
    if vim.api.nvim_buf_get_name(bufnr):find("codi2://blame", 1, true) then
      return vim.api.nvim_buf_get_lines(bufnr, 0, -1, true)
    end
  end
  return {}]]

--- Lua that gives one row, or an empty one.
local function row(number)
  return ("return ((function() %s end)()[%s] or '')"):format(rows, number)
end

local function wait_rows(child, what, expected)
  local got
  local ok = vim.wait(10000, function()
    got = child:lua(rows)
    return vim.deep_equal(got, expected)
  end, 10)
  assert(ok, ("%s: expected %s, got %s"):format(what, vim.inspect(expected), vim.inspect(got)))
end

local function float(child, words)
  child:wait("a float with " .. words, ([[for _, win in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(win).relative ~= "" then
      return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(win), 0, -1, true), "|"):find(%q, 1, true) ~= nil
    end end return false]]):format(words))
end

local function windows(child)
  return child:lua("return #vim.api.nvim_list_wins()")
end

--- The second of January 1970 is a date everywhere.
local date = os.date("%Y-%m-%d", 86400)

T.test(":Codi2Blame shows owners beside the lines, and why", function()
  local child = T.start({ lines = { "one", "two", "agent mixed", "unknown", "loading", "pending", "noAnswer" } })
  child:request("nvim_command", "Codi2Blame")
  local function columns(who, class, at)
    return (("%-20s  %-9s  %s"):format(who, class, at):gsub(" +$", ""))
  end
  wait_rows(child, "the view", {
    columns("Ada", "exact", date),
    "│",
    columns("agent Bot  [2J (m) +", "exact", date),
    columns("unknown", "unknown", date),
    columns("loading", "", ""),
    columns("not judged yet", "", date),
    columns("unknown", "no answer", ""),
  })
end)

T.test("the view follows the text and the owners, and scrolls with the file", function()
  local lines = {}
  for index = 1, 500 do
    lines[index] = index % 2 == 0 and "agent" or "person"
  end
  local child = T.start({ lines = lines })
  child:request("nvim_command", "Codi2Blame")
  child:wait("the view", "return vim.bo.filetype == 'codi2'")
  child:wait("the first rows", row(2) .. ":find('Bot')")
  assert(#child:lua(rows) == 500 and child:lua(row(400)) == "", "only what is in sight is asked for")
  child:keys("<C-w>lG")
  child:wait("the last rows", row(500) .. ":find('Bot') ~= nil")
  local tops = child:lua([[local tops = {} for _, win in ipairs(vim.api.nvim_list_wins()) do tops[#tops + 1] = vim.fn.line("w0", win) end return tops]])
  assert(#tops == 2 and tops[1] == tops[2], vim.inspect(tops))
  -- Typed text is another's at once; a line more is a row more.
  child:keys("oagent mixed<Esc>")
  child:wait("the new row", row(501) .. ":find('%+') ~= nil")
  child:keys("ggdG")
  child:wait("one row", "return #(function() " .. rows .. " end)() == 1")
  -- The owners change without the text: the server is asked again when it says so.
  local function asked()
    local count = 0
    for _, message in ipairs(child:heard()) do
      count = count + (message.method == "codi2/blame" and 1 or 0)
    end
    return count
  end
  local before = asked()
  child:lua([[vim.lsp.get_clients({ name = "codi2" })[1].rpc.notify("test/tell", { method = "codi2/ownersChanged", params = {} })]])
  assert(vim.wait(10000, function()
    return asked() > before
  end, 20), "it does not ask again")
end)

T.test("the view goes away cleanly, whoever closes what", function()
  local child = T.start({ lines = { "one", "agent" } })
  local function state()
    return child:lua([[return { vim.wo.scrollbind, vim.wo.cursorbind, vim.wo.wrap, vim.wo.foldenable, #vim.api.nvim_list_wins(), #vim.api.nvim_list_bufs() }]])
  end
  local before = state()
  for _, way in ipairs({ "q", ":Codi2Blame<CR>", "<C-w>l:Codi2Blame<CR>", ":close<CR>" }) do
    child:request("nvim_command", "Codi2Blame")
    child:wait("the view", "return vim.bo.filetype == 'codi2' and vim.wo.scrollbind")
    child:keys(way)
    child:wait("its end by " .. way, "return #vim.api.nvim_list_wins() == 1")
    assert(vim.deep_equal(state(), before), way .. ": " .. vim.inspect(state()))
  end
  -- Another file in the window, and the window closed.
  child:request("nvim_command", "Codi2Blame")
  child:wait("the view", "return vim.bo.filetype == 'codi2' and vim.wo.scrollbind")
  child:keys("<C-w>l:edit b.txt<CR>")
  child:wait("its end", "return #vim.api.nvim_list_wins() == 1")
  assert(not child:lua("return vim.wo.scrollbind"))
  child:keys(":edit a.txt<CR>")
  assert(vim.deep_equal(vim.list_slice(state(), 1, 4), vim.list_slice(before, 1, 4)), vim.inspect(state()))
  child:keys(":split<CR>:Codi2Blame<CR>")
  child:wait("the view", "return #vim.api.nvim_list_wins() == 3")
  child:keys("<C-w>l:close<CR>")
  child:wait("its end", "return #vim.api.nvim_list_wins() == 1")
end)

T.test("another file beside the view, or in it, ends it and stays as it is", function()
  local child = T.start({ lines = { "one", "agent" } })
  -- The file stays in a second window, so nothing leaves.
  child:keys(":split<CR>:Codi2Blame<CR>")
  child:wait("the view", "return vim.bo.filetype == 'codi2' and vim.wo.scrollbind")
  child:keys("<C-w>l:edit b.txt<CR>")
  child:wait("its end", "return #vim.api.nvim_list_wins() == 2")
  local here = [[return { vim.fn.expand("%:t"), vim.wo.scrollbind, vim.wo.cursorbind, vim.wo.wrap, vim.wo.foldenable }]]
  assert(vim.deep_equal(child:lua(here), { "b.txt", false, false, true, true }), vim.inspect(child:lua(here)))
  child:keys(":only<CR>:edit a.txt<CR>")
  assert(vim.deep_equal(child:lua(here), { "a.txt", false, false, true, true }), vim.inspect(child:lua(here)))
  -- A file in the view's own window: not by accident; on purpose it is kept.
  child:keys(":Codi2Blame<CR>")
  child:wait("the view", "return vim.bo.filetype == 'codi2' and vim.wo.scrollbind")
  assert(child:lua("return pcall(vim.cmd.edit, 'c.txt')") == false and child:lua("return vim.bo.filetype") == "codi2")
  child:keys(":edit! c.txt<CR>")
  child:wait("the view's end", [[return vim.fn.expand("%:t") == "c.txt" and not vim.wo.winfixwidth and not vim.wo.winfixbuf]])
  assert(vim.deep_equal(child:lua(here), { "c.txt", false, false, true, true }), vim.inspect(child:lua(here)))
  child:keys("<C-w>l")
  assert(vim.deep_equal(child:lua(here), { "a.txt", false, false, true, true }), vim.inspect(child:lua(here)))
  assert(windows(child) == 2)
end)

T.test(":q on the last file beside its view ends Neovim, unless text is not saved", function()
  local child = T.start({ lines = { "one", "agent" }, setup = "vim.o.hidden = true" })
  child:request("nvim_command", "Codi2Blame")
  child:wait("the view", "return vim.bo.filetype == 'codi2' and vim.wo.scrollbind")
  child:keys("<C-w>lox<Esc>:close<CR>")
  child:wait("the text", [[return #vim.api.nvim_list_wins() == 1 and vim.api.nvim_buf_get_lines(0, 0, -1, true)[2] == "x"]])
  child:keys(":write<CR>:Codi2Blame<CR>")
  child:wait("the view again", "return vim.bo.filetype == 'codi2' and vim.wo.scrollbind")
  -- At once: there is nobody to ask between keys.
  child.dead = true
  vim.rpcnotify(child.channel, "nvim_input", "<C-w>l:q<CR>")
  assert(vim.fn.jobwait({ child.channel }, 10000)[1] == 0, "it goes on")
end)

T.test("<CR> in the view and :Codi2Blame line tell why", function()
  local child = T.start({ lines = { "one", "agent mixed" } })
  child:request("nvim_command", "Codi2Blame")
  child:wait("the view", row(2) .. ":find('Bot') ~= nil")
  child:keys("G<CR>")
  float(child, "agent Bot  [2J (m), exact, mixed with others")
  float(child, "intent-exact: digests match")
  child:keys("q")
  child:wait("no view", "return #vim.api.nvim_list_wins() == 1")
  child:keys("gg:Codi2Blame line<CR>")
  float(child, "Ada, exact")
end)

T.test("what is not recorded, a hub that is away and a sidecar that is gone are said", function()
  local child = T.start({ lines = { "private" } })
  local function said(words)
    child:wait(words, ([[return vim.api.nvim_exec2("messages", { output = true }).output:find(%q, 1, true) ~= nil]]):format(words))
  end
  child:request("nvim_command", "Codi2Blame")
  said("codi2: this file is not recorded")
  assert(windows(child) == 1)
  child:keys(":enew<CR>:Codi2Blame<CR>")
  said("this buffer is no file of a git repository")
  child:keys(":edit a.txt<CR>")
  child:lua([[vim.lsp.get_clients({ name = "codi2" })[1].rpc.notify("test/tell", { method = "codi2/status", params = {
    health = "warning", message = "codi2: not recording, this file is private", connected = true, session = "s", sessions = 1, pending = 0, spoolBytes = 0, heartbeat = 2 } })]])
  child:wait("the status", "return require('codi2.status').state(0).health == 'warning'")
  child:request("nvim_command", "Codi2Blame")
  said("codi2: not recording, this file is private")
  local away = T.start({ lines = { "loading" } })
  away:lua([[vim.lsp.get_clients({ name = "codi2" })[1].rpc.notify("test/tell", { method = "codi2/status", params = {
    health = "warning", message = "codi2: hub away", connected = false, session = "s", sessions = 1, pending = 0, spoolBytes = 0, heartbeat = 2 } })]])
  away:wait("the status", "return require('codi2.status').state(0).health == 'warning'")
  away:request("nvim_command", "Codi2Blame")
  wait_rows(away, "the view", { "hub away, not known yet" })
end)

T.test(":Codi2Lens shows the sidecar's lenses alone, and its command speaks", function()
  local child = T.start({ setup = T.other })
  local function lenses()
    return child:lua([[local words = {}
      for name, ns in pairs(vim.api.nvim_get_namespaces()) do
        if name:find("codelens") then
          for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, ns, 0, -1, { details = true })) do
            words[#words + 1] = mark[4].virt_text[1][1]
          end
        end
      end
      return words]])
  end
  child:keys("Ax<Esc>")
  assert(#lenses() == 0, "off unless asked for")
  child:request("nvim_command", "Codi2Lens")
  assert(vim.wait(10000, function()
    return vim.deep_equal(lenses(), { "Ada 100%" })
  end, 10), vim.inspect(lenses()))
  child:lua("vim.lsp.codelens.run()")
  child:wait("the words", [[return vim.api.nvim_exec2("messages", { output = true }).output:find("Ada wrote all of it", 1, true) ~= nil]])
  for _, message in ipairs(child:heard("other")) do
    assert(message.method ~= "textDocument/codeLens")
  end
  child:request("nvim_command", "Codi2Lens")
  assert(#lenses() == 0)
end)

T.test("lenses are asked for where they are seen, and drawn where they changed", function()
  local child = T.start({})
  local function asked(name)
    local count = 0
    for _, message in ipairs(child:heard()) do
      local uri = message.method == "textDocument/codeLens" and message.params.textDocument.uri
      count = count + (uri and uri:find(name, 1, true) and 1 or 0)
    end
    return count
  end
  local function refresh()
    child:lua([[vim.lsp.get_clients({ name = "codi2" })[1].rpc.notify("test/ask", { method = "workspace/codeLens/refresh", params = vim.NIL })]])
  end
  child:lua([[drawn = 0
    local display = vim.lsp.codelens.display
    vim.lsp.codelens.display = function(...) drawn = drawn + 1 return display(...) end]])
  child:request("nvim_command", "set hidden")
  child:request("nvim_command", "Codi2Lens")
  child:wait("a.txt's", "return drawn == 1")
  child:keys(":edit b.txt<CR>")
  child:wait("b.txt's", "return drawn == 2")
  local a, b = asked("a.txt"), asked("b.txt")
  -- Both are open, one is seen; and nothing changed.
  refresh()
  assert(vim.wait(10000, function()
    return asked("b.txt") > b
  end, 20), "it does not ask again")
  assert(asked("a.txt") == a and child:lua("return drawn") == 2)
  child:keys(":buffer a.txt<CR>")
  assert(vim.wait(10000, function()
    return asked("a.txt") > a
  end, 20), "it does not ask for what is seen again")
  child:keys("Ax<Esc>")
  child:wait("the changed text's", "return drawn == 3")
end)

T.test("what one change takes does not grow with the buffers", function()
  local child = T.start({})
  child:request("nvim_command", "set hidden")
  local function looks()
    return child:lua([[local count, uri = 0, vim.uri_from_bufnr
      vim.uri_from_bufnr = function(...) count = count + 1 return uri(...) end
      vim.api.nvim_buf_set_lines(0, 0, 0, true, { "more" })
      vim.uri_from_bufnr = uri
      return count]])
  end
  looks()
  local one = looks()
  for index = 1, 40 do
    child:lua("vim.cmd.edit(...)", ("b%d.txt"):format(index))
  end
  looks()
  assert(one > 0 and looks() == one, ("%d looks in one buffer, %d in 41"):format(one, looks()))
end)

T.test(":Codi2Hints tells the sidecar, and shows what it then offers", function()
  local child = T.start({})
  local function shown()
    return child:lua("return #vim.lsp.inlay_hint.get({ bufnr = 0 })")
  end
  child:request("nvim_command", "Codi2Hints")
  -- As the sidecar does when it hears of it.
  child:lua([[local rpc = vim.lsp.get_clients({ name = "codi2" })[1].rpc
    rpc.notify("test/ask", { method = "client/registerCapability", params = { registrations = { { id = "h", method = "textDocument/inlayHint" } } } })
    rpc.notify("test/ask", { method = "workspace/inlayHint/refresh", params = vim.NIL })]])
  assert(vim.wait(10000, function()
    return shown() == 1
  end, 10), "no hint")
  child:request("nvim_command", "Codi2Hints")
  assert(child:lua("return vim.lsp.inlay_hint.is_enabled({ bufnr = 0 })") == false)
  local told = {}
  for _, message in ipairs(child:heard()) do
    if message.method == "workspace/didChangeConfiguration" then
      told[#told + 1] = message.params.settings.codi2.inlayHints
    end
  end
  assert(vim.deep_equal(told, { true, false }), vim.inspect(told))
end)
