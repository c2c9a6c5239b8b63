--- :Codi2Blame: who wrote each line, in a window beside the file that scrolls with it and follows text and owners.
---
--- The sidecar's own copy of the owners is asked, unsaved text included, so this needs no hub to be fast and says what is
--- not known yet. Only the lines in sight and some around them are asked for. Names come from outside: they are only ever
--- buffer text. Absent on purpose: anything that a close would leave behind.
local guard = require("codi2.guard")
local sidecar = require("codi2.sidecar")
local status = require("codi2.status")
local view = require("codi2.view")

local M = {}

--- Lines asked for above and below what is in sight.
local MARGIN = 100
--- Time in ms in which several changes are one question.
local PAUSE = 80

local highlights = vim.api.nvim_create_namespace("codi2_blame")
local groups = {
  person = { "Codi2Person", "String" },
  agent = { "Codi2Agent", "Special" },
  orchestrator = { "Codi2Agent", "Special" },
  completion = { "Codi2Completion", "Type" },
  tool = { "Codi2Tool", "Constant" },
  git = { "Codi2Git", "Comment" },
  external = { "Codi2External", "WarningMsg" },
  unknown = { "Codi2Unknown", "Comment" },
  pending = { "Codi2Pending", "NonText" },
}

--- @class codi2.Blame an open view
--- @field bufnr integer the file's buffer
--- @field window integer the file's window
--- @field column integer the buffer beside it
--- @field side integer the window beside it
--- @field restore table<string, any> options of the file's window as they were
--- @field first integer? the first line shown, from 0
--- @field lines table[] what is shown, from `first` on
--- @field asked boolean? whether a question is on its way
--- @field again boolean? whether to ask once more when its answer is there

--- @type table<integer, codi2.Blame> by the file's buffer
local views = {}

--- The kind, the name and the class of an owner as `codi2/blame` tells it.
local function told(owner, bufnr)
  if owner.state == "judged" then
    local origin = owner.verdict.origin
    local name = (origin.name or ""):gsub(" <.*", "")
    local who = name ~= "" and (origin.kind == "person" and name or origin.kind .. " " .. name) or origin.kind
    return origin.kind, origin.model and ("%s (%s)"):format(who, origin.model) or who, owner.verdict.class
  end
  if owner.state == "pending" then
    return "pending", "not judged yet", ""
  end
  if owner.state == "loading" then
    local state = status.state(bufnr)
    local away = state and state.params and state.params.connected == false
    return "pending", away and "hub away, not known yet" or "loading", ""
  end
  return "unknown", "unknown", "no answer"
end

--- The time of today, the date of other days; nothing where nobody saw it.
local function when(at_ms)
  if not at_ms then
    return ""
  end
  local at = math.floor(at_ms / 1000)
  return os.date("%Y-%m-%d", at) == os.date("%Y-%m-%d") and os.date("%H:%M", at) or os.date("%Y-%m-%d", at)
end

local function plain(text)
  return (tostring(text):gsub("%c", " "))
end

local function cut(text, width)
  text = plain(text)
  return vim.fn.strchars(text) > width and vim.fn.strcharpart(text, 0, width - 1) .. "…" or text
end

