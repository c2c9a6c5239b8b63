--- The source of every edit, judged at the moment Neovim reports it: from the Lua stack, the script stack, the keys,
--- the undo tree and the completion menu. What cannot be told is `plugin` without a name, never `typed`: typing needs a
--- typed key. One function of Neovim's is wrapped, the handler of `workspace/applyEdit`: it runs in a coroutine, whose
--- stack cannot be seen.
---
--- Facts this rests on, measured on 0.11.4: `on_lines` comes once for each didChange, with the version that didChange
--- has; `on_bytes` comes before it, but after it in undo and `:move`; while an undo or redo runs, `undotree().synced`
--- is 1, and 0 for every other change.
local catalog = require("codi2.catalog")
local frames = require("codi2.frames")
local keys = require("codi2.keys")

local M = {}

--- The text in front of the cursor when the completion menu came up: coming back, it is nobody's completion.
--- @type { buffer: integer, row: integer, column: integer, line: string }?
local leader
local browsing = false

--- Sources declared by what runs right now, innermost last.
local running = {}

--- Neovim's handler of `workspace/applyEdit`, which says whose edit it applies.
local function watch_apply_edit()
  local name = "workspace/applyEdit"
  local handler = vim.lsp.handlers[name]
  if not handler then
    return
  end
  vim.lsp.handlers[name] = function(problem, params, context, ...)
    local client = context and vim.lsp.get_client_by_id(context.client_id)
    running[#running + 1] = { kind = "lsp-edit", name = client and client.name, detail = name }
    local results = vim.F.pack_len(pcall(handler, problem, params, context, ...))
    running[#running] = nil
    if not results[1] then
      error(results[2], 0)
    end
    return unpack(results, 2, results.n)
  end
end

--- Begins to watch keys and menus; harmless to call again.
function M.start()
  if M.started then
    return
  end
  M.started = true
  keys.start()
  watch_apply_edit()
  keys.listen(function(key)
    -- Only before a menu's text stands in the buffer.
    if not browsing and key.mode:sub(1, 1) == "i" then
      local cursor = vim.api.nvim_win_get_cursor(0)
      leader = {
        buffer = vim.api.nvim_get_current_buf(),
        row = cursor[1] - 1,
        column = cursor[2],
        line = vim.api.nvim_get_current_line(),
      }
    end
  end)
  vim.api.nvim_create_autocmd({ "CompleteDone", "InsertLeave", "InsertEnter" }, {
    group = vim.api.nvim_create_augroup("codi2_source", { clear = true }),
    callback = function()
      browsing = false
    end,
  })
end

local cached = {}

--- The menu's mode, and the language servers whose items it shows. Which item is chosen is not known while its text
--- goes in (measured: `selected` is still -1). Asked once for each key: a long list costs.
--- @return string mode
--- @return string? servers
local function menu()
  local cycle = keys.cycle
  local stamp = cycle.id .. ":" .. #cycle.typed .. ":" .. cycle.stream
  if cached.stamp == stamp then
    return cached.mode, cached.servers
  end
  local info = vim.fn.complete_info({ "mode", "items" })
  local seen, names = {}, {}
  for index, item in ipairs(info.mode == "eval" and info.items or {}) do
    local data = item.user_data
    local id = type(data) == "table" and vim.tbl_get(data, "nvim", "lsp", "client_id") or 0
    if not seen[id] then
      seen[id] = true
      local client = id ~= 0 and vim.lsp.get_client_by_id(id)
      names[#names + 1] = client and client.name or nil
    end
    if index == 200 then
      break
    end
  end
  local servers = #names > 0 and table.concat(names, ", ") or nil
  if info.mode ~= "" then
    cached = { stamp = stamp, mode = info.mode, servers = servers }
  end
  return info.mode, servers
end

local function provider()
  local mode, servers = menu()
  if servers then
    return { kind = "completion", name = servers, detail = "language server" }
  end
  local key = keys.cycle.last
  if mode == "" and key and (key.key == "\14" or key.key == "\16") then
    mode = "keyword" -- The menu is only about to come.
  end
  -- `keyword`, `files`, `whole_line`; `eval` is a list that some function gave.
  return { kind = "completion", name = mode ~= "" and mode ~= "eval" and mode or nil }
end

--- The source of an edit that the completion menu makes; nil if it does not.
--- @param bufnr integer
--- @param bytes table what on_bytes told
local function of_menu(bufnr, bytes)
  local mode = vim.api.nvim_get_mode().mode
  local key = keys.cycle.last
  local in_menu = mode:find("^[iR][cx]") ~= nil
  local begins = key ~= nil and key.mode:find("^[iR]") ~= nil and keys.completion_keys[key.key] and bytes.deleted > 0
  if keys.cycle.char or not (in_menu or (begins and browsing) or (begins and vim.fn.pumvisible() == 1)) then
    -- The first thing a menu does is to take away what it completes, still in plain insert mode.
    if not (begins and mode:find("^[iR]$") and (key.key == "\14" or key.key == "\16")) then
      return nil
    end
  end
  if key and key.typed ~= "" and vim.fn.keytrans(key.key):find("^<BS>$") then
    return { kind = "typed" }
  end
  browsing = true
  if bytes.inserted > 0 and leader and leader.buffer == bufnr and bytes.row == leader.row then
    local stop = bytes.column + bytes.inserted
    if bytes.single_line and stop <= leader.column then
      local now = vim.api.nvim_buf_get_text(bufnr, bytes.row, bytes.column, bytes.row, stop, {})[1]
      if now == leader.line:sub(bytes.column + 1, stop) then
        return { kind = "undo", detail = "completed text comes back" }
      end
    end
  end
  return provider()
end

local slow = {}

--- Whether the change comes from undo or redo. The whole tree is built to answer, so a long history is asked once for
--- each command.
local function undoing(bufnr)
  local levels = vim.bo[bufnr].undolevels
  if levels == -123456 then
    levels = vim.go.undolevels
  end
  if levels < 0 then
    return false
  end
  if slow.cycle == keys.cycle.id and slow.buffer == bufnr then
    return slow.answer
  end
  local before = vim.uv.hrtime()
  local tree = bufnr == vim.api.nvim_get_current_buf() and vim.fn.undotree() or vim.fn.undotree(bufnr)
  local answer = tree.synced == 1
  if vim.uv.hrtime() - before > 2e6 then
    slow = { cycle = keys.cycle.id, buffer = bufnr, answer = answer }
  end
  return answer
end

local function undo_or_redo()
  local key, command = keys.initiator(), keys.cycle.command
  if command == "redo" or command == "later" then
    return { kind = "redo" }
  end
  local before = keys.cycle.typed[#keys.cycle.typed - 1]
  if key and (key.key == "\18" or (key.key == "+" and before and before.key == "g")) then
    return { kind = "redo" }
  end
  return { kind = "undo" }
end

--- The source of an edit that Vim script makes; nil if none runs.
local function of_script(bufnr, inserted)
  local stack = vim.fn.expand("<stack>")
  if stack == "" then
    return nil
  end
  local event = stack:match("(%a+) Autocommands for")
  local func = stack:match("function (.+)%[%d+%]$") or stack:match("function ([^%[]+)%[")
  func = func and func:match("[^.]*$"):gsub("^<SNR>%d+_", ""):gsub("%[%d+%]$", "")
  local script = vim.fn.expand("<script>")
  local name = script ~= "" and frames.plugin_of(script) or nil
  local kind = name and catalog.kinds[name] or "plugin"
  local declared = keys.of_command(bufnr, inserted)
  if declared and declared.kind == "format" then
    return { kind = "format", name = name or declared.name, detail = declared.detail }
  end
  -- An autocommand or a mapping of the person's own with plain commands in it names no function.
  return { kind = kind, name = name, detail = func or event }
end

--- The source of the edit being reported.
--- @param bufnr integer
--- @param callback function what Neovim called for it
--- @param bytes { deleted: integer, inserted: integer, row: integer, column: integer, single_line: boolean }
--- @return table source
function M.judge(bufnr, callback, bytes)
  if #running > 0 then
    return running[#running]
  end
  local found = frames.read(callback)
  if found then
    local direct = found.primitive and found.primitive:find("^nvim_buf_set") or found.primitive == "nvim_put"
    if not direct and undoing(bufnr) then
      return undo_or_redo()
    end
    local source = frames.judge(found)
    if source.kind == "plugin" and #keys.cycle.typed > 0 then
      -- `gq` with a Lua function as 'formatexpr'.
      local declared = keys.of_command(bufnr, bytes.inserted)
      if declared and declared.kind == "format" then
        return { kind = "format", name = source.name ~= "config" and source.name or declared.name, detail = declared.detail }
      end
    end
    return source
  end
  local mode = vim.api.nvim_get_mode().mode
  if mode:find("^[iR]") and mode:sub(1, 2) ~= "ni" then
    local menu = of_menu(bufnr, bytes)
    if menu then
      return menu
    end
    local source = of_script(bufnr, bytes.inserted) or keys.of_insert(bytes.inserted)
    if source then
      local known = source.kind == "plugin" and catalog.kinds[source.name]
      return known and { kind = known, name = source.name, detail = source.detail } or source
    end
    return { kind = "plugin", detail = "api" }
  end
  if undoing(bufnr) then
    return undo_or_redo()
  end
  local source = of_script(bufnr, bytes.inserted)
  if source then
    return source
  end
  local key, last = keys.initiator(), keys.cycle.last
  if key and key.mode:find("^[sS\19]") and last then
    return { kind = "typed" }
  end
  -- Nobody typed, no code is seen: a program that speaks to Neovim's API.
  return keys.of_command(bufnr, bytes.inserted) or { kind = "plugin", detail = "api" }
end

--- One source for several edits that went as one version: theirs if they agree, else none that claims anything.
--- @param sources table[]
--- @return table
function M.merge(sources)
  local first = sources[1]
  local seen, list = {}, {}
  local same = true
  for _, source in ipairs(sources) do
    same = same and source.kind == first.kind and source.name == first.name
    if not seen[source.kind] then
      seen[source.kind] = true
      list[#list + 1] = source.kind
    end
  end
  if same then
    return first
  end
  return { kind = "other", detail = table.concat(list, ", ") }
end

return M
