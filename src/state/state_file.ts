import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { osReason } from "../host/os_error.ts";

/**
 * Refuses what another user made: a file, a folder, or a link in its place.
 *
 * @throws {SmolvmError} `state`; what `Deno.lstatSync` throws.
 */
export function checkOwner(path: string, hint?: string): void {
  const { uid } = Deno.lstatSync(path);
  if (uid !== Deno.uid()) throw new SmolvmError("state", `"${path}" belongs to the user with id ${uid}`, { hint });
}

/**
 * Reads a JSON file that smolvm wrote, up to its schema version; `undefined` when there is none.
 *
 * Synchronous: such a file has a few hundred bytes, and a command may read hundreds of them.
 *
 * @param schema the version that this smolvm writes
 * @throws {SmolvmError} `state` for one that cannot be read, is garbled, of another version or another user's.
 */
export function readStateFile(path: string, schema: number): Fields | undefined {
  let text: string;
  try {
    checkOwner(path);
    text = Deno.readTextFileSync(path);
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
  const found = fields.integer("schema", 1, Number.MAX_SAFE_INTEGER);
  if (found === schema) return fields;
  throw new SmolvmError("state", `"${path}" has the schema ${found}, this smolvm knows ${schema}`, {
    hint: "A newer smolvm wrote it: use that one.",
  });
}
