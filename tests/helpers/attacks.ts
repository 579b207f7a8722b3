/**
 * Runs the programs of `tests/attack`, which attack the host from within a process.
 *
 * @module
 */

import { assertCode, runProcess } from "./process.ts";

const BIN = decodeURIComponent(new URL("../attack/bin", import.meta.url).pathname);
const LIB = decodeURIComponent(new URL("../../lib", import.meta.url).pathname);
const ARCH = Deno.build.arch === "aarch64" ? "arm64" : "x64";

/** The path of one of the programs. */
export function attackProgram(name: "vfs_escape" | "inject" | "hostile"): string {
  return `${BIN}/${name}`;
}

/** Builds the programs if they do not exist. */
export async function buildAttacks(): Promise<void> {
  assertCode(
    await runProcess(decodeURIComponent(new URL("../attack/build", import.meta.url).pathname), { args: [] }),
    0,
  );
}

/** Makes a `lib` folder whose agent does not restrict root in the guest: only the host's defenses remain. */
export async function makeOpenLib(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  const agent = `smolvm-agent-${ARCH}`;
  for (const { name } of Deno.readDirSync(LIB)) {
    if (name !== agent) await Deno.symlink(`${LIB}/${name}`, `${folder}/${name}`);
  }
  await Deno.symlink(`${BIN}/open/${agent}`, `${folder}/${agent}`);
}

/** The result of each attempt: `ALLOWED ...`, `KILLED 31`, or the name of an error. */
export type Answers = Map<string, string>;

/** Makes system calls on the main thread of a process, as code that took it over could. */
export async function inject(
  pid: number,
  { file, folder, names = [] }: { file: string; folder: string; names?: readonly string[] },
): Promise<Answers> {
  const outcome = await runProcess(attackProgram("inject"), { args: [`${pid}`, `${pid}`, file, folder, ...names] });
  assertCode(outcome, 0);
  return answersOf("inject", outcome.stdout);
}

/** Parses the lines `PROGRAM: ATTEMPT: ANSWER` of an output. */
export function answersOf(program: string, output: string): Answers {
  const lines = output.split("\n").map((line) => line.split(": ")).filter(([name]) => name === program);
  return new Map(lines.map(([, attempt, ...answer]) => [attempt!, answer.join(": ").trim()]));
}

/** The names of all attempts of {@linkcode inject}. */
export async function injectNames(): Promise<string[]> {
  const { stdout } = await runProcess(attackProgram("inject"), { args: ["--list"] });
  return stdout.trim().split("\n");
}

/** Names of {@linkcode inject} that run several attempts. */
const GROUPS = ["sockets of every family", "reopened descriptors", "future call numbers"];

/**
 * Runs every attempt of {@linkcode inject}, in as many processes as needed, because some attempts kill the process.
 *
 * @param makeVictim starts a process that ends when it is disposed of
 */
export async function injectAll(
  makeVictim: () => Promise<AsyncDisposable & { pid: number; file: string; folder: string }>,
  names: readonly string[],
): Promise<Answers> {
  const answers: Answers = new Map();
  let left = names;
  while (left.length > 0) {
    await using victim = await makeVictim();
    const more = await inject(victim.pid, { ...victim, names: left });
    for (const [name, answer] of more) answers.set(name, answer);
    const tried = left.findLastIndex((name) => more.has(name));
    if (tried < 0 && !left.every((name) => GROUPS.includes(name))) {
      throw new Error(`None of these attempts ran: ${left}`);
    }
    left = left.slice(tried < 0 ? left.length : tried + 1);
  }
  return answers;
}
