import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { absolute } from "../host/path.ts";
import type { ImageConfig } from "../image/config.ts";
import { parseSecretHost, type SecretValues } from "../network/secret.ts";
import type { SecretRecord, SecretSpec } from "../state/machine_record.ts";
import { keyOf } from "./command.ts";

/** Servers accept no header with a longer value. */
const MAX_VALUE_BYTES = 16 * 1024;
/** The guest's file of trusted certificates; the agent adds the machine's certificate authority to it. */
const TRUSTED = "/etc/ssl/certs/ca-certificates.crt";
/** The guest's file with only the machine's certificate authority. */
const AUTHORITY = "/usr/local/share/ca-certificates/smolvm.crt";

/**
 * Returns the secrets of a new machine, each with its own random placeholder.
 *
 * @param env the variables that the user sets
 * @throws {SmolvmError} `usage` for an invalid host, and for a name that is taken.
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

/** Adds the variables of secrets to an image's settings. The image and the user can override the certificate files. */
export function secretEnvironment(secrets: readonly SecretRecord[], defaults: ImageConfig): ImageConfig {
  if (secrets.length === 0) return defaults;
  // Node.js and Deno add the first two to their own certificates; without the others, Python packages would trust only
  // the certificates that they bring.
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
 * Reads the current values of the secrets.
 *
 * @throws {SmolvmError} `usage` for a value that is missing or not valid in a header.
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
  // Editors end files with a newline.
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
