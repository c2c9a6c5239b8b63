--- What well-known plugins do when they edit: the one table to extend. A plugin that is not here is `plugin`.
--- Keys are the names of their folders, or of their autoload functions.
local M = {}

--- @type table<string, string>
M.kinds = {
  -- Completion engines: what they put in was offered and accepted.
  ["nvim-cmp"] = "completion",
  ["blink.cmp"] = "completion",
  ["coq_nvim"] = "completion",
  ["care.nvim"] = "completion",
  ["mini.completion"] = "completion",
  ["copilot.vim"] = "completion",
  ["copilot.lua"] = "completion",
  ["copilot"] = "completion",
  ["supermaven-nvim"] = "completion",
  ["codeium.vim"] = "completion",
  ["codeium.nvim"] = "completion",
  ["codeium"] = "completion",
  ["windsurf.vim"] = "completion",
  ["windsurf.nvim"] = "completion",
  ["minuet-ai.nvim"] = "completion",
  ["tabby.nvim"] = "completion",
  ["vim-tabby"] = "completion",
  ["llm.nvim"] = "completion",
  -- Formatters.
  ["conform.nvim"] = "format",
  ["formatter.nvim"] = "format",
  ["guard.nvim"] = "format",
  ["format.nvim"] = "format",
  ["lsp-format.nvim"] = "format",
  ["neoformat"] = "format",
  ["vim-autoformat"] = "format",
  ["vim-prettier"] = "format",
  ["vim-codefmt"] = "format",
  ["rust.vim"] = "format",
  ["editorconfig-vim"] = "format",
  -- Snippets.
  ["LuaSnip"] = "snippet",
  ["nvim-snippy"] = "snippet",
  ["vim-vsnip"] = "snippet",
  ["ultisnips"] = "snippet",
  ["UltiSnips"] = "snippet",
  ["neosnippet.vim"] = "snippet",
  ["mini.snippets"] = "snippet",
  ["emmet-vim"] = "snippet",
}

--- Libraries: never the one who edits, whoever calls them is.
--- @type table<string, boolean>
M.libraries = { ["plenary.nvim"] = true, ["nvim-nio"] = true, ["promise-async"] = true, ["nui.nvim"] = true }

return M
