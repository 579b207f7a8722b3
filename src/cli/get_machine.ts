import type { Machine } from "../mod.ts";

/**
 * The machine with that name, by the module that this command line is written on; loaded now, as help has no use for it.
 *
 * @throws {SmolvmError} like `Machine.get`.
 */
export async function getMachine(nameOrId: string): Promise<Machine> {
  const { Machine } = await import("../mod.ts");
  return await Machine.get(nameOrId);
}
