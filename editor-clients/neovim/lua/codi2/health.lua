--- :checkhealth codi2. Only looks: starts nothing, changes nothing.
local M = {}

function M.check()
  local health = vim.health
  local codi2 = require("codi2")

  health.start("codi2: the editor")
  local version = tostring(vim.version())
  if vim.fn.has("nvim-0.10") == 1 then
    health.ok("Neovim " .. version .. " (0.10 or newer is needed, 0.11.4 is tested)")
  else
    health.error("Neovim " .. version .. " is too old", "Use Neovim 0.10 or newer.")
  end

  health.start("codi2: the program")
  local program = codi2.options.cmd[1]
  if vim.fn.executable(program) == 1 then
    local result = vim.system({ program, "--version" }, { text = true }):wait(5000)
    if result.code == 0 then
      health.ok(("%s: %s"):format(vim.fn.exepath(program), vim.trim(result.stdout)))
    else
      health.error(("%s --version ended with code %d"):format(program, result.code), "Build or install codi2 again.")
    end
  else
    health.error("no program " .. program, {
      "Put codi2 on the PATH,",
      'or say where it is: require("codi2").setup({ cmd = { "/where/codi2", "lsp" } })',
    })
  end

  health.start("codi2: sidecars")
  local clients = vim.lsp.get_clients({ name = "codi2" })
  if #clients == 0 then
    health.info("none is running: it starts with the first file of a git repository")
  end
  for _, client in ipairs(clients) do
    local bufnr = next(client.attached_buffers)
    local state = bufnr and require("codi2.status").state(bufnr)
    local line = ("%s: %s"):format(client.root_dir or "?", state and state.message or "no buffer")
    if state and (state.health == "ok" or state.health == "starting") then
      health.ok(line)
    elseif state then
      health.warn(line, { "Run `codi2 doctor` in that folder.", "Look into " .. vim.lsp.get_log_path() })
    else
      health.info(line)
    end
    local codi2_offers = client.server_capabilities and client.server_capabilities.textDocumentSync
    if client.initialized and not codi2_offers then
      health.warn("the sidecar takes no text: versions of client and program differ", "Update both.")
    end
  end

  health.start("codi2: this client")
  local guard = require("codi2.guard")
  if guard.errors == 0 then
    health.ok("no errors")
  else
    health.error(("%d errors; the last: %s"):format(guard.errors, guard.last), "Please report this.")
  end
end

return M
