import { jailProgram } from "../jail/prefix.ts";
import { log } from "../log.ts";
import { TakenLink } from "./taken_link.ts";

/** Says which runner the launcher has started beside this process, and how that is confined; `ahead.c` has it too. */
const VARIABLE = "SMOLVM_SPARE";

let spare: { path: string; prefix: readonly string[] } | undefined;
let dismissed: Promise<void> | undefined;

/**
 * Lets a runner that the launcher has started beside this process be the one of the first machine that this process
 * starts. To be followed by {@linkcode dismissSpareRunner}.
 */
export function adoptSpareRunner(): void {
  const [name, ...flags] = Deno.env.get(VARIABLE)?.split(" ") ?? [];
  if (name === undefined) return;
  Deno.env.delete(VARIABLE); // It is not for the programs that this one starts.
  spare = { path: `\0${name}`, prefix: [jailProgram(), ...flags] };
}

/** The spare runner, if there is one behind that prefix; another one ends. */
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

/** Ends the spare runner, if nobody took it; settles when nothing of it is left. */
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
