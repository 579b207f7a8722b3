import { exitCodeOf, messageOf, SmolvmError } from "../errors.ts";
import { optionValue, parseCall } from "./command_line.ts";
import { containerMain } from "./container.ts";
import { create } from "./create.ts";
import { exec } from "./exec.ts";
import { networkMain } from "./network.ts";
import { relayMain } from "./relay.ts";
import { update } from "./update.ts";

/**
 * `smolvm oci`: handles the OCI runtime's calls that the launcher does not pass on, and runs the processes inside
 * containers. Returns the exit code.
 */
export async function ociMain(words: readonly string[]): Promise<number> {
  if (words[0] === "init") return await containerMain();
  try {
    if (words[0] === "network") return await networkMain(words.slice(1));
    if (words[0] === "relay") return await relayMain();
    const call = parseCall(words);
    if (call.command === "create" || call.command === "run") return await create(call);
    if (call.command === "exec") return await exec(call);
    if (call.command === "update") return await update(call);
    throw new SmolvmError("usage", `smolvm oci does not know the command "${call.command}": see smolvm-oci`);
  } catch (error) {
    report(error, words);
    return exitCodeOf(error);
  }
}

/** Reports an error where engines expect it from runc: in the file of `--log`, and on standard error. */
function report(error: unknown, words: readonly string[]): void {
  const hint = error instanceof SmolvmError && error.hint ? `. ${error.hint}` : "";
  const msg = `${messageOf(error)}${hint}`;
  const named = words.findIndex((word) => word === "--log");
  const file = named >= 0 ? words[named + 1] : optionValue(words, "--log");
  const isJson = words.includes("--log-format=json") || words[words.indexOf("--log-format") + 1] === "json";
  const line = isJson ? JSON.stringify({ level: "error", msg, time: new Date().toISOString() }) : `smolvm: ${msg}`;
  try {
    if (file !== undefined) Deno.writeTextFileSync(file, `${line}\n`, { append: true });
  } catch {
    // Standard error still gets the message.
  }
  console.error(`smolvm: ${msg}`);
}
