--- The commands :Codi2Log and :Codi2Status: what the program prints, in buffers of their own. Text from outside is only ever
--- buffer text, never a command or a status-line format.
local M = {}

--- @param message string
function M.warn(message)
  vim.notify("codi2: " .. message, vim.log.levels.WARN)
end

--- Runs `codi2` and hands its output to `show` when it is there. Never blocks.
local function run(arguments, cwd, show)
  local program = require("codi2").options.cmd[1]
  local command = vim.list_extend({ program }, arguments)
  local ok, problem = pcall(vim.system, command, { cwd = cwd, text = true }, function(result)
    vim.schedule(function()
      if result.code ~= 0 then
        local said = vim.trim(result.stderr or "")
        M.warn(said ~= "" and said or ("%s ended with code %d"):format(table.concat(command, " "), result.code))
        return
      end
      show(result.stdout or "")
    end)
  end)
  if not ok then
    M.warn(tostring(problem))
  end
end

--- A buffer that shows lines and goes with `q`.
--- @param name string
--- @param lines string[]
function M.scratch(name, lines)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].bufhidden = "wipe"
  vim.bo[bufnr].filetype = "codi2"
  pcall(vim.api.nvim_buf_set_name, bufnr, ("codi2://%s/%d"):format(name, bufnr))
  vim.keymap.set("n", "q", "<Cmd>close<CR>", { buffer = bufnr, nowait = true, desc = "Close" })
  return bufnr
end

local function below(name, text)
  local lines = vim.split(vim.trim(text), "\n", { plain = true })
  local bufnr = M.scratch(name, lines)
  vim.cmd("botright " .. math.min(#lines + 1, math.max(5, math.floor(vim.o.lines / 3))) .. "split")
  vim.api.nvim_win_set_buf(0, bufnr)
  vim.wo.wrap = false
end

--- The file of the current buffer and its repository; nil after a warning.
local function here()
  local bufnr = vim.api.nvim_get_current_buf()
  local root = require("codi2").root(bufnr)
  if not root then
    M.warn("this buffer is no file of a git repository")
    return nil
  end
  return bufnr, root, vim.api.nvim_buf_get_name(bufnr)
end

--- :Codi2Log [arguments of `codi2 log`]
function M.log(call)
  local arguments = { "log", "--format", "human" }
  local root
  if #call.fargs == 0 then
    local _, top, file = here()
    if not top then
      return
    end
    root = top
    vim.list_extend(arguments, { "--file", file })
  else
    root = require("codi2").root(vim.api.nvim_get_current_buf())
    vim.list_extend(arguments, call.fargs)
  end
  run(arguments, root, function(out)
    below("log", out ~= "" and out or "nothing is recorded")
  end)
end

--- :Codi2Status
function M.status()
  local bufnr = vim.api.nvim_get_current_buf()
  local state = require("codi2.status").state(bufnr)
  run({ "status", "--format", "human" }, require("codi2").root(bufnr), function(out)
    below("status", ("this buffer: %s\n\n%s"):format(state and state.message or "not recorded", out))
  end)
end

return M
