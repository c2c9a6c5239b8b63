--- What the person's hands are doing: the keys of the current command, and which kind of edit such a command makes.
---
--- A cycle is everything between two moments in which Neovim waits for a key with nothing pending (SafeState): one
--- character in insert mode, `"+p`, `@q` with all that the macro does. Absent on purpose: what is typed into the
--- command line. Only the name of a command is kept; its arguments may hold anything.
local guard = require("codi2.guard")

local M = {}

--- @class codi2.Key
--- @field key string the key after mappings, in internal form
--- @field typed string what was typed for it; empty where it came from a mapping, a register, a macro, feedkeys()
--- @field mode string the mode it arrived in

--- @class codi2.Cycle
--- @field id integer
--- @field typed codi2.Key[] the keys somebody typed (the last 64)
--- @field last? codi2.Key the latest key, typed or not
--- @field stream integer keys without a typed one since the last typed one
--- @field char boolean whether InsertCharPre came since the latest key
--- @field command? string the command line's command
--- @field program? string the program of a filter
--- @field expression? string who computed the text of `<C-r>=`
M.cycle = { id = 0, typed = {}, stream = 0, char = false }

local function fresh()
  M.cycle = { id = M.cycle.id + 1, typed = {}, stream = 0, char = false }
end

local listeners = {}

