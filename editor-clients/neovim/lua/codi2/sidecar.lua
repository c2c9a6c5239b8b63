--- One `codi2 lsp` for each repository: started, fed with the source of every edit, started again after a crash.
---
--- The hint of a version goes out before its didChange: the connection is wrapped, by Neovim's own means (a function as
--- `cmd`). Where another client began to listen to the buffer before us, it goes out right after it.
local guard = require("codi2.guard")
local source = require("codi2.source")
local status = require("codi2.status")

local M = {}

M.NAME = "codi2"

local group = vim.api.nvim_create_augroup("codi2_sidecar", { clear = true })

--- How often a sidecar that died is started again within `WINDOW` ms.
local RESTARTS, WINDOW = 3, 5 * 60 * 1000

--- @class codi2.Watch what is known of one buffer
--- @field pending table[] sources of edits not yet sent
--- @field sent integer? the version of the last didChange
--- @field opened integer? the version of the last didOpen
--- @field reloaded boolean? whether the file was loaded again and nobody said so yet
--- @field bytes table what on_bytes told since the last on_lines

--- @type table<integer, codi2.Watch>
local watches = {}
local crashes = {}
local connections = {} --- @type table<integer, table> connection by buffer

local function hint(rpc, uri, version, declared)
  rpc.notify("codi2/editHint", {
    uri = uri,
    version = version,
    source = { kind = declared.kind, name = declared.name, detail = declared.detail },
  })
end

local found --- @type integer? the buffer asked for last, which is nearly always the next one

local function buffer_of(uri)
  local function is(bufnr)
    return watches[bufnr] and vim.api.nvim_buf_is_valid(bufnr) and vim.uri_from_bufnr(bufnr) == uri
  end
  if found and is(found) then
    return found
  end
  for bufnr in pairs(watches) do
    if is(bufnr) then
      found = bufnr
      return bufnr
    end
  end
end

--- What goes out beside a notification of Neovim's client.
local function before(rpc, method, params)
  if method ~= "textDocument/didChange" then
    return
  end
  local bufnr = buffer_of(params.textDocument.uri)
  local watch = bufnr and watches[bufnr]
  if watch then
    connections[bufnr] = rpc
    watch.sent = params.textDocument.version
    if #watch.pending > 0 then
      local declared = source.merge(watch.pending)
      watch.pending = {}
      hint(rpc, params.textDocument.uri, watch.sent, declared)
    end
  end
end

local function after(rpc, method, params)
  if method ~= "textDocument/didOpen" then
    return
  end
  local bufnr = buffer_of(params.textDocument.uri)
  local watch = bufnr and watches[bufnr]
  if watch then
    connections[bufnr] = rpc
    watch.opened, watch.pending = params.textDocument.version, {}
    if watch.reloaded then
      watch.reloaded = false
      hint(rpc, params.textDocument.uri, watch.opened, { kind = "reload" })
    end
  end
end

--- The connection to the sidecar, with our hints beside Neovim's notifications. Neovim hears of every end as of an
--- orderly one: it would tell of a crash in the middle of typing, at a prompt (see guard.say). `exit` gets how it was.
local function connect(cmd, root, exit)
  return function(dispatchers)
    local on_exit = dispatchers.on_exit
    dispatchers.on_exit = function(code, signal)
      exit.code, exit.signal = code, signal
      on_exit(0, 0)
    end
    local rpc = vim.lsp.rpc.start(cmd, dispatchers, { cwd = root })
    local notify = rpc.notify
    local plain = { notify = notify }
    rpc.notify = function(method, params)
      guard.run(before, plain, method, params)
      local result = notify(method, params)
      guard.run(after, plain, method, params)
      return result
    end
    return rpc
  end
end

--- What makes the connection of a repository whose sidecar was given up.
local asleep = {} --- @type table<string, fun()>