local function evidence_lines(owner, mixed, bufnr)
  local _, who, class = told(owner, bufnr)
  local lines = { who .. (class ~= "" and ", " .. class or "") .. (mixed and ", mixed with others" or "") }
  if owner.state == "judged" then
    local verdict = owner.verdict
    for _, key in ipairs({ "name", "tool", "model", "session" }) do
      local value = verdict.origin[key]
      if value and value ~= "" and not who:find(value, 1, true) then
        lines[#lines + 1] = ("%s: %s"):format(key, value)
      end
    end
    for _, evidence in ipairs(verdict.evidence or {}) do
      lines[#lines + 1] = ("%s: %s"):format(evidence.kind, evidence.detail or "")
    end
    for name, words in pairs({ modifier = "last changed by", acceptor = "accepted by" }) do
      local other = verdict[name]
      if other then
        lines[#lines + 1] = ("%s: %s %s"):format(words, other.kind, other.name or "")
      end
    end
  end
  if owner.at_ms then
    lines[#lines + 1] = os.date("when: %Y-%m-%d %H:%M", math.floor(owner.at_ms / 1000))
  end
  return vim.tbl_map(plain, lines)
end

local function show_why(line, bufnr)
  local lines = evidence_lines(line.owner, line.mixed, bufnr)
  local _, float = vim.lsp.util.open_floating_preview(lines, "", { focus_id = "codi2-blame", border = "rounded" })
  -- Neovim makes it no wider than the window, and the one beside the file is narrow.
  local widths = vim.tbl_map(vim.api.nvim_strwidth, lines)
  local width = math.max(1, math.min(math.max(unpack(widths)), vim.o.columns - 4))
  local height = 0
  for _, own in ipairs(widths) do
    height = height + math.max(1, math.ceil(own / width))
  end
  vim.api.nvim_win_set_width(float, width)
  vim.api.nvim_win_set_height(float, math.min(height, vim.api.nvim_win_get_height(float)))
end

--- Asks for the lines from `first` to before `last`, from 0, and hands `got` the answer, each line with its owner.
local function ask(bufnr, first, last, got)
  local params = { uri = vim.uri_from_bufnr(bufnr), start = first, ["end"] = last }
  return sidecar.request(bufnr, "codi2/blame", params, function(problem, result)
    if problem or type(result) ~= "table" then
      got(nil, problem and plain(problem.message or "no answer") or nil)
      return
    end
    local lines = vim.tbl_map(function(line)
      return { owner = result.owners[line.owner + 1], mixed = line.mixed == true }
    end, result.lines)
    got({ first = result.start, count = result.count, lines = lines })
  end)
end

local function columns(blame)
  local rows, who_width, class_width = {}, 0, 0
  for index, line in ipairs(blame.lines) do
    local kind, who, class = told(line.owner, blame.bufnr)
    local row = { kind = kind, who = cut(who, 28) .. (line.mixed and " +" or ""), class = class, at = when(line.owner.at_ms) }
    local before = rows[index - 1]
    row.same = before and before.who == row.who and before.class == row.class and before.at == row.at
    rows[index] = row
    who_width = math.max(who_width, vim.api.nvim_strwidth(row.who))
    class_width = math.max(class_width, #row.class)
  end
  local width = 12
  for _, row in ipairs(rows) do
    local gap = (" "):rep(who_width - vim.api.nvim_strwidth(row.who))
    local text = ("%s%s  %s%s  %s"):format(row.who, gap, row.class, (" "):rep(class_width - #row.class), row.at)
    row.text = row.same and "│" or (text:gsub("%s+$", ""))
    width = math.max(width, vim.api.nvim_strwidth(row.text))
  end
  return rows, width
end

--- Puts what is known into the column: as many rows as the file has lines, those not asked for empty.
local function render(blame, count)
  local rows, width = columns(blame)
  local column = blame.column
  -- A buffer has a line even when its file has none, and one behind a final line end that Neovim does not show.
  local total = math.max(count, vim.api.nvim_buf_line_count(blame.bufnr), 1)
  local text = vim.tbl_map(function(row)
    return row.text
  end, rows)
  vim.bo[column].modifiable = true
  local have = vim.api.nvim_buf_line_count(column)
  if have > total then
    vim.api.nvim_buf_set_lines(column, total, -1, false, {})
  elseif have < total then
    local more = {}
    for index = 1, total - have do
      more[index] = ""
    end
    vim.api.nvim_buf_set_lines(column, have, have, false, more)
  end
  local before = blame.shown
  if before and not vim.deep_equal(before, { blame.first, blame.first + #text }) then
    local last = math.min(before[2], total)
    local empty = {}
    for index = 1, last - before[1] do
      empty[index] = ""
    end
    vim.api.nvim_buf_set_lines(column, before[1], math.max(last, before[1]), false, empty)
  end
  vim.api.nvim_buf_set_lines(column, blame.first, math.min(blame.first + #text, total), false, text)
  blame.shown = { blame.first, blame.first + #text }
  vim.bo[column].modifiable = false
  vim.api.nvim_buf_clear_namespace(column, highlights, 0, -1)
  for index, row in ipairs(rows) do
    vim.api.nvim_buf_set_extmark(column, highlights, blame.first + index - 1, 0, {
      end_col = #row.text,
      hl_group = (groups[row.kind] or groups.unknown)[1],
    })
  end
  local room = math.min(width + 1, math.floor(vim.o.columns / 2))
  if vim.api.nvim_win_is_valid(blame.side) and vim.api.nvim_win_get_width(blame.side) ~= room then
    vim.api.nvim_win_set_width(blame.side, room)
  end
end

--- The lines in sight, and some around them, from 0.
local function sight(blame)
  local top, bottom = vim.fn.line("w0", blame.window), vim.fn.line("w$", blame.window)
  return math.max(0, top - 1 - MARGIN), bottom + MARGIN
end

--- For what the window shows now alone, as :setlocal.
local function set(window, values)
  for name, value in pairs(values) do
    vim.wo[window][0][name] = value
  end
end

--- Gives the file's window its options back. They are kept with the file, so where it is not shown there any more they wait
--- until it is shown again.
local function put_back(blame)
  if vim.api.nvim_win_is_valid(blame.window) and vim.api.nvim_win_get_buf(blame.window) == blame.bufnr then
    set(blame.window, blame.restore)
  elseif vim.api.nvim_buf_is_valid(blame.bufnr) then
    vim.api.nvim_create_autocmd("BufWinEnter", {
      group = vim.api.nvim_create_augroup("codi2_blame_restore_" .. blame.bufnr, { clear = true }),
      buffer = blame.bufnr,
      once = true,
      callback = guard.wrap(function()
        local here = vim.wo[0][0]
        if here.scrollbind and here.cursorbind then
          set(0, blame.restore)
        end
      end),
    })
  end
end

--- Whether nothing else is open.
local function is_last(window)
  if #vim.api.nvim_list_tabpages() > 1 then
    return false
  end
  for _, other in ipairs(vim.api.nvim_list_wins()) do
    if other ~= window and vim.api.nvim_win_get_config(other).relative == "" then
      return false
    end
  end
  return true
end

local function remove(column)
  if vim.api.nvim_buf_is_valid(column) then
    pcall(vim.api.nvim_buf_delete, column, { force = true })
  end
end

local function close(blame)
  if views[blame.bufnr] ~= blame then
    return
  end
  views[blame.bufnr] = nil
  pcall(vim.api.nvim_del_augroup_by_id, blame.group)
  put_back(blame)
  if vim.api.nvim_win_is_valid(blame.side) then
    set(blame.side, { winfixbuf = false })
    if vim.api.nvim_win_get_buf(blame.side) ~= blame.column then
      -- The person's by now.
      set(blame.side, { scrollbind = false, cursorbind = false, winfixwidth = false })
    elseif is_last(blame.side) then
      -- What would have ended without the view ends with it. With text that is not saved it does not.
      vim.schedule(function()
        if not pcall(vim.cmd.quit) then
          remove(blame.column)
        end
      end)
      return
    else
      pcall(vim.api.nvim_win_close, blame.side, true)
    end
  end
  remove(blame.column)
end

--- Asks again, soon: once for all that happens until then, and never twice at a time.
local function refresh(blame)
  if blame.asked then
    blame.again = true
    return
  end
  blame.asked, blame.again = true, false
  vim.defer_fn(guard.wrap(function()
    if views[blame.bufnr] ~= blame or not vim.api.nvim_win_is_valid(blame.window) then
      return
    end
    local first, last = sight(blame)
    local sent = ask(blame.bufnr, first, last, function(result)
      blame.asked = false
      if views[blame.bufnr] ~= blame then
        return
      end
      if result then
        blame.first, blame.lines = result.first, result.lines
        render(blame, result.count)
      end
      if blame.again then
        refresh(blame)
      end
    end)
    if not sent then
      -- The sidecar is gone; its next one opens the file and so asks again.
      blame.asked = false
    end
  end), PAUSE)
end

--- Owners changed.
function M.changed()
  for _, blame in pairs(views) do
    refresh(blame)
  end
end

local function open(bufnr, window)
  for _, group in pairs(groups) do
    vim.api.nvim_set_hl(0, group[1], { link = group[2], default = true })
  end
  local restore = {}
  for _, name in ipairs({ "scrollbind", "cursorbind", "wrap", "foldenable" }) do
    restore[name] = vim.wo[window][0][name]
  end
  local top, cursor = vim.fn.line("w0"), vim.api.nvim_win_get_cursor(window)
  local rows = {}
  for index = 1, vim.api.nvim_buf_line_count(bufnr) do
    rows[index] = ""
  end
  local column = view.scratch("blame", rows)
  vim.cmd("leftabove 12vsplit")
  local side = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_buf(side, column)
  set(side, { number = false, relativenumber = false, signcolumn = "no", foldcolumn = "0", list = false, spell = false })
  set(side, { winfixwidth = true, winfixbuf = true })
  vim.fn.winrestview({ topline = top })
  pcall(vim.api.nvim_win_set_cursor, side, { cursor[1], 0 })
  for _, either in ipairs({ window, side }) do
    set(either, { wrap = false, foldenable = false, scrollbind = true, cursorbind = true })
  end
  local group = vim.api.nvim_create_augroup("codi2_blame_" .. column, { clear = true })
  local blame = { bufnr = bufnr, window = window, column = column, side = side, restore = restore, group = group, lines = {} }
  views[bufnr] = blame
  local function on(events, options, act)
    options.group, options.callback = group, guard.wrap(act)
    vim.api.nvim_create_autocmd(events, options)
  end
  on("BufWipeout", { buffer = column }, function()
    -- Not while it goes.
    vim.schedule(guard.wrap(function()
      close(blame)
    end))
  end)
  -- After what closes the file's window, or shows another file in it, is done. A file that stays in another window leaves
  -- none.
  on({ "WinClosed", "BufWinLeave", "BufEnter" }, {}, function()
    vim.schedule(guard.wrap(function()
      if not vim.api.nvim_win_is_valid(window) or vim.api.nvim_win_get_buf(window) ~= bufnr then
        close(blame)
      end
    end))
  end)
  on("WinScrolled", {}, function()
    if vim.api.nvim_win_is_valid(window) then
      local first, last = vim.fn.line("w0", window) - 1, vim.fn.line("w$", window)
      if blame.shown and (first < blame.shown[1] or last > blame.shown[2]) then
        refresh(blame)
      end
    end
  end)
  vim.keymap.set("n", "<CR>", function()
    local line = blame.first and blame.lines[vim.api.nvim_win_get_cursor(0)[1] - blame.first]
    if line then
      show_why(line, bufnr)
    end
  end, { buffer = column, desc = "Why" })
  refresh(blame)
end

--- Why there is nothing to show: what the sidecar says, unless that is that all is well.
local function why_not(bufnr, otherwise)
  local state = status.state(bufnr)
  local said = state and state.health ~= "ok" and state.message
  return said and (said:gsub("^codi2: ", "")) or otherwise
end

--- :Codi2Blame [line]
function M.blame(call)
  local bufnr, window = vim.api.nvim_get_current_buf(), vim.api.nvim_get_current_win()
  for _, blame in pairs(views) do
    if bufnr == blame.bufnr or bufnr == blame.column then
      if call.args ~= "line" then
        close(blame)
        return
      end
      bufnr = blame.bufnr
    end
  end
  local row = vim.api.nvim_win_get_cursor(window)[1]
  local line = call.args == "line"
  local sent = ask(bufnr, row - 1, row, function(result, problem)
    if not result then
      view.warn(problem or why_not(bufnr, "this file is not recorded: private, ignored by git, or too long"))
    elseif line then
      if result.lines[1] then
        show_why(result.lines[1], bufnr)
      end
    elseif vim.api.nvim_win_is_valid(window) and vim.api.nvim_win_get_buf(window) == bufnr and not views[bufnr] then
      vim.api.nvim_set_current_win(window)
      open(bufnr, window)
    end
  end)
  if not sent then
    view.warn(why_not(bufnr, "this buffer is no file of a git repository"))
  end
end

sidecar.on_text(function(_, bufnr, anew)
  local blame = views[bufnr]
  if blame then
    -- A sidecar that died took its question along.
    blame.asked = blame.asked and not anew
    refresh(blame)
  end
end)

return M
