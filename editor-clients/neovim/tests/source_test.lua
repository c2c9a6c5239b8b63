-- Where each way of editing comes from, as the sidecar hears it.
local T = ...

local function lua(code)
  return function(child)
    child:lua(code)
  end
end

local function paste(text)
  return function(child)
    child:request("nvim_paste", text, true, -1)
  end
end

local menu, back = "completion:keyword", "undo::completed text comes back"

T.check("typed characters, line ends and deletions", {
  { "A xä<BS>y<CR>next<Esc>", { "typed" } },
  { "Onew<Esc>", { "typed" } },
  { "rX", { "typed" } },
  { "Rab<BS><Esc>", { "typed" } },
  { "ccall<Esc>", { "cut", "typed" } },
})

T.check("typed in one burst, as over a slow line", {
  { function(child) child:request("nvim_input", "ohello<Esc>") end, { "typed" } },
})

T.check("pasted from outside and put from registers", {
  { paste("pasted\ntext\n"), { "paste" } },
  { function(child) child:keys("i") paste("in insert mode")(child) child:keys("<Esc>") end, { "paste" } },
  { "yyp", { "paste" } },
  { '"0P', { "paste::register 0" } },
  { "yiwviwp", { "paste" } },
  { "o<C-r>0<Esc>", { "typed", "paste::register" } },
  { "A<C-r><C-o>0x<Esc>", { "paste::register", "typed" } },
  { ":put<CR>", { "paste::put" } },
  { "i<C-r>=1+1<CR><Esc>", { "command:expression" } },
})

T.check("undo and redo, by keys, by command, by a plugin", {
  { "Axy<Esc>", { "typed" } },
  { "dd", { "cut" } },
  { "u", { "undo" } },
  { "u", { "undo" } },
  { "<C-r>", { "redo" } },
  { ":undo<CR>", { "undo" } },
  { ":redo<CR>", { "redo" } },
  { "g-", { "undo" } },
  { "g+", { "redo" } },
  { lua("vim.cmd.undo()"), { "undo" } },
  { "Az<Esc>", { "typed" } },
})

T.check("cut and commands", {
  { "x", { "cut" } },
  { "dw", { "cut" } },
  { ".", { "command:repeat" } },
  { "jAq<Esc>k.", { "typed", "command:repeat" } },
  { "J", { "command:join" } },
  { "0~", { "command:case" } },
  { ">>", { "command:shift" } },
  { ":%s/e/E/<CR>", { "command:substitute" } },
  { ":%sort!<CR>", { "command:sort" } },
  { ":m $<CR>", { "command:move" } },
  { ":%!sort -r<CR>", { "command:filter:filter sort" } },
  { ":r !echo hi<CR>", { "command:read:filter echo" } },
  { ":r .git/HEAD<CR>", { "command:read" } },
  { "A 1<Esc><C-a>", { "typed", "command:increment" } },
  { "qqAz<Esc>q", { "typed" } },
  { "@q", { "command:macro" } },
  { "3ihey<Esc>", { "typed", "command:repeat" } },
  { "gcc", { "command:comment" } },
  { ":lua vim.api.nvim_set_current_line('x')<CR>", { "command:lua" } },
}, { lines = { "one two", "three", "four", "five", "six", "seven" }, setup = "vim.o.commentstring = '# %s'" })

T.check("an argument of a command never leaves the editor", {
  { ":%s/one/secret-token/<CR>", { "command:substitute" } },
  { ":normal Asecret-token<CR>", { "command:normal" } },
})

T.check("mappings: what they do, not what they are called", {
  { "o()<Esc>", { "typed" } },
  { "o;;<Esc>", { "typed", "snippet:mapping" } },
  { "oteh <Esc>", { "typed", "snippet:abbreviation" } },
  { "X", { "command:mapping" } },
}, {
  setup = [[
    vim.keymap.set("i", "(", "()<Left>")
    vim.keymap.set("i", ";;", "function () end")
    vim.cmd("iabbrev teh the")
    vim.keymap.set("n", "X", "ihello<Esc>")
  ]],
})

T.check("formatted by a language server", {
  { lua("vim.lsp.buf.format({ name = 'other' })"), { "format:other:language server" } },
  { function(child)
      child:lua("vim.lsp.buf.format({ name = 'other', async = true })")
      child:wait("the formatted text", "return vim.api.nvim_get_current_line():find('^formatted formatted ') ~= nil")
    end, { "format:other:language server" } },
}, { setup = T.other })

T.check("formatted by the editor and by its plugins", {
  { "gg==", { "format:indent:=" } },
  { "jgqqgg", { "format:textwidth:gq" } },
  { ":set formatexpr=v:lua.Shorten()<CR>", {} },
  { "gqq", { "format:formatexpr:gq" } },
  { function(child) child:lua("require('conform').format()") end, { "format:stylua:conform.nvim" } },
}, {
  lines = { "\t\tindented far too much", "a long line of words that textwidth shall break into two", "b" },
  setup = T.plugins .. [[
    vim.o.textwidth = 30
    vim.o.cindent = true
    function Shorten() vim.api.nvim_buf_set_lines(0, 0, 1, true, { "short" }) end
  ]],
})

