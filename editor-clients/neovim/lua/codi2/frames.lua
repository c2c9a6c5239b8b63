--- Which Lua code makes an edit: read from the stack at the moment of the edit, so that no plugin needs a hook and
--- nothing of Neovim is wrapped.
---
--- Absent on purpose: coroutines' own frames. Neovim calls back on its main stack, so an edit from a coroutine shows
--- whoever resumed it, or nobody.
local catalog = require("codi2.catalog")

local M = {}

local ours = debug.getinfo(1, "S").source:match("^@(.*)[/\\]lua[/\\]codi2[/\\]")
local names = {}

local function clean(path)
  return vim.fs.normalize(path)
end

--- The plugin a file belongs to: the name of its folder on the runtime path; `config` for the person's own files.
--- @param path string
--- @return string
function M.plugin_of(path)
  if names[path] then
    return names[path]
  end
  local file = clean(path)
  local best = ""
  for _, folder in ipairs(vim.api.nvim_list_runtime_paths()) do
    folder = clean(folder)
    if #folder > #best and vim.startswith(file, folder .. "/") then
      best = folder
    end
  end
  local config = clean(vim.fn.stdpath("config"))
  local name
  if best == config or vim.startswith(file, config .. "/") or best == clean(vim.env.VIM or "/nowhere") then
    name = "config"
  elseif best ~= "" then
    name = vim.fs.basename(best:gsub("/after$", ""))
  else
    name = file:match("([^/]+)/lua/") or file:match("([^/]+)/autoload/") or file:match("([^/]+)/plugin/")
    name = name or (clean(vim.env.MYVIMRC or "/nowhere") == file and "config") or vim.fs.basename(file)
  end
  -- mini.nvim holds many plugins.
  local mini = name == "mini.nvim" and file:match("/lua/(mini/[%w_]+)")
  name = mini and mini:gsub("/", ".") or name
  names[path] = name
  return name
end

--- Whether a chunk is Neovim's own.
--- @param source string
local function of_runtime(source)
  if source:find("^@vim[/\\]") then
    return true
  end
  local path = source:match("^@(.*)")
  local runtime = vim.env.VIMRUNTIME
  return path ~= nil and runtime ~= nil and vim.startswith(clean(path), clean(runtime) .. "/")
end

--- The language server client and the method that a frame of vim/lsp knows of.
local function look_for_client(level, found)
  level = level + 1 -- Levels count from this function.
  local function look(name, value)
    if name == "client" and type(value) == "table" and type(value.name) == "string" and value.id then
      found.client = found.client or value.name
    elseif name == "ctx" and type(value) == "table" and value.client_id then
      local client = vim.lsp.get_client_by_id(value.client_id)
      found.client = found.client or (client and client.name)
      found.method = found.method or value.method
    elseif name == "method" and type(value) == "string" then
      found.method = found.method or value
    end
  end
  for index = 1, 60 do
    local name, value = debug.getlocal(level, index)
    if not name then
      break
    end
    look(name, value)
  end
  local f = debug.getinfo(level, "f").func
  for index = 1, 60 do
    local name, value = debug.getupvalue(f, index)
    if not name then
      break
    end
    look(name, value)
  end
end

