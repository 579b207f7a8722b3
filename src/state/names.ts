import { SmolvmError } from "../errors.ts";
import { writeFileAtomic, writeFileAtomicSync } from "../host/atomic_write.ts";
import { folders } from "../host/folders.ts";
import { acquireLock, type Lock } from "../host/lock.ts";
import { osReason } from "../host/os_error.ts";

/** A valid name of a machine; it is also a file name and, nearly, a host name. */
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
 * Refuses an invalid name.
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

/** Generates a name that is unlikely to be taken, such as `keen-otter-3f9a`. */
export function generateName(): string {
  const [adjective, noun, ...tail] = crypto.getRandomValues(new Uint8Array(4));
  const hex = new Uint8Array(tail).toHex();
  return `${ADJECTIVES[adjective! % ADJECTIVES.length]}-${NOUNS[noun! % NOUNS.length]}-${hex}`;
}

/** Generates an instance id: 12 hexadecimal digits. */
export function generateId(): string {
  return crypto.getRandomValues(new Uint8Array(6)).toHex();
}

/** A machine and its name. */
export interface NameClaim {
  name: string;
  /** Instance id. */
  id: string;
}

/** Whether the machine with this id exists and has this name; otherwise the name is free. */
export type IsCalled = (id: string, name: string) => boolean;

/**
 * Enters a name into the index of names.
 *
 * @param establish makes a persistent machine exist while the index is locked. Without it the machine is an ephemeral
 * one, which exists already and does not survive a crash of the host.
 * @throws {SmolvmError} `usage` when another machine has the name; what `establish` throws.
 */
export async function claimName(
  { name, id }: NameClaim,
  hasName: IsCalled,
  establish?: () => Promise<void>,
): Promise<void> {
  checkName(name);
  try {
    using _ = await lockNames();
    const holder = holderOf(name);
    if (holder !== undefined && hasName(holder, name)) {
      throw new SmolvmError("usage", `Cannot name the machine "${name}": machine ${holder} has that name`);
    }
    // Write the name before the machine exists: if the machine is never created, the name counts as free.
    const path = `${namesFolder()}/${name}`;
    if (establish === undefined) return writeFileAtomicSync(path, id);
    await writeFileAtomic(path, id, { mode: 0o600 });
    await establish();
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    throw new SmolvmError("storage", `Cannot claim the name "${name}": ${osReason(error)}`, { cause: error });
  }
}

/** Removes a name from the index, if this machine has it. */
export async function releaseName({ name, id }: NameClaim): Promise<void> {
  // Check without the lock first: on a full disk, the folder of the index may not exist.
  if (holderOf(name) !== id) return;
  using _ = await lockNames();
  if (holderOf(name) === id) await Deno.remove(`${namesFolder()}/${name}`);
}

/** Removes all names of a machine from the index. */
export async function releaseNames(id: string): Promise<void> {
  await sweepNames((holder) => holder !== id);
}

/** Removes the names that no machine has from the index, and foreign files. */
export async function sweepNames(hasName: IsCalled): Promise<void> {
  using _ = await lockNames();
  for await (const { name } of Deno.readDir(namesFolder())) {
    if (name === ".lock") continue;
    const holder = holderOf(name);
    if (holder === undefined || !hasName(holder, name)) await Deno.remove(`${namesFolder()}/${name}`);
  }
}

/** The folder of the index of names. */
export function namesFolder(): string {
  return `${folders().state}/names`;
}

/** Excludes other processes that change names or records. */
export async function lockNames(): Promise<Lock> {
  Deno.mkdirSync(namesFolder(), { recursive: true, mode: 0o700 });
  return await acquireLock(`${namesFolder()}/.lock`, { exclusive: true, wait: true });
}

/** The id of the machine that has a name, according to the index. */
export function holderOf(name: string): string | undefined {
  if (!NAME.test(name)) return undefined;
  try {
    const id = Deno.readTextFileSync(`${namesFolder()}/${name}`);
    return ID.test(id) ? id : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SmolvmError("state", `Cannot read "${namesFolder()}/${name}": ${osReason(error)}`, { cause: error });
  }
}
