import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { osReason } from "../host/os_error.ts";
import { readUntrusted } from "../host/untrusted_file.ts";

/**
 * Refuses a file, folder or symlink of another user.
 *
 * @throws {SmolvmError} `state`; what `Deno.lstatSync` throws.
 */
export function checkOwner(path: string, hint?: string): void {
  const { uid } = Deno.lstatSync(path);
  if (uid !== Deno.uid()) throw new SmolvmError("state", `"${path}" belongs to the user with id ${uid}`, { hint });
}

/** The maximum size: the largest content is a machine's environment and arguments, which fit in one message to it. */
const MAX_BYTES = 16 * 1024 ** 2;

/**
 * Reads a JSON state file and checks its schema version; returns `undefined` when there is no such file.
 *
 * Synchronous, because these files have a few hundred bytes and a command may read hundreds of them.
 *
 * @param schema the version that this smolvm writes
 * @throws {SmolvmError} `state` for a file that cannot be read, is invalid, has a newer version or belongs to another
 * user.
 */
export function readStateFile(path: string, schema: number): Fields | undefined {
  let text: string;
  try {
    text = readUntrusted(path, MAX_BYTES);
  } catch (error) {
    if (error instanceof SmolvmError) throw error;
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SmolvmError("state", `Cannot read "${path}": ${osReason(error)}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SmolvmError("state", `"${path}" is not JSON`, { cause: error });
  }
  const fields = new Fields(value, { what: `"${path}"`, code: "state" });
  fields.version("schema", schema);
  return fields;
}
