// Made by `codi2 hooks install`; taken away by `codi2 hooks remove`.
// Tells codi2 which tool is about to act and has acted, and on which files. Contents stay here.
import { spawn } from "node:child_process"

const PROGRAM = "CODI2"

const session = (context) => {
  try {
    return context?.sessionManager?.getSessionId?.()
  } catch {
    return undefined
  }
}

const tell = (event, call, context) =>
  new Promise((done) => {
    const path = typeof call?.input?.path === "string" ? call.input.path.replace(/^@/, "") : undefined
    const payload = {
      codi2Plugin: "pi",
      hookEventName: event,
      sessionId: session(context),
      tool_use_id: call?.toolCallId,
      toolName: call?.toolName,
      toolArgs: { path },
      model: context?.model?.id,
      cwd: context?.cwd ?? process.cwd(),
    }
    // Whatever happens to codi2, the agent goes on.
    try {
      const hook = spawn(PROGRAM, ["hook", "pi"], { stdio: ["pipe", "ignore", "ignore"] })
      hook.on("error", () => done(undefined))
      hook.on("close", () => done(undefined))
      hook.stdin.on("error", () => {})
      hook.stdin.end(JSON.stringify(payload))
    } catch {
      done(undefined)
    }
  })

export default function (pi) {
  pi.on("tool_call", (call, context) => tell("PreToolUse", call, context))
  pi.on("tool_result", (call, context) => tell("PostToolUse", call, context))
  pi.on("agent_end", (_, context) => tell("Stop", undefined, context))
}
