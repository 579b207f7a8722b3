import type { Machine } from "../mod.ts";

/**
 * Finds a machine by name or ID. It loads the runtime module only now, because help does not need it.
 *
 * @throws {SmolvmError} like `Machine.get`.
 */
export async function getMachine(nameOrId: string): Promise<Machine> {
  const { Machine } = await import("../mod.ts");
  return await Machine.get(nameOrId);
}
