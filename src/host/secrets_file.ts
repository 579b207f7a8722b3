import { osReason } from "./os_error.ts";
import { removeIfThereSync } from "./files.ts";
import { SmolvmError } from "../errors.ts";

/**
 * The file with the values of a machine's secrets. It is beside the machine's runtime folder, not in it, because the
 * VM's process may read that folder. The machine's gateway removes the file before the VM starts.
 */
export function secretsFile(runtimeFolder: string): string {
  return `${runtimeFolder}.secrets`;
}

/**
 * Writes the secrets file. Disposing of the result removes it if it still exists.
 *
 * @throws {SmolvmError} `storage`.
 */
export function writeSecretsFile(runtimeFolder: string, text: string): Disposable {
  const path = secretsFile(runtimeFolder);
  try {
    removeIfThereSync(path);
    Deno.writeTextFileSync(path, text, { createNew: true, mode: 0o600 });
  } catch (error) {
    throw new SmolvmError("storage", `Cannot write the secrets to "${path}": ${osReason(error)}`, { cause: error });
  }
  return { [Symbol.dispose]: () => removeIfThereSync(path) };
}