--- A connection made when `arrange` calls what it gets; until then what goes through it waits. So a client that died has
--- its next one at once, and Neovim never sees a key typed into a buffer without any: it would stop listening to the
--- buffer for good (measured on 0.11.4: `on_lines` ends that without `on_detach`, and attaching again finds "attached").
local function later(arrange, start)
  return function(dispatchers)
    local real, waiting, closing = nil, {}, false
    local function pass(name)
      return function(...)
        if real then
          return real[name](...)
        end
        waiting[#waiting + 1] = { name, vim.F.pack_len(...) }
        return true, 0
      end
    end
    arrange(guard.wrap(function()
      if closing then
        return
      end
      real = start(dispatchers)
      for _, call in ipairs(waiting) do
        real[call[1]](vim.F.unpack_len(call[2]))
      end
    end))
    return {
      request = pass("request"),
      notify = pass("notify"),
      is_closing = function()
        return closing or (real ~= nil and real.is_closing())
      end,
      terminate = function()
        closing = true
        if real then
          real.terminate()
        else
          dispatchers.on_exit(0, 0)
        end
      end,
    }
  end
end

--- Watches a buffer's edits; harmless to call again.
local function watch_buffer(bufnr)
  if watches[bufnr] then
    return
  end
  local function none()
    return { deleted = 0, inserted = 0, row = 0, column = 0, single_line = true }
  end
  local watch = { pending = {}, bytes = none() }

  -- No pcall between: frames.read looks for this very function on the stack.
  local on_lines
  on_lines = function(_, _, version)
    if watches[bufnr] ~= watch then
      return true
    end
    guard.run(function()
      local bytes = watch.bytes
      watch.bytes = none()
      if not version or not connections[bufnr] then
        return
      end
      local declared = source.judge(bufnr, on_lines, bytes)
      if watch.sent == version then
        hint(connections[bufnr], vim.uri_from_bufnr(bufnr), version, declared)
      else
        watch.pending[#watch.pending + 1] = declared
      end
    end)
  end

  local attached = vim.api.nvim_buf_attach(bufnr, false, {
    on_bytes = function(_, _, _, row, column, _, _, _, deleted, new_rows, _, inserted)
      if watches[bufnr] ~= watch then
        return true
      end
      local bytes = watch.bytes
      bytes.deleted, bytes.inserted = bytes.deleted + deleted, bytes.inserted + inserted
      bytes.row, bytes.column, bytes.single_line = row, column, new_rows == 0
    end,
    on_lines = on_lines,
    on_reload = guard.wrap(function()
      watch.reloaded, watch.pending, watch.bytes = true, {}, none()
      -- Neovim closes and opens the document again, before or after us.
      vim.schedule(guard.wrap(function()
        local rpc = connections[bufnr]
        if watch.reloaded and rpc and watch.opened and vim.api.nvim_buf_is_valid(bufnr) then
          watch.reloaded = false
          hint(rpc, vim.uri_from_bufnr(bufnr), watch.opened, { kind = "reload" })
        end
      end))
    end),
    on_detach = function()
      if watches[bufnr] == watch then
        watches[bufnr], connections[bufnr] = nil, nil
      end
    end,
  })
  if attached then
    watches[bufnr] = watch
  end
end

local answered = {} --- @type table<integer, boolean> sidecars that answered `initialize`

--- Whether the sidecar may be started again after it died. One that never answered would die again.
local function may_restart(root, client_id)
  local now = vim.uv.now()
  local times = vim.tbl_filter(function(time)
    return now - time < WINDOW
  end, crashes[root] or {})
  repeat
    times[#times + 1] = now
  until answered[client_id] or #times > RESTARTS
  crashes[root] = times
  return #times <= RESTARTS
end

--- Whether the sidecar died too often to try again by itself.
local function given_up(root)
  local times = crashes[root] or {}
  return #times > RESTARTS and vim.uv.now() - times[#times] < WINDOW
end

--- @param exit { code: integer?, signal: integer? } what the connection heard
local function on_exit(root, exit)
  return function(_, _, client_id)
    vim.schedule(guard.wrap(function()
      status.ended(client_id)
      if vim.v.exiting ~= vim.NIL or M.stopping or (exit.code == 0 and exit.signal == 0) then
        return
      end
      local how = ("(code %s, signal %s)"):format(exit.code, exit.signal)
      if not may_restart(root, client_id) then
        local ended = answered[client_id] and "ended again and again" or "does not start"
        guard.say(("the sidecar %s %s; nothing is recorded. :edit tries again, :checkhealth codi2 tells more"):format(ended, how))
      else
        vim.lsp.log.warn("codi2", "the sidecar ended " .. how .. " and is started again")
      end
      for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
        require("codi2").attach(bufnr)
      end
    end))
  end
end

--- @param bufnr integer
--- @return vim.lsp.Client?
function M.client(bufnr)
  for _, client in ipairs(vim.lsp.get_clients({ name = M.NAME, bufnr = bufnr })) do
    if not client.is_stopped(client) then
      return client
    end
  end
end

--- Asks a buffer's sidecar; `false` if there is none that would answer. `got` runs where everything is allowed.
--- @param bufnr integer
--- @param method string
--- @param params table
--- @param got fun(problem: table?, result: any)
--- @return boolean
function M.request(bufnr, method, params, got)
  local client = M.client(bufnr)
  if not client or not client.initialized then
    return false
  end
  local answered = guard.wrap(function(problem, result)
    got(problem, result)
  end)
  -- A method since 0.11.
  if vim.fn.has("nvim-0.11") == 1 then
    return (client:request(method, params, answered, bufnr))
  end
  return (client.request(method, params, answered, bufnr))
end

--- Calls `act` whenever a sidecar was told a buffer's text or a change of it: what it answers from then on is of that text.
--- @param act fun(client: vim.lsp.Client, bufnr: integer, anew: boolean) `anew`: opened, by this sidecar or the next one
function M.on_text(act)
  vim.api.nvim_create_autocmd("LspNotify", {
    group = group,
    callback = guard.wrap(function(event)
      local method = event.data.method
      local anew = method == "textDocument/didOpen"
      if not anew and method ~= "textDocument/didChange" then
        return
      end
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      local bufnr = client and client.name == M.NAME and buffer_of(event.data.params.textDocument.uri)
      if bufnr then
        act(client, bufnr, anew)
      end
    end),
  })
end

--- @param params { uri: string }
local function document_text(_, params)
  local bufnr = buffer_of(params.uri)
  if not bufnr or not vim.api.nvim_buf_is_loaded(bufnr) then
    return nil, vim.lsp.rpc.rpc_response_error(vim.lsp.protocol.ErrorCodes.InvalidParams, "no such document is open")
  end
  local ending = ({ unix = "\n", dos = "\r\n", mac = "\r" })[vim.bo[bufnr].fileformat] or "\n"
  local text = table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, true), ending)
  -- As Neovim's didOpen has it.
  if vim.bo[bufnr].eol then
    text = text .. ending
  end
  return { version = vim.lsp.util.buf_versions[bufnr] or 0, text = text }
end

local warned = {}

--- Attaches a buffer to the sidecar of `root`, and starts that if there is none.
--- @param bufnr integer
--- @param root string
function M.attach(bufnr, root)
  if watches[bufnr] and M.client(bufnr) then
    return
  end
  local cmd = require("codi2").options.cmd
  if vim.fn.executable(cmd[1]) == 0 then
    if not warned[cmd[1]] then
      warned[cmd[1]] = true
      guard.say(("there is no program %s; nothing is recorded (:checkhealth codi2)"):format(cmd[1]))
    end
    return
  end
  -- Only :edit, which loads the buffer anew, tries once more then; until then a client without a sidecar keeps Neovim
  -- listening.
  local sleeps = given_up(root) and watches[bufnr] ~= nil and not watches[bufnr].reloaded
  if asleep[root] and not sleeps then
    asleep[root]()
    asleep[root] = nil
  end
  source.start()
  require("codi2.inline").start()
  watch_buffer(bufnr)
  local exit = {}
  local start = connect(cmd, root, exit)
  -- A program that breaks must not spin.
  local tries = #(crashes[root] or {})
  local function arrange(connect_now)
    if sleeps then
      asleep[root] = connect_now
    else
      vim.defer_fn(connect_now, 200 * tries)
    end
  end
  vim.lsp.start({
    name = M.NAME,
    cmd = tries > 0 and later(arrange, start) or start,
    root_dir = root,
    capabilities = {
      workspace = { codeLens = { refreshSupport = true } },
      experimental = { codi2 = { status = true, editHint = true, documentText = true, blame = true } },
    },
    init_options = require("codi2.inline").init_options(),
    -- Each edit is a version of its own, so that each has its own source.
    flags = { debounce_text_changes = 0 },
    handlers = {
      ["codi2/status"] = function(_, params, context)
        guard.run(status.heard, context.client_id, params)
      end,
      ["codi2/documentText"] = document_text,
      ["codi2/ownersChanged"] = function()
        guard.run(require("codi2.blame").changed)
      end,
      ["workspace/codeLens/refresh"] = function(_, _, context)
        guard.run(require("codi2.inline").refresh, context.client_id)
        return vim.NIL
      end,
    },
    on_init = function(client)
      answered[client.id] = true
    end,
    on_exit = on_exit(root, exit),
  }, {
    bufnr = bufnr,
    silent = true,
    -- Never one that has ended and is still being put away.
    reuse_client = function(client, config)
      return client.name == config.name and client.config.root_dir == config.root_dir and not client.is_stopped(client)
    end,
  })
end

vim.api.nvim_create_autocmd("VimLeavePre", {
  group = group,
  callback = function()
    M.stopping = true
  end,
})

return M