--- Calls `f(key)` for each key, before Neovim acts on it.
function M.listen(f)
  listeners[#listeners + 1] = f
end

local started = false

--- Begins to listen; harmless to call again.
function M.start()
  if started then
    return
  end
  started = true
  vim.on_key(guard.wrap(function(key, typed)
    local cycle = M.cycle
    local entry = { key = key, typed = typed or "", mode = vim.api.nvim_get_mode().mode }
    if entry.mode:sub(1, 1) == "c" and entry.key ~= "\r" then
      -- Text of a command line is nobody's business.
      entry.key, entry.typed = "", entry.typed ~= "" and "?" or ""
    end
    cycle.last, cycle.char = entry, false
    if entry.typed ~= "" then
      cycle.stream = 0
      cycle.typed[#cycle.typed + 1] = entry
      if #cycle.typed > 64 then
        table.remove(cycle.typed, 1)
      end
    else
      cycle.stream = cycle.stream + 1
    end
    for _, listener in ipairs(listeners) do
      listener(entry)
    end
  end))
  local group = vim.api.nvim_create_augroup("codi2_keys", { clear = true })
  local function on(event, f)
    vim.api.nvim_create_autocmd(event, { group = group, callback = guard.wrap(f) })
  end
  on("SafeState", fresh)
  on("InsertCharPre", function()
    M.cycle.char = true
  end)
  on("CmdlineLeave", function()
    if vim.v.event.abort then
      return
    end
    local kind, line = vim.fn.getcmdtype(), vim.fn.getcmdline()
    if kind == ":" then
      M.cycle.command, M.cycle.program = M.command_of(line)
    elseif kind == "=" then
      -- An autoload function names its plugin: copilot#TextQueuedForInsertion().
      M.cycle.expression = line:match("^%s*([%w_]+)#") or "expression"
    end
  end)
end

--- The name of a command line's command, and the program where it is a filter.
--- @param line string
--- @return string command
--- @return string? program
function M.command_of(line)
  local ok, parsed = pcall(vim.api.nvim_parse_cmd, line, {})
  local name = ok and parsed.cmd or line:match("%a+") or ""
  local first = ok and parsed.args and parsed.args[1] or line:match("!%s*(%S+)") or ""
  if name == "!" then
    return "filter", vim.fs.basename(first:match("%S+") or "")
  elseif name == "read" and first:sub(1, 1) == "!" then
    return name, vim.fs.basename(first:match("^!%s*(%S+)") or line:match("!%s*(%S+)") or "")
  end
  return name
end

--- The latest typed key of the cycle.
--- @return codi2.Key?
function M.initiator()
  return M.cycle.typed[#M.cycle.typed]
end

local ESC, CR = "\27", "\r"
local ctrl = function(letter)
  return string.char(letter:byte() - 64)
end

--- Whether one of the last keys typed in insert mode asked for the text of a register.
--- @return boolean
function M.asked_for_register()
  local typed = M.cycle.typed
  -- `<C-r>`, at most one of `<C-r>`, `<C-o>`, `<C-p>`, then the register's name.
  for index = math.max(1, #typed - 2), #typed do
    local key = typed[index]
    if key.key == ctrl("R") and key.mode:find("^[iR]") then
      return true
    end
  end
  return M.cycle.last ~= nil and M.cycle.expression ~= nil
end

--- Names of the keys that begin or walk insert-mode completion.
M.completion_keys = {}
for letter in ("NPXYEFLKTI]DVUOQ"):gmatch(".") do
  M.completion_keys[ctrl(letter)] = true
end

local commands = {
  put = { kind = "paste", detail = "put" },
  iput = { kind = "paste", detail = "put" },
  delete = { kind = "cut", detail = "delete" },
  undo = { kind = "undo" },
  earlier = { kind = "undo" },
  redo = { kind = "redo" },
  later = { kind = "redo" },
}

--- The program that an option such as 'formatprg' names.
local function program(bufnr, option)
  local value = vim.bo[bufnr][option]
  if value == "" then
    value = vim.go[option]
  end
  return value ~= "" and vim.fs.basename(value:match("^%S+")) or nil
end

--- The keys of a normal or visual mode command without count and register, and the register.
local function normal_keys()
  local keys, register = {}, nil
  local typed = M.cycle.typed
  local index = 1
  while index <= #typed do
    local key = typed[index]
    if key.mode:find("^[iRc]") then
      break
    end
    if key.key == '"' and typed[index + 1] then
      register = typed[index + 1].key
      index = index + 1
    elseif not (key.key:find("^%d$") and not (key.key == "0" and #keys == 0)) then
      keys[#keys + 1] = key.key
    end
    index = index + 1
  end
  return keys, register
end

--- The edit that the keys of a normal or visual mode command make; nil where no key was typed.
--- @param bufnr integer
--- @param inserted integer bytes that the edit put in
--- @return table? source
function M.of_command(bufnr, inserted)
  local cycle = M.cycle
  if cycle.command then
    return commands[cycle.command]
      or { kind = "command", name = cycle.command, detail = cycle.program and ("filter " .. cycle.program) or nil }
  end
  if #cycle.typed == 0 then
    return nil
  end
  if vim.fn.reg_executing() ~= "" then
    return { kind = "command", name = "macro" }
  end
  local last = cycle.last
  if last and (last.key:find("MiddleMouse") or vim.fn.keytrans(last.key):find("MiddleMouse")) then
    return { kind = "paste", detail = "mouse" }
  end
  local keys, register = normal_keys()
  local first, second = keys[1] or "", keys[2] or ""
  local two = first .. second
  if first:find("^[pP]$") or two:find("^g[pP]$") or two:find("^[%[%]][pP]$") then
    return { kind = "paste", detail = register and ("register " .. register) or nil }
  elseif first == "." then
    return { kind = "command", name = "repeat" }
  elseif first == "@" or first == "Q" then
    return { kind = "command", name = "macro" }
  elseif first == "&" or two == "g&" then
    return { kind = "command", name = "substitute" }
  elseif two == "do" or two == "dp" then
    return { kind = "command", name = two == "do" and "diffget" or "diffput" }
  elseif first:find("^[xXdD]$") then
    return { kind = "cut" }
  elseif first:find("^[sScC]$") then
    -- What follows is typed; what it takes away is cut.
    return inserted == 0 and { kind = "cut" } or { kind = "typed" }
  elseif first:find("^[oOrRiIaA]$") or two:find("^g[rRiIoO]$") then
    return cycle.stream > 0 and { kind = "command", name = "mapping" } or { kind = "typed" }
  elseif first == "J" or two == "gJ" then
    return { kind = "command", name = "join" }
  elseif first == "=" then
    return { kind = "format", name = program(bufnr, "equalprg") or "indent", detail = "=" }
  elseif two == "gq" or two == "gw" then
    local expression = two == "gq" and vim.bo[bufnr].formatexpr ~= "" and "formatexpr"
    return { kind = "format", name = expression or program(bufnr, "formatprg") or "textwidth", detail = two }
  elseif first == "!" then
    return { kind = "command", name = "filter" }
  elseif first == ">" or first == "<" then
    return { kind = "command", name = "shift" }
  elseif first == "~" or two:find("^g[~uU?]$") or first:find("^[uU]$") then
    return { kind = "command", name = "case" }
  elseif first == ctrl("A") or first == ctrl("X") or two == "g" .. ctrl("A") or two == "g" .. ctrl("X") then
    return { kind = "command", name = "increment" }
  elseif #keys == 0 and M.initiator().mode:find("^[iR]") then
    -- The end of a block insert repeats what was typed on the other lines.
    return { kind = "typed" }
  elseif last and last.typed == "" then
    return { kind = "command", name = "mapping" }
  end
  return { kind = "command" }
end

--- The edit that keys in insert, replace or select mode make; nil where no key was typed.
--- @param inserted integer bytes that the edit put in
--- @return table? source
function M.of_insert(inserted)
  local cycle, key = M.cycle, M.initiator()
  if not key then
    return nil
  end
  if M.asked_for_register() then
    local by = cycle.expression
    if by and by ~= "expression" then
      return { kind = "plugin", name = by, detail = "expression register" }
    end
    return by and { kind = "command", name = "expression" } or { kind = "paste", detail = "register" }
  end
  if cycle.last.typed ~= "" then
    if not key.mode:find("^[iRsS\19]") then
      -- `gq` and others work in insert mode for a moment.
      return M.of_command(vim.api.nvim_get_current_buf(), inserted)
    elseif key.key == ctrl("A") or key.key == ctrl("@") then
      return { kind = "command", name = "repeat" }
    elseif vim.fn.keytrans(key.key):find("MiddleMouse") then
      return { kind = "paste", detail = "mouse" }
    end
    return { kind = "typed" }
  end
  -- Keys that nobody typed: what was the last key that somebody did?
  if vim.fn.reg_executing() ~= "" then
    return { kind = "command", name = "macro" }
  elseif key.mode:find("^[sS\19]") then
    -- A character typed over a selection is fed again in insert mode.
    return { kind = "typed" }
  elseif not key.mode:find("^[iR]") then
    return M.of_command(vim.api.nvim_get_current_buf(), inserted)
  elseif key.key == ESC or key.key == ctrl("A") or key.key == ctrl("@") or key.key == ctrl("C") then
    -- A count before the insert, or the last insert once more.
    return { kind = "command", name = "repeat" }
  elseif key.key == CR or cycle.stream <= 2 then
    -- A pair closed by a mapping.
    return { kind = "typed" }
  end
  return { kind = "snippet", name = key.key == key.typed and "abbreviation" or "mapping" }
end

return M
