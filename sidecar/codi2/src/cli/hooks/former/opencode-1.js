// Made by `codi2 hooks install`; taken away by `codi2 hooks remove`.
// Tells codi2 which tool is about to act and has acted, and on which files. Contents stay here.
import { spawn } from "node:child_process"

const PROGRAM = "CODI2"
const PATHS = /^\*\*\* (?:Update File|Add File|Delete File|Move to): .*$/gm

const tell = (event, call, args, folder) =>
  new Promise((done) => {
    const patch = typeof args?.patchText === "string" ? (args.patchText.match(PATHS) ?? []).join("\n") : undefined
    const payload = {
      codi2Plugin: "opencode",
      hookEventName: event,
      sessionId: call.sessionID,
      tool_use_id: call.callID,
      toolName: call.tool,
      toolArgs: { filePath: args?.filePath, patchText: patch },
      cwd: folder,
    }
    // Whatever happens to codi2, the agent goes on.
    try {
      const hook = spawn(PROGRAM, ["hook", "opencode"], { stdio: ["pipe", "ignore", "ignore"] })
      hook.on("error", done)
      hook.on("close", done)
      hook.stdin.on("error", () => {})
      hook.stdin.end(JSON.stringify(payload))
    } catch {
      done()
    }
  })

export const Codi2 = async ({ directory }) => ({
  "tool.execute.before": (call, { args }) => tell("PreToolUse", call, args, directory),
  "tool.execute.after": (call) => tell("PostToolUse", call, call.args, directory),
})
