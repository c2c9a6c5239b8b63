-- Tests of the client: a real Neovim with an attached screen, driven key by key, against a server that writes down all
-- it hears:  nvim --headless -u NONE -i NONE -l tests/run.lua [NAME PATTERN]
-- Ends with `N passed, N failed`. Absent on purpose: the real sidecar (the Rust scenarios have it).
local here = vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(debug.getinfo(1, "S").source:sub(2), ":p")))
local plugin = vim.fs.dirname(here)
local wanted = arg and arg[1] or ""

local T = { passed = 0, failed = 0, skipped = 0, here = here }

local Child = {}
Child.__index = Child

local number = 0

--- Starts a Neovim with the client, in a repository of its own with `a.txt`.
--- @param options { lines?: string[], setup?: string, name?: string }
function T.start(options)
  number = number + 1
  local folder = vim.fn.tempname()
  vim.fn.mkdir(folder .. "/repo/.git", "p")
  vim.fn.writefile({ "ref: refs/heads/main" }, folder .. "/repo/.git/HEAD")
  vim.fn.mkdir(folder .. "/config/nvim", "p")
  local file = folder .. "/repo/" .. (options.name or "a.txt")
  vim.fn.writefile(options.lines or { "one", "two", "foobar" }, file)
  local init = folder .. "/config/nvim/init.lua"
  vim.fn.writefile(
    vim.split(
      ([[
        vim.opt.runtimepath:prepend(%q)
        vim.o.swapfile = false
        vim.o.autoread = true
        vim.o.showmode = false
        -- No "Press ENTER": it would stop the driver.
        if not pcall(function() vim.o.messagesopt = "wait:0,history:500" end) then vim.o.cmdheight = 15 end
        RECORDER = %q
        require("codi2").setup({ cmd = { "python3", RECORDER, "lsp" } })
      ]]):format(plugin, here .. "/recorder.py") .. (options.setup or ""),
      "\n"
    ),
    init
  )
  local record = folder .. "/record"
  local channel = vim.fn.jobstart({ vim.env.CODI2_NVIM or vim.v.progpath, "--embed", "-i", "NONE", "-n", "-u", init, file }, {
    rpc = true,
    cwd = folder .. "/repo",
    env = { RECORD = record, XDG_CONFIG_HOME = folder .. "/config", XDG_STATE_HOME = folder, XDG_DATA_HOME = folder, NVIM_APPNAME = "nvim" },
  })
  assert(channel > 0, "Neovim does not start")
  local self = setmetatable({ channel = channel, folder = folder, file = file, record = record, marks = 0 }, Child)
  self:request("nvim_ui_attach", 100, 30, { rgb = true })
  if not options.detached then
    self:wait("the sidecar", "local c = vim.lsp.get_clients({ name = 'codi2', bufnr = 0 })[1] return c and c.initialized or false")
  end
  if (options.setup or ""):find('name = "other"', 1, true) then
    self:wait("the other server", "local c = vim.lsp.get_clients({ name = 'other', bufnr = 0 })[1] return c and c.initialized or false")
  end
  return self
end

function Child:request(method, ...)
  return vim.rpcrequest(self.channel, method, ...)
end

function Child:lua(code, ...)
  return self:request("nvim_exec_lua", code, { ... })
end

--- Waits until Lua code in the child gives something true.
function Child:wait(what, code)
  local value
  local ok = vim.wait(10000, function()
    value = self:lua(code)
    return value and value ~= vim.NIL
  end, 10)
  if not ok then
    error(("waited for: %s; messages: %s"):format(what, self:request("nvim_exec2", "messages", { output = true }).output), 2)
  end
  return value
end

--- Types keys one at a time; each is worked through before the next.
function Child:keys(keys)
  local index = 1
  while index <= #keys do
    local key = keys:match("^<[%w%-]+>", index) or keys:match("^[%z\1-\127\194-\244][\128-\191]*", index)
    self:request("nvim_input", key)
    index = index + #key
    -- A prefix of a mapping waits for more: go on then.
    vim.wait(30, function()
      return not self:request("nvim_get_mode").blocking
    end, 2)
    if not self:request("nvim_get_mode").blocking then
      self:lua("return true")
    end
  end
  self:settle()
end

--- Waits until nothing typed is left to work through.
function Child:settle()
  vim.wait(2000, function()
    return not self:request("nvim_get_mode").blocking
  end, 2)
  if not self:request("nvim_get_mode").blocking then
    self:lua("return true")
  end
end

