--- The commands :Codi2Blame, :Codi2Log, :Codi2Status: what the program prints, in buffers of their own. Text from outside
--- is only ever buffer text, never a command or a status-line format.
local M = {}

local function warn(message)
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
        warn(said ~= "" and said or ("%s ended with code %d"):format(table.concat(command, " "), result.code))
        return
      end
      show(result.stdout or "")
    end)
  end)
  if not ok then
    warn(tostring(problem))
  end
end

--- A buffer that shows lines and goes with `q`.
local function scratch(name, lines)
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
  local bufnr = scratch(name, lines)
  vim.cmd("botright " .. math.min(#lines + 1, math.max(5, math.floor(vim.o.lines / 3))) .. "split")
  vim.api.nvim_win_set_buf(0, bufnr)
  vim.wo.wrap = false
end

--- The file of the current buffer and its repository; nil after a warning.
local function here()
  local bufnr = vim.api.nvim_get_current_buf()
  local root = require("codi2").root(bufnr)
  if not root then
    warn("this buffer is no file of a git repository")
    return nil
  end
  return bufnr, root, vim.api.nvim_buf_get_name(bufnr)
end

--- `person Ada Example` or the kind alone.
local function who(owner)
  local name = owner.name ~= vim.NIL and owner.name or ""
  return name ~= "" and (owner.kind .. " " .. name) or tostring(owner.kind)
end

local function evidence_lines(line)
  local lines = { ("%s, %s%s"):format(who(line.owner), line.class, line.mixed and ", mixed with others" or "") }
  for _, key in ipairs({ "tool", "model", "session" }) do
    local value = line.owner[key]
    if value ~= nil and value ~= vim.NIL and value ~= "" then
      lines[#lines + 1] = ("%s: %s"):format(key, value)
    end
  end
  for _, evidence in ipairs(line.evidence or {}) do
    lines[#lines + 1] = ("%s: %s"):format(evidence.kind, evidence.detail or "")
  end
  return vim.tbl_map(function(text)
    return (text:gsub("%c", " "))
  end, lines)
end

local function show_line(line)
  vim.lsp.util.open_floating_preview(evidence_lines(line), "", { focus_id = "codi2-blame", border = "rounded" })
end

--- A column at the left that scrolls with the file: who owns each line. `<CR>` tells why.
local function show_column(bufnr, lines)
  local window = vim.fn.bufwinid(bufnr)
  if window == -1 then
    return
  end
  vim.api.nvim_set_current_win(window)
  local text, width = {}, 10
  for index, line in ipairs(lines) do
    local before = lines[index - 1]
    local same = before and vim.deep_equal(before.owner, line.owner) and before.class == line.class
    text[index] = same and "│" or (("%s (%s)%s"):format(who(line.owner), line.class, line.mixed and " +" or ""):gsub("%c", " "))
    width = math.max(width, vim.api.nvim_strwidth(text[index]))
  end
  local top, cursor = vim.fn.line("w0"), vim.api.nvim_win_get_cursor(window)
  local restore = { vim.wo.scrollbind, vim.wo.cursorbind, vim.wo.wrap }
  local column = scratch("blame", text)
  vim.cmd(("leftabove %dvsplit"):format(math.min(width + 1, math.floor(vim.o.columns / 2))))
  vim.api.nvim_win_set_buf(0, column)
  local side = vim.api.nvim_get_current_win()
  for name, value in pairs({ number = false, relativenumber = false, signcolumn = "no", foldcolumn = "0", wrap = false, winfixwidth = true }) do
    vim.wo[side][name] = value
  end
  vim.fn.winrestview({ topline = top })
  pcall(vim.api.nvim_win_set_cursor, side, { math.min(cursor[1], #text), 0 })
  for _, either in ipairs({ window, side }) do
    vim.wo[either].scrollbind, vim.wo[either].cursorbind = true, true
  end
  vim.wo[window].wrap = false
  vim.api.nvim_create_autocmd("BufWipeout", {
    buffer = column,
    once = true,
    callback = function()
      if vim.api.nvim_win_is_valid(window) then
        vim.wo[window].scrollbind, vim.wo[window].cursorbind, vim.wo[window].wrap = unpack(restore)
      end
    end,
  })
  vim.keymap.set("n", "<CR>", function()
    local line = lines[vim.api.nvim_win_get_cursor(0)[1]]
    if line then
      show_line(line)
    end
  end, { buffer = column, desc = "Why" })
end

--- :Codi2Blame [line]
function M.blame(call)
  local bufnr, root, file = here()
  if not bufnr then
    return
  end
  local row = vim.api.nvim_win_get_cursor(0)[1]
  run({ "blame", "--buffer", "--format", "json", file }, root, function(out)
    local ok, parsed = pcall(vim.json.decode, out, { luanil = { object = true } })
    if not ok or type(parsed) ~= "table" or type(parsed.lines) ~= "table" then
      warn("blame printed no JSON")
      return
    end
    if call.args == "line" then
      if parsed.lines[row] then
        show_line(parsed.lines[row])
      end
    else
      show_column(bufnr, parsed.lines)
    end
  end)
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
