import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { parseRule, type Rule } from "./rules.ts";

/** A secret, without its value. */
export interface GatewaySecret {
  /** Name of the guest's environment variable. */
  name: string;
  /** Hosts to which the secret may be sent: names, or `*.NAME`. */
  hosts: string[];
  /** The text that the guest has instead of the value. */
  placeholder: string;
}

/** Data that a client passes only to the gateway, in a file that the gateway removes before its VM starts. */
export interface SecretValues {
  /** Values by the names of the secrets. */
  values: Record<string, string>;
  /** CA certificates, as PEM, to trust in addition to the default ones. */
  caCerts: string[];
}

/** Returns the path of the CA certificate that the guest must trust. It exists once the gateway listens. */
export function authorityFile(runtimeFolder: string): string {
  return `${runtimeFolder}/ca.pem`;
}

/**
 * Parses a host to which a secret may be sent: a name, or `*.NAME`.
 *
 * @throws {SmolvmError} `usage`.
 */
export function parseSecretHost(text: string): Rule {
  const rule = parseRule(text);
  if (rule.target.kind === "name" && rule.port === undefined) return rule;
  throw new SmolvmError("usage", `Cannot send a secret to "${text}": expected a name, or *.NAME`);
}

export function encodeSecretValues(values: SecretValues): string {
  return JSON.stringify(values);
}

/** @throws {SmolvmError} `internal`. */
export function parseSecretValues(json: string): SecretValues {
  const fields = new Fields(JSON.parse(json), { what: "Secrets", code: "internal" });
  const values = { values: fields.stringMap("values"), caCerts: fields.strings("caCerts") };
  fields.end();
  return values;
}