T.check("language servers' edits", {
  { function(child)
      child:lua("vim.lsp.buf.rename('renamed', { name = 'other' })")
      child:wait("the rename", "return vim.api.nvim_get_current_line():find('renamed') ~= nil")
    end, { "lsp-edit:other:textDocument/rename" } },
  { function(child)
      child:lua("vim.lsp.buf.code_action({ apply = true })")
      child:wait("the action", "return vim.api.nvim_get_current_line():find('acted') ~= nil")
    end, { "lsp-edit:other:textDocument/codeAction" } },
  { function(child)
      child:lua([[vim.lsp.get_clients({ name = "other" })[1].rpc.notify("test/ask", {
        method = "workspace/applyEdit", params = { label = "l", edit = { changes = { [vim.uri_from_bufnr(0)] = { {
          range = { start = { line = 0, character = 0 }, ["end"] = { line = 0, character = 0 } }, newText = "applied " } } } } } })]])
      child:wait("the edit", "return vim.api.nvim_get_current_line():find('applied') ~= nil")
    end, { "lsp-edit:other:workspace/applyEdit" } },
}, { setup = T.other })

T.check("completion from words of the buffer", {
  -- The typed `fo` is taken away and comes back: nobody's completion.
  -- (Neovim puts the first candidate in twice.)
  { "ofo<C-n><C-y><Esc>", { "typed", menu, back, menu, back, menu } },
  { "of<C-n>x<Esc>", { "typed", menu, back, menu, back, menu, "typed" } },
})

T.check("completion dismissed: what was typed comes back", {
  { "ofo<C-n><C-e><Esc>", { "typed", menu, back, menu, back, menu, back } },
})

T.check("completion from a language server", {
  { function(child)
      child:keys("ofro")
      child:lua("vim.lsp.completion.get()")
      child:wait("the menu", "return vim.fn.pumvisible() == 1")
      child:keys("<C-n><C-y><Esc>")
    end,
    { "typed", "completion:other:language server", "undo::completed text comes back", "completion:other:language server" } },
}, { needs = "nvim-0.11", setup = T.other .. [[
  vim.o.completeopt = "menu,menuone,noselect"
  vim.api.nvim_create_autocmd("LspAttach", { callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client.name == "other" then vim.lsp.completion.enable(true, client.id, event.buf) end
  end })
]] })

T.check("typing while a menu is open is typing", {
  { function(child)
      child:keys("of")
      child:lua("vim.o.completeopt = 'menu,menuone,noinsert,noselect'")
      child:keys("<C-n>oo<Esc>")
    end, { "typed", menu, back, "typed" } },
})

T.check("snippets", {
  { function(child)
      child:keys("o")
      child:lua("vim.snippet.expand('f(${1:a}, ${1:a})$0')")
      child:wait("the placeholder", "return vim.api.nvim_get_mode().mode == 's'")
      child:keys("x<Esc>")
    end, { "typed", "snippet", "typed", "snippet" } },
})

T.check("plugins are named by where their code lies", {
  { lua("require('busy').edit()"), { "plugin:busy.nvim:edit" } },
  { function(child)
      child:lua("require('busy').later()")
      child:wait("the late edit", "return vim.api.nvim_get_current_line():find('later') ~= nil")
    end, { "plugin:busy.nvim" } },
  { "gb", { "plugin:busy.nvim:edit" } },
  { lua("require('busy').borrow()"), { "plugin:busy.nvim:borrow" } },
  { lua("require('copilot').accept()"), { "completion:copilot.lua:accept" } },
  { ":call Old_edit()<CR>", { "plugin:old-plugin:Old_edit" } },
  { "go", { "plugin:old-plugin:Old_edit" } },
  { "i<C-r>=copilot#Text()<CR><Esc>", { "completion:copilot:expression register" } },
}, { setup = T.plugins .. [[
  vim.keymap.set("n", "gb", function() require("busy").edit() end)
  vim.keymap.set("n", "go", "<Cmd>call Old_edit()<CR>")
]] })

T.check("the person's own settings edit as config", {
  { "gx", { "plugin:config" } },
}, { setup = [[vim.keymap.set("n", "gx", function() vim.api.nvim_set_current_line("mine") end)]] })

T.check("so do their autocommands", {
  { "AZ<Esc>:w<CR>", { "typed", "plugin:config:BufWritePre" } },
}, { needs = "nvim-0.11", setup = [[
  vim.cmd("autocmd BufWritePre * silent! %s/Z/zz/e")
]] })

T.check("a program that speaks to the editor's API is no person", {
  { function(child) child:request("nvim_buf_set_text", 0, 0, 0, 0, 0, { "api " }) end, { "plugin::api" } },
  { function(child) child:keys("jk") child:request("nvim_buf_set_lines", 0, 0, 0, true, { "after a key" }) end, { "plugin::api" } },
  { function(child)
      child:keys("i")
      child:request("nvim_buf_set_text", 0, 0, 0, 0, 0, { "while inserting " })
      child:keys("<Esc>")
    end, { "plugin::api" } },
  { lua("vim.api.nvim_buf_set_lines(0, 0, 0, true, { 'sent as Lua' })"), { "plugin::api" } },
  { lua("vim.api.nvim_feedkeys('ofed\27', 'n', false)"), { "plugin::api" } },
})

T.check("a file changed outside is loaded again", {
  { function(child)
      vim.fn.writefile({ "changed outside", "and longer" }, child.file)
      child:request("nvim_command", "checktime")
      child:wait("the new text", "return vim.api.nvim_get_current_line() == 'changed outside'")
    end, { "reload" } },
  { "Ax<Esc>", { "typed" } },
  { ":e!<CR>", {} },
  { "Ay<Esc>", { "typed" } },
})

T.check("without undo history nothing is undo", {
  { "Ax<Esc>dd", { "typed", "cut" } },
}, { setup = "vim.o.undolevels = -1" })

T.check("visual block insert", {
  { "gg<C-v>jIzz<Esc>", { "typed" } },
  { "gg<C-v>jd", { "cut" } },
})
