-- Settings that several tests share: another language server, plugins, a program that stands for codi2.
local T = ...

T.other = [[

  vim.api.nvim_create_autocmd("BufReadPost", { callback = function(event)
    if vim.api.nvim_buf_get_name(event.buf):find("repo/") then
      vim.lsp.start({ name = "other", cmd = { "python3", RECORDER, "other" }, root_dir = vim.fs.dirname(event.file) }, { bufnr = event.buf })
    end
  end })
]]

-- Plugins in folders of their own, as a plugin manager lays them out.
T.plugins = [[

  local base = vim.fn.tempname()
  local function file(path, text)
    vim.fn.mkdir(vim.fs.dirname(base .. "/" .. path), "p")
    vim.fn.writefile(vim.split(text, "\n"), base .. "/" .. path)
  end
  file("busy.nvim/lua/busy.lua", "local M = {}\n"
    .. "function M.edit() vim.api.nvim_set_current_line('edited') end\n"
    .. "function M.later() vim.schedule(function() vim.api.nvim_set_current_line('later') end) end\n"
    .. "function M.borrow()\n"
    .. "  vim.lsp.util.apply_text_edits({ { range = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 0 } }, newText = 'b ' } }, vim.api.nvim_get_current_buf(), 'utf-8')\n"
    .. "  local done = true\n"
    .. "  return done\n"
    .. "end\n"
    .. "return M")
  file("copilot.lua/lua/copilot.lua", "return { accept = function()\n"
    .. "  vim.lsp.util.apply_text_edits({ { range = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 0 } }, newText = 'ai ' } }, vim.api.nvim_get_current_buf(), 'utf-8')\n"
    .. "  local done = true\n"
    .. "  return done\n"
    .. "end }")
  file("conform.nvim/lua/conform.lua", "local function apply_format(formatters)\n"
    .. "  vim.api.nvim_buf_set_lines(0, 0, 1, true, { 'conformed' })\n"
    .. "  return formatters\n"
    .. "end\n"
    .. "return { format = function() local formatters = { { name = 'stylua' } } apply_format(formatters) return formatters end }")
  file("old-plugin/plugin/old.vim", "function! Old_edit()\n  call setline(1, 'old ' . getline(1))\nendfunction")
  file("copilot.vim/autoload/copilot.vim", "function! copilot#Text()\n  return 'from the model'\nendfunction")
  for name in vim.fs.dir(base) do
    vim.opt.runtimepath:append(base .. "/" .. name)
  end
]]

-- In place of `codi2 log` and `status`; the sidecar stays the recorder.
T.fake_program = [[

  local program = vim.fn.tempname()
  vim.fn.writefile({
    "#!/bin/sh",
    "case \"$1\" in",
    "*) case \"$*\" in *--fail*) echo it failed >&2; exit 1;; *) echo \"ran $*\";; esac;;",
    "esac",
  }, program)
  vim.uv.fs_chmod(program, 493)
  vim.api.nvim_create_autocmd("VimEnter", { callback = function()
    require("codi2").options.cmd = { program, "lsp" }
  end })
]]