--- Everything the server with this role heard until now.
function Child:heard(role)
  self.marks = self.marks + 1
  local mark = self.marks
  self:lua(
    [[local name, mark = ...
      local client = vim.lsp.get_clients({ name = name })[1]
      client.rpc.notify("test/text", { uri = vim.uri_from_bufnr(0) })
      client.rpc.notify("test/mark", { mark = mark })]],
    role == "other" and "other" or "codi2",
    mark
  )
  local messages = {}
  local ok = vim.wait(10000, function()
    messages = {}
    for _, line in ipairs(vim.fn.readfile(self.record .. "." .. (role or "lsp"))) do
      local good, message = pcall(vim.json.decode, line)
      messages[#messages + 1] = good and message or nil
    end
    for _, message in ipairs(messages) do
      if message.method == "test/mark" and message.params.mark == mark then
        return true
      end
    end
    return false
  end, 10)
  assert(ok, "the server did not hear the mark")
  return messages
end

--- What the buffer holds as didOpen would send it.
function Child:text()
  return self:lua([[
    local ending = ({ dos = "\r\n", mac = "\r" })[vim.bo.fileformat] or "\n"
    return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), ending) .. (vim.bo.eol and ending or "")]])
end

function Child:stop()
  pcall(vim.rpcnotify, self.channel, "nvim_command", "qall!")
  if vim.fn.jobwait({ self.channel }, 5000)[1] == -1 then
    vim.fn.jobstop(self.channel)
  end
  vim.fn.delete(self.folder, "rf")
end

local function words(source)
  return table.concat({ source.kind, source.name or "", source.detail or "" }, ":"):gsub(":+$", "")
end

--- The sources of the versions since the last call, runs of the same one once. Fails unless each didChange has exactly
--- one hint, and the server's text is the buffer's.
function Child:sources()
  local messages = self:heard()
  local hints, list, text = {}, {}, nil
  for index = (self.seen or 0) + 1, #messages do
    local message = messages[index]
    if message.method == "codi2/editHint" then
      local version = message.params.version
      if message.params.source.kind == "reload" then
        list[#list + 1] = "reload"
      else
        assert(not hints[version], "two hints for version " .. version)
        hints[version] = { source = message.params.source, index = index }
      end
    elseif message.method == "textDocument/didChange" then
      local version = message.params.textDocument.version
      list[#list + 1] = version
    elseif message.text then
      text = message.text
    end
  end
  self.seen = #messages
  local sources = {}
  for _, version in ipairs(list) do
    local said = "reload"
    if version ~= "reload" then
      assert(hints[version], "no hint for version " .. version)
      said = words(hints[version].source)
      hints[version] = nil
    end
    if sources[#sources] ~= said then
      sources[#sources + 1] = said
    end
  end
  assert(not next(hints), "a hint without a didChange")
  assert(text == self:text(), ("the server has %q, the buffer %q"):format(tostring(text), self:text()))
  return sources
end

local function report(name, ok, problem)
  if ok then
    T.passed = T.passed + 1
    print("ok   " .. name)
  else
    T.failed = T.failed + 1
    print("FAIL " .. name .. "\n     " .. tostring(problem):gsub("\n", "\n     "))
  end
end

--- A test of its own: `f` gets nothing and asserts.
function T.test(name, f)
  if not name:find(wanted) then
    return
  end
  local children = {}
  local start = T.start
  T.start = function(options)
    local child = start(options)
    children[#children + 1] = child
    return child
  end
  local ok, problem = xpcall(f, debug.traceback)
  T.start = start
  for _, child in ipairs(children) do
    if ok then
      local said = child.dead and 0 or child:lua("return require('codi2.guard').last or 0")
      if said ~= 0 and not child.errors_expected then
        ok, problem = false, "the client hit an error: " .. said
      end
    end
    child:stop()
  end
  report(name, ok, problem)
end

--- A test that is data: keys or Lua steps, then the sources they must give.
--- @param name string
--- @param steps { [1]: string|function, [2]: string[] }[]
--- @param options? table see start(); `needs`: the Neovim without which this cannot be
function T.check(name, steps, options)
  local needs = options and options.needs
  if needs and vim.fn.has(needs) == 0 then
    T.skipped = T.skipped + 1
    print(("SKIP client/%s: needs %s"):format(name:gsub(" ", "-"), needs))
    return
  end
  T.test(name, function()
    local child = T.start(options or {})
    child:sources()
    for index, step in ipairs(steps) do
      local action, expected = step[1], step[2]
      if type(action) == "function" then
        action(child)
        child:settle()
      else
        child:keys(action)
      end
      local got = child:sources()
      if not vim.deep_equal(got, expected) then
        error(("step %d: expected %s\n             got %s"):format(index, vim.inspect(expected), vim.inspect(got)), 0)
      end
    end
  end)
end

assert(loadfile(here .. "/worlds.lua"))(T)
local only = vim.env.CODI2_LUA_TESTS
for name in vim.fs.dir(here) do
  if name:find("_test%.lua$") and (not only or name:find(only)) then
    assert(loadfile(here .. "/" .. name))(T)
  end
end
io.stdout:write(("\n%d passed, %d failed, %d skipped\n"):format(T.passed, T.failed, T.skipped))
io.stdout:flush()
os.exit(T.failed == 0 and T.passed > 0 and 0 or 1)
