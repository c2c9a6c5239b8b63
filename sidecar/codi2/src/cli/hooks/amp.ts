// @i-know-the-amp-plugin-api-is-wip-and-very-experimental-right-now
// Made by `codi2 hooks install`; taken away by `codi2 hooks remove`.
// Tells codi2 which tool is about to act and has acted, and on which files. Contents stay here.
import { spawn } from "node:child_process"

const PROGRAM = "CODI2"
const PATHS = /^\*\*\* (?:Update File|Add File|Delete File|Move to): .*$/gm

const tell = (event, call, paths, patch) =>
  new Promise((done) => {
    const payload = {
      codi2Plugin: "amp",
      hookEventName: event,
      sessionId: call?.thread?.id,
      tool_use_id: call?.toolUseID,
      toolName: call?.tool,
      toolArgs: { paths, patchText: patch },
      cwd: process.cwd(),
    }
    // Whatever happens to codi2, the agent goes on.
    try {
      const hook = spawn(PROGRAM, ["hook", "amp"], { stdio: ["pipe", "ignore", "ignore"] })
      hook.on("error", done)
      hook.on("close", done)
      hook.stdin.on("error", () => {})
      hook.stdin.end(JSON.stringify(payload))
    } catch {
      done()
    }
  })

export default function (amp) {
  // A result need not say what the call was given.
  const begun = new Map()
  const given = (call) => {
    const input = call?.input ?? {}
    const texts = Object.values(input).filter((text) => typeof text === "string" && text.includes("*** "))
    const paths = [input.path].filter((path) => typeof path === "string")
    return [paths, texts.flatMap((text) => text.match(PATHS) ?? []).join("\n")]
  }
  amp.on("tool.call", async (call) => {
    const about = given(call)
    begun.set(call?.toolUseID, about)
    await tell("PreToolUse", call, ...about)
    return { action: "allow" }
  })
  amp.on("tool.result", async (call) => {
    const about = begun.get(call?.toolUseID) ?? given(call)
    begun.delete(call?.toolUseID)
    await tell("PostToolUse", call, ...about)
  })
  amp.on("agent.end", async (turn) => {
    begun.clear()
    await tell("Stop", turn, [], "")
  })
}
