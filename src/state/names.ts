import { SmolvmError } from "../errors.ts";
import { folders } from "../host/folders.ts";
import { osReason } from "../host/os_error.ts";
import { writeFileAtomic } from "./atomic_write.ts";
import { acquireLock, type Lock } from "./lock.ts";

/** What a machine may be called: also a file name and, nearly, a host name. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
const ID = /^[0-9a-f]+$/;

const ADJECTIVES = [
  "brave",
  "brisk",
  "calm",
  "clever",
  "fair",
  "fast",
  "keen",
  "kind",
  "mild",
  "neat",
  "quick",
  "sunny",
];
const NOUNS = [
  "badger",
  "crane",
  "finch",
  "gecko",
  "heron",
  "lynx",
  "otter",
  "panda",
  "raven",
  "seal",
  "tiger",
  "wren",
];

/**
 * Refuses what cannot be a machine's name.
 *
 * @throws {SmolvmError} `usage`.
 */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new SmolvmError(
    "usage",
    `Cannot name a machine "${name}": expected a letter or digit, then up to 62 of a-z A-Z 0-9 _ . -`,
  );
}

/** A name nobody else is likely to have: `keen-otter-3f9a`. */
export function generateName(): string {
  const [adjective, noun, ...tail] = crypto.getRandomValues(new Uint8Array(4));
  const hex = new Uint8Array(tail).toHex();
  return `${ADJECTIVES[adjective! % ADJECTIVES.length]}-${NOUNS[noun! % NOUNS.length]}-${hex}`;
}

/** An instance id: 12 hexadecimal digits. */
export function generateId(): string {
  return crypto.getRandomValues(new Uint8Array(6)).toHex();
}

/** A machine and its name. */
export interface NameClaim {
  name: string;
  /** Instance id. */
  id: string;
}

/** Whether the machine with such an id exists and is called so; a name for which that is not so is free. */
export type IsCalled = (id: string, name: string) => boolean;

/**
 * Enters a name into the index of names.
 *
 * @param establish makes the machine exist, before anyone else looks at the name
 * @throws {SmolvmError} `usage` when another machine has it; and what `establish` throws
 */
export async function claimName(
  { name, id }: NameClaim,
  isCalled: IsCalled,
  establish?: () => Promise<void>,
): Promise<void> {
  checkName(name);
  try {
    using _ = await lockNames();
    const holder = holderOf(name);
    if (holder !== undefined && isCalled(holder, name)) {
      throw new SmolvmError("usage", `Cannot name the machine "${name}": machine ${holder} has that name`);
    }
    // First: the name of a machine that never came to be is free.
    await writeFileAtomic(`${namesFolder()}/${name}`, id, { mode: 0o600 });
    await establish?.();
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    throw new SmolvmError("storage", `Cannot claim the name "${name}": ${osReason(error)}`, { cause: error });
  }
}

/** Takes a name out of the index, if this machine has it. */
export async function releaseName({ name, id }: NameClaim): Promise<void> {
  // On a full disk not even the index could be made.
  if (holderOf(name) !== id) return;
  using _ = await lockNames();
  if (holderOf(name) === id) await Deno.remove(`${namesFolder()}/${name}`);
}

/** Takes out of the index whatever name the machine with that id has. */
export async function releaseNames(id: string): Promise<void> {
  await sweepNames((holder) => holder !== id);
}

/** Takes the names that no machine has any more out of the index, and what else is in it. */
export async function sweepNames(isCalled: IsCalled): Promise<void> {
  using _ = await lockNames();
  for await (const { name } of Deno.readDir(namesFolder())) {
    if (name === ".lock") continue;
    const holder = holderOf(name);
    if (holder === undefined || !isCalled(holder, name)) await Deno.remove(`${namesFolder()}/${name}`);
  }
}

function namesFolder(): string {
  return `${folders().state}/names`;
}

/** Excludes whoever else gives or takes names, or changes what a machine is. */
export async function lockNames(): Promise<Lock> {
  await Deno.mkdir(namesFolder(), { recursive: true, mode: 0o700 });
  return await acquireLock(`${namesFolder()}/.lock`, { exclusive: true, wait: true });
}

/** The id of the machine that has a name, if it still exists. */
export function holderOf(name: string): string | undefined {
  if (!NAME.test(name)) return undefined;
  try {
    const id = Deno.readTextFileSync(`${namesFolder()}/${name}`);
    return ID.test(id) ? id : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
