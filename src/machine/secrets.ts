import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { absolute } from "../host/path.ts";
import type { ImageConfig } from "../image/config.ts";
import { parseSecretHost, type SecretValues } from "../network/secret.ts";
import type { SecretRecord, SecretSpec } from "../state/machine_record.ts";
import { keyOf } from "./command.ts";

/** Longer ones fit in no header that servers take. */
const MAX_VALUE_BYTES = 16 * 1024;
/** Where images have the certificates that programs trust; the agent adds the machine's authority to it. */
const TRUSTED = "/etc/ssl/certs/ca-certificates.crt";
/** The machine's authority alone. */
const AUTHORITY = "/usr/local/share/ca-certificates/smolvm.crt";

/**
 * The secrets of a new machine, each with a placeholder of its own.
 *
 * @param env the variables that its user sets
 * @throws {SmolvmError} `usage` for a host that is none, and a name that is taken.
 */
export function resolveSecrets(secrets: readonly SecretSpec[], env: readonly string[]): SecretRecord[] {
  const taken = new Set(env.map(keyOf));
  return secrets.map(({ name, hosts, source }) => {
    if (taken.has(name)) throw new SmolvmError("usage", `Cannot use the secret "${name}": the variable is set already`);
    taken.add(name);
    hosts.forEach(parseSecretHost);
    const random = crypto.getRandomValues(new Uint8Array(16)).toHex();
    const absolutePath = "file" in source ? { file: absolute(source.file) } : source;
    return { name, hosts, source: absolutePath, placeholder: `smolvm-secret-${random}` };
  });
}

/** An image's settings with what a machine with secrets sets; what the image or its user sets otherwise wins. */
export function secretEnvironment(secrets: readonly SecretRecord[], defaults: ImageConfig): ImageConfig {
  if (secrets.length === 0) return defaults;
  // The first two are added to what Node.js and Deno have; Python's packages have certificates of their own otherwise.
  const trust = [
    `NODE_EXTRA_CA_CERTS=${AUTHORITY}`,
    `DENO_CERT=${AUTHORITY}`,
    `SSL_CERT_FILE=${TRUSTED}`,
    `REQUESTS_CA_BUNDLE=${TRUSTED}`,
  ];
  const placeholders = secrets.map(({ name, placeholder }) => `${name}=${placeholder}`);
  return { ...defaults, env: [...trust, ...defaults.env, ...placeholders] };
}

/**
 * The values of secrets, as they are now.
 *
 * @throws {SmolvmError} `usage` for one that is missing, or cannot be in a header.
 */
export function readSecrets(secrets: readonly SecretRecord[]): SecretValues | undefined {
  if (secrets.length === 0) return undefined;
  const values = Object.fromEntries(secrets.map((secret) => [secret.name, readSecret(secret)]));
  const file = Deno.env.get("SSL_CERT_FILE");
  return { values, caCerts: file ? [readText(file, "the certificates of SSL_CERT_FILE")] : [] };
}

function readSecret({ name, source }: SecretRecord): string {
  const cannot = (reason: string) => new SmolvmError("usage", `Cannot use the secret "${name}": ${reason}`);
  const text = "env" in source ? Deno.env.get(source.env) : readText(source.file, `the secret "${name}"`);
  if (text === undefined) throw cannot(`the variable ${(source as { env: string }).env} is not set`);
  // Editors end files with a line's end.
  const value = "env" in source ? text : text.replace(/\r?\n$/, "");
  if (value === "") throw cannot("it is empty");
  if (value.length > MAX_VALUE_BYTES) throw cannot(`it is longer than ${MAX_VALUE_BYTES} bytes`);
  if (!/^[\x20-\x7e]+$/.test(value)) throw cannot("expected printable ASCII, in one line");
  return value;
}

function readText(path: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new SmolvmError("usage", `Cannot read ${what} from "${path}": ${osReason(error)}`, { cause: error });
  }
}
