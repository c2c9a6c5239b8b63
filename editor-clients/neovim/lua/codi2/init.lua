--- The face of the client: setup(), statusline(), attach(). Works without setup().
--- Absent on purpose: key mappings, and any wrapping of Neovim's own functions (see codi2.source).
local guard = require("codi2.guard")

local M = {}

--- @class codi2.Options
--- @field cmd string[] the sidecar's command line
--- @field enabled boolean|fun(bufnr: integer): boolean whether to attach to a buffer
--- @field stale_after integer seconds without a heartbeat until the status line says so
--- @field code_lens boolean whether to show code lenses from the start
--- @field inlay_hints boolean whether to show inlay hints from the start
local defaults = {
  cmd = { "codi2", "lsp" },
  enabled = true,
  -- The sidecar beats every 5 s.
  stale_after = 15,
  code_lens = false,
  inlay_hints = false,
}

--- @type codi2.Options
M.options = vim.deepcopy(defaults)

--- Changes settings; call it any time. Unknown names are errors.
--- @param options? table
function M.setup(options)
  options = options or {}
  for name in pairs(options) do
    if defaults[name] == nil then
      local known = table.concat(vim.fn.sort(vim.tbl_keys(defaults)), ", ")
      error(("codi2.setup: no setting %q (there are: %s)"):format(tostring(name), known), 2)
    end
  end
  vim.validate({
    cmd = { options.cmd, "table", true },
    enabled = { options.enabled, { "boolean", "function" }, true },
    stale_after = { options.stale_after, "number", true },
    code_lens = { options.code_lens, "boolean", true },
    inlay_hints = { options.inlay_hints, "boolean", true },
  })
  M.options = vim.tbl_extend("force", vim.deepcopy(defaults), options)
  -- Buffers opened before: setup() may come late.
  if vim.v.vim_did_enter == 1 then
    for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
      M.attach(bufnr)
    end
  end
end

--- The top folder of the repository a buffer's file lies in; nil for what is not recorded.
--- @param bufnr integer
--- @return string?
function M.root(bufnr)
  if not vim.api.nvim_buf_is_loaded(bufnr) or vim.bo[bufnr].buftype ~= "" then
    return nil
  end
  local name = vim.api.nvim_buf_get_name(bufnr)
  -- No file, a remote one, or git's own (a commit message).
  if name == "" or name:find("^%a[%w+.-]*://") or name:find("[/\\]%.git[/\\]") then
    return nil
  end
  -- A folder of the main worktree, a file of linked worktrees and submodules.
  return vim.fs.root(name, ".git")
end

--- Starts the sidecar for a buffer if its file lies in a git repository; harmless to call again.
--- @param bufnr? integer
function M.attach(bufnr)
  guard.run(function()
    bufnr = (bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr
    local enabled = M.options.enabled
    if type(enabled) == "function" then
      enabled = enabled(bufnr)
    end
    local root = enabled and M.root(bufnr)
    if root then
      require("codi2.sidecar").attach(bufnr, root)
    end
  end)
end

--- How codi2 is, for a status line: `%{v:lua.require'codi2'.statusline()}`. Empty where nothing is recorded.
--- @param bufnr? integer
--- @return string
function M.statusline(bufnr)
  return guard.run(function()
    return require("codi2.status").line(bufnr)
  end) or ""
end

return M
