import { SmolvmError } from "../errors.ts";
import { Fields } from "../fields.ts";
import { parseRule, type Rule } from "./rules.ts";

/** A secret, without its value. */
export interface GatewaySecret {
  /** The guest's variable. */
  name: string;
  /** Whom it may be sent to: names, or `*.NAME`. */
  hosts: string[];
  /** What the guest has in its place. */
  placeholder: string;
}

/** What a client gives a gateway alone, in a file that the gateway removes before its VM starts. */
export interface SecretValues {
  /** By names of secrets. */
  values: Record<string, string>;
  /** Certificates as PEM that servers' may be signed by, beside the usual ones. */
  caCerts: string[];
}

/** The certificate that the guest is to trust; there once the gateway listens. */
export function authorityFile(runtimeFolder: string): string {
  return `${runtimeFolder}/ca.pem`;
}

/**
 * Checks a host that may be sent a secret: a name, or `*.NAME`.
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
