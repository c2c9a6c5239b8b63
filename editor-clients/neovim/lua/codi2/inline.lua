--- :Codi2Lens and :Codi2Hints: code lenses and inlay hints of the sidecar, shown by Neovim's own means, on and off.
---
--- Other servers' lenses stay as they are: only the sidecar is asked. Absent on purpose: any key, and the words themselves.
local guard = require("codi2.guard")

local M = {}

--- Time in ms without a change after which lenses are asked for.
local PAUSE = 200

local on --- @type { lens: boolean, hints: boolean }?
--- Buffers in which hints were switched on from here.
local enabled = {} --- @type table<integer, boolean>

local function state()
  if not on then
    local options = require("codi2").options
    on = { lens = options.code_lens, hints = options.inlay_hints }
  end
  return on
end

--- What the sidecar is told at its start; what the person did not ask for here is left to her settings' file.
function M.init_options()
  return state().hints and { inlayHints = true } or nil
end

local function clients()
  return vim.lsp.get_clients({ name = "codi2" })
end

--- What a buffer shows, and of which text: drawing takes its time on a long file.
local shown = {} --- @type table<integer, { client: integer, tick: integer, lenses: table[] }>

--- Lenses of one buffer, as far as they are on and there is a window to see them in.
local function lens(client, bufnr)
  if not state().lens or not vim.api.nvim_buf_is_loaded(bufnr) or #vim.fn.win_findbuf(bufnr) == 0 then
    return
  end
  local params = { textDocument = { uri = vim.uri_from_bufnr(bufnr) } }
  require("codi2.sidecar").request(bufnr, "textDocument/codeLens", params, function(problem, result)
    if not problem and state().lens and vim.api.nvim_buf_is_loaded(bufnr) then
      local lenses = type(result) == "table" and result or {}
      -- A change of the text moves what is drawn.
      local new = { client = client.id, tick = vim.api.nvim_buf_get_changedtick(bufnr), lenses = lenses }
      if not vim.deep_equal(new, shown[bufnr]) then
        shown[bufnr] = new
        vim.lsp.codelens.save(lenses, bufnr, client.id)
        vim.lsp.codelens.display(lenses, bufnr, client.id)
      end
    end
  end)
end

local latest = {} --- @type table<integer, table> what was asked for last, by buffer

--- Asks for the lenses of a buffer once nothing more happens to it for a while.
local function soon(client, bufnr)
  if not state().lens then
    return
  end
  local this = {}
  latest[bufnr] = this
  vim.defer_fn(guard.wrap(function()
    if latest[bufnr] == this then
      latest[bufnr] = nil
      lens(client, bufnr)
    end
  end), PAUSE)
end

--- Asks for all lenses of a sidecar again.
--- @param client_id integer
function M.refresh(client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  for bufnr in pairs(client and client.attached_buffers or {}) do
    soon(client, bufnr)
  end
end

local function hints(bufnr)
  if state().hints and not vim.lsp.inlay_hint.is_enabled({ bufnr = bufnr }) then
    enabled[bufnr] = true
    vim.lsp.inlay_hint.enable(true, { bufnr = bufnr })
  end
end

--- :Codi2Lens
function M.toggle_lens()
  state().lens = not state().lens
  shown = {}
  for _, client in ipairs(clients()) do
    for bufnr in pairs(client.attached_buffers) do
      if state().lens then
        lens(client, bufnr)
      else
        vim.lsp.codelens.clear(client.id, bufnr)
      end
    end
  end
end

--- :Codi2Hints
function M.toggle_hints()
  state().hints = not state().hints
  for _, client in ipairs(clients()) do
    for bufnr in pairs(client.attached_buffers) do
      hints(bufnr)
    end
    client.rpc.notify("workspace/didChangeConfiguration", { settings = { codi2 = { inlayHints = state().hints } } })
  end
  if not state().hints then
    for bufnr in pairs(enabled) do
      if vim.api.nvim_buf_is_valid(bufnr) then
        vim.lsp.inlay_hint.enable(false, { bufnr = bufnr })
      end
    end
    enabled = {}
  end
end

--- Called once, with the first sidecar: shows what is on, and again when a text changed.
function M.start()
  M.start = function() end
  require("codi2.sidecar").on_text(function(client, bufnr, anew)
    if anew then
      hints(bufnr)
    end
    soon(client, bufnr)
  end)
  local group = vim.api.nvim_create_augroup("codi2_inline", { clear = true })
  local function on(event, act)
    vim.api.nvim_create_autocmd(event, { group = group, callback = guard.wrap(act) })
  end
  on("BufWinEnter", function(event)
    local client = require("codi2.sidecar").client(event.buf)
    if client then
      soon(client, event.buf)
    end
  end)
  on("BufUnload", function(event)
    shown[event.buf], latest[event.buf] = nil, nil
  end)
end

return M
