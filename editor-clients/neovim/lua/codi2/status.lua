--- What the sidecars say of themselves, and the status line made of it. A sidecar that stopped beating is shown as such:
--- silence is never shown as health.
local M = {}

--- @class codi2.Heard
--- @field params table the last codi2/status
--- @field beat integer the last heartbeat's number
--- @field at integer when that number grew (ms of the event loop's clock)

--- @type table<integer, codi2.Heard>
local heard = {}
local shown, timer

local function redraw()
  vim.schedule(function()
    local line = M.line()
    if line ~= shown then
      shown = line
      pcall(vim.cmd.redrawstatus)
    end
  end)
end

--- Silence makes no event: look from time to time.
local function watch_silence()
  if timer then
    return
  end
  timer = assert(vim.uv.new_timer())
  timer:start(2500, 2500, redraw)
  timer:unref()
end

--- A codi2/status arrived.
function M.heard(client_id, params)
  local before = heard[client_id]
  local beat = type(params.heartbeat) == "number" and params.heartbeat or 0
  local now = vim.uv.now()
  heard[client_id] = { params = params, beat = beat, at = (before and before.beat == beat) and before.at or now }
  watch_silence()
  redraw()
end

--- A sidecar is gone.
function M.ended(client_id)
  heard[client_id] = nil
  redraw()
end

--- The state of a buffer's sidecar.
--- @param bufnr integer
--- @return { health: "ok"|"warning"|"error"|"starting"|"stale"|"stopped", message: string, params?: table }?
function M.state(bufnr)
  local client = vim.lsp.get_clients({ name = "codi2", bufnr = bufnr })[1]
  if not client then
    if require("codi2").root(bufnr) == nil then
      return nil
    end
    return { health = "stopped", message = "codi2: not running" }
  end
  local last = heard[client.id]
  if not last then
    return { health = "starting", message = "codi2: starting" }
  end
  local silent = math.floor((vim.uv.now() - last.at) / 1000)
  if silent >= require("codi2").options.stale_after then
    return { health = "stale", message = ("codi2: no heartbeat for %d s"):format(silent), params = last.params }
  end
  return { health = last.params.health or "ok", message = tostring(last.params.message or "codi2"), params = last.params }
end

local marks = { warning = "! ", error = "✗ ", stale = "✗ ", stopped = "✗ " }

--- @param bufnr? integer
--- @return string
function M.line(bufnr)
  bufnr = (bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr
  local state = M.state(bufnr)
  if not state then
    return ""
  end
  local line = (marks[state.health] or "") .. state.message
  local params = state.params
  if params and params.connected == false and (params.pending or 0) > 0 then
    line = ("%s (%d waiting)"):format(line, params.pending)
  end
  -- Names in it come from outside.
  return (line:gsub("%c", " "))
end

return M
