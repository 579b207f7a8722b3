import { jailProgram } from "../jail/prefix.ts";
import { log } from "../log.ts";
import { TakenLink } from "./taken_link.ts";

/** Names the spare runner that the launcher has started, and its jail's flags; `ahead.c` has the same name. */
const VARIABLE = "SMOLVM_SPARE";

let spare: { path: string; prefix: readonly string[] } | undefined;
let dismissed: Promise<void> | undefined;

/**
 * Uses the spare runner, which the launcher has started beside this process, for the first machine that this process
 * starts. Call {@linkcode dismissSpareRunner} later.
 */
export function adoptSpareRunner(): void {
  const [name, ...flags] = Deno.env.get(VARIABLE)?.split(" ") ?? [];
  if (name === undefined) return;
  Deno.env.delete(VARIABLE); // Child processes must not inherit it.
  spare = { path: `\0${name}`, prefix: [jailProgram(), ...flags] };
}

/** Takes the spare runner, if there is one with that prefix. A spare runner with another prefix is ended. */
export async function takeSpareRunner(prefix: readonly string[]): Promise<TakenLink | undefined> {
  if (spare === undefined) return undefined;
  if (prefix.join("\0") !== spare.prefix.join("\0")) {
    dismissSpareRunner();
    return undefined;
  }
  const { path } = spare;
  spare = undefined;
  const link = await TakenLink.take(path, { hasBooted: false });
  if (link !== undefined) log("debug", "took the runner that was started ahead");
  return link;
}

/** Ends the spare runner, unless it was taken. Settles when it has exited and was cleaned up. */
export async function dismissSpareRunner(): Promise<void> {
  const path = spare?.path;
  spare = undefined;
  if (path !== undefined) dismissed = endSpare(path);
  await dismissed;
}

async function endSpare(path: string): Promise<void> {
  const link = await TakenLink.take(path, { hasBooted: false });
  await link?.release();
  await link?.exited;
}