--- The formatters a formatting plugin's frame knows of.
local function look_for_formatter(level, found)
  level = level + 1
  for index = 1, 60 do
    local name, value = debug.getlocal(level, index)
    if not name then
      break
    end
    if name == "formatter" and type(value) == "table" and type(value.name) == "string" then
      found.formatter = found.formatter or value.name
    elseif (name == "formatters" or name == "formatter_names") and type(value) == "table" then
      local list = {}
      for _, formatter in ipairs(value) do
        list[#list + 1] = type(formatter) == "table" and formatter.name or formatter
      end
      if #list > 0 and type(list[1]) == "string" then
        found.formatter = found.formatter or table.concat(list, ", ")
      end
    end
  end
end

--- @class codi2.Frames
--- @field primitive? string the function of Neovim's API that the innermost code called
--- @field runtime table<string, boolean> files of Neovim's own, such as `lsp/util.lua`
--- @field plugin? string the innermost plugin
--- @field func? string the function of that plugin
--- @field script? string a chunk without a file: `:lua`, `<nvim>`
--- @field client? string the language server's name
--- @field method? string the request being answered
--- @field formatter? string
--- @field paste_outside? boolean whether the plugin stands outside vim.paste: it only made the paste its own
--- @field name? string the innermost named function of Neovim's own

--- Reads the stack below `callback`, the function that Neovim called for the edit; nil where no Lua code edits.
--- @param callback function
--- @return codi2.Frames?
function M.read(callback)
  local level, info = 2, nil
  repeat
    level = level + 1
    info = debug.getinfo(level, "f")
    if not info then
      return nil
    end
  until info.func == callback
  local found, any = { runtime = {} }, false
  while level < 120 do
    level = level + 1
    info = debug.getinfo(level, "Snf")
    if not info then
      break
    end
    if info.what == "C" then
      found.primitive = found.primitive or (not any and info.name or nil)
    else
      local source = info.source or ""
      local path = source:match("^@(.*)")
      if path and ours and vim.startswith(path, ours .. "/") then
        -- Ours: only guards and views.
      elseif of_runtime(source) then
        any = true
        local file = source:match("[/\\]?vim[/\\](.+)$") or source
        file = file:match(".*[/\\]lua[/\\]vim[/\\](.+)$") or file
        found.runtime[file:gsub("\\", "/")] = true
        found.name = found.name or info.name
        if file:find("^lsp") then
          look_for_client(level, found)
          found.lsp = found.lsp or info.name
          if info.name == "formatexpr" then
            found.method = found.method or "textDocument/rangeFormatting"
          end
        end
      elseif path then
        any = true
        local name = M.plugin_of(path)
        if not found.plugin or catalog.libraries[found.plugin] then
          found.plugin, found.func = name, info.name
        end
        if name == found.plugin then
          look_for_formatter(level, found)
          look_for_client(level, found)
        end
        if found.runtime["_editor.lua"] and info.func == vim.paste then
          found.paste_override = true
        end
      else
        any = true
        found.script = found.script or source
      end
    end
  end
  return any and found or nil
end

--- The source of an edit that Lua code makes.
--- @param found codi2.Frames
--- @return table source
function M.judge(found)
  local runtime, plugin = found.runtime, found.plugin
  local function file(pattern)
    for name in pairs(runtime) do
      if name:find(pattern) then
        return true
      end
    end
    return false
  end
  -- vim.paste puts; nothing else in that file does.
  if runtime["_editor.lua"] and found.primitive == "nvim_put" and (not plugin or found.paste_override) then
    return { kind = "paste" }
  end
  local formats = found.method and found.method:find("[fF]ormatting$") ~= nil
  -- A plugin that only borrows vim.lsp.util is the editor itself; one that asks vim.lsp.buf is not.
  local only_borrowed = plugin ~= nil and file("^lsp/util%.lua$") and not file("^lsp/[^u]") and not file("^lsp%.lua$")
  if file("^lsp") and not only_borrowed then
    if file("^lsp/completion%.lua$") or file("^lsp/inline_completion%.lua$") then
      return { kind = "completion", name = found.client, detail = "language server" }
    elseif formats or file("^lsp/on_type_formatting%.lua$") then
      return { kind = "format", name = found.client, detail = "language server" }
    elseif not (file("^lsp/util%.lua$") and runtime["snippet.lua"]) then
      return { kind = "lsp-edit", name = found.client, detail = found.method }
    end
  end
  if plugin then
    local kind = catalog.kinds[plugin] or (runtime["snippet.lua"] and "snippet") or "plugin"
    if kind == "format" then
      return { kind = kind, name = found.formatter or found.client or plugin, detail = plugin }
    end
    return { kind = kind, name = plugin, detail = found.func }
  end
  if runtime["snippet.lua"] then
    return { kind = "snippet", name = found.client }
  elseif runtime["_comment.lua"] then
    return { kind = "command", name = "comment" }
  elseif found.script and found.script:find(":lua", 1, true) then
    return { kind = "command", name = "lua" }
  elseif found.script then
    -- Sent by a program that speaks to Neovim's API.
    return { kind = "plugin", detail = "api" }
  end
  return { kind = "command", name = found.name }
end

return M
