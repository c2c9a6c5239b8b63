-- Loads codi2 with its defaults: works without a call of setup(). Absent on purpose: everything heavy; modules load
-- when the first file of a repository is opened.
if vim.g.loaded_codi2 then
  return
end
vim.g.loaded_codi2 = 1

if vim.fn.has("nvim-0.10") == 0 then
  vim.notify_once("codi2 needs Neovim 0.10 or newer", vim.log.levels.WARN)
  return
end

local group = vim.api.nvim_create_augroup("codi2", { clear = true })

-- BufReadPost comes early, so that our eyes are on a buffer before a language server's; BufEnter and BufWritePost
-- catch what had no name, no repository or no buffer type before.
vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile", "BufEnter", "BufWritePost" }, {
  group = group,
  desc = "codi2: start the sidecar for files of a repository",
  callback = function(event)
    require("codi2").attach(event.buf)
  end,
})

local function command(name, module, method, options)
  vim.api.nvim_create_user_command(name, function(call)
    require("codi2." .. module)[method](call)
  end, options)
end

command("Codi2Blame", "blame", "blame", {
  desc = "Who wrote each line of this file, unsaved text included (line: only the line under the cursor)",
  nargs = "?",
  complete = function()
    return { "line" }
  end,
})
command("Codi2Log", "view", "log", { desc = "The audit log of this file, or what `codi2 log` says to these arguments", nargs = "*" })
command("Codi2Status", "view", "status", { desc = "How codi2 is, and who works where" })
command("Codi2Lens", "inline", "toggle_lens", { desc = "Code lenses that say who wrote what, on or off" })
command("Codi2Hints", "inline", "toggle_hints", { desc = "Inlay hints that say who wrote a line, on or off" })
