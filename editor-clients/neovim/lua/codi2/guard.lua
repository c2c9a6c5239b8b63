--- Nothing of ours may ever break typing: an error here becomes one warning, then silence, and no message comes between
--- two keys of an insert.
local M = { errors = 0, last = nil }

local unsaid, waiting = {}, false

--- Shows what is to be said, between two commands. A message that does not fit stops Neovim at a prompt: the prompt
--- swallows a key, and what runs meanwhile may take the cursor back from behind the line's end, so that the next
--- character lands before the last one (measured on 0.11.4: nvim_buf_call, with which Neovim puts a client away).
local function show()
  if vim.api.nvim_get_mode().mode == "n" then
    local messages = unsaid
    unsaid = {}
    for _, message in ipairs(messages) do
      vim.notify("codi2: " .. message, vim.log.levels.WARN)
    end
  elseif not waiting then
    waiting = true
    vim.api.nvim_create_autocmd("SafeState", {
      once = true,
      callback = function()
        waiting = false
        vim.schedule(show)
      end,
    })
  end
end

--- Warns the person, as soon as she is not in the middle of an insert, a command or a prompt.
--- @param message string
function M.say(message)
  unsaid[#unsaid + 1] = message
  vim.schedule(show)
end

--- @param problem string
local function note(problem)
  M.errors = M.errors + 1
  M.last = problem
  if M.errors == 1 then
    M.say(problem .. "\n(said once; :checkhealth codi2 tells more)")
  end
  return problem
end

--- Calls `f`; gives its results, or nil after an error.
function M.run(f, ...)
  local results = vim.F.pack_len(xpcall(f, function(problem)
    return note(debug.traceback(tostring(problem), 2))
  end, ...))
  if results[1] then
    return unpack(results, 2, results.n)
  end
end

--- The same function, guarded.
function M.wrap(f)
  return function(...)
    return M.run(f, ...)
  end
end

return M
