--- Nothing of ours may ever break typing: an error here becomes one warning, then silence.
local M = { errors = 0, last = nil }

--- @param message string
local function note(message)
  M.errors = M.errors + 1
  M.last = message
  if M.errors == 1 then
    vim.schedule(function()
      vim.notify("codi2: " .. message .. "\n(said once; :checkhealth codi2 tells more)", vim.log.levels.WARN)
    end)
  end
  return message
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
