/**
 * The certificate authority of one machine (RFC 5280), with which its gateway terminates TLS to hosts that have a
 * secret. This module only encodes the few structures below and parses nothing. The alternative is about twenty npm
 * packages, most of whose features would be unused.
 *
 * @module
 */

/** A key and its certificate, as PEM. */
export interface Certificate {
  certificate: string;
  key: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Certificates start to be valid in the past, so that a guest whose clock is behind accepts them. */
const [BEFORE_MS, VALID_MS] = [2 * DAY_MS, 365 * DAY_MS];
/** Maximum number of cached certificates. */
const MAX_ISSUED = 256;
const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;

const TAG = { boolean: 1, integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, time: 24, sequence: 0x30, set: 0x31 };
const OID = {
  commonName: [0x55, 4, 3],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
  subjectAltName: [0x55, 29, 17],
  basicConstraints: [0x55, 29, 19],
  keyUsage: [0x55, 29, 15],
  extendedKeyUsage: [0x55, 29, 37],
  nameConstraints: [0x55, 29, 30],
  subjectKeyIdentifier: [0x55, 29, 14],
  authorityKeyIdentifier: [0x55, 29, 35],
  serverAuth: [0x2b, 6, 1, 5, 5, 7, 3, 1],
};

type Bytes = readonly number[] | Uint8Array;

/** Encodes a DER value: tag, length, content. */
function der(tag: number, ...parts: Bytes[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([tag, ...size, ...parts.flatMap((part) => [...part])]);
}

const text = (value: string) => new TextEncoder().encode(value);
const sequence = (...parts: Bytes[]) => der(TAG.sequence, ...parts);
const oid = (id: readonly number[]) => der(TAG.oid, id);
const bits = (content: Bytes) => der(TAG.bits, [0], content);
/** Encodes a context-specific tag: constructed, or primitive if `isConstructed` is false. */
const tagged = (number: number, content: Bytes, { isConstructed = true } = {}) =>
  der((isConstructed ? 0xa0 : 0x80) | number, content);
const nameOf = (commonName: string) =>
  sequence(der(TAG.set, sequence(oid(OID.commonName), der(TAG.utf8, text(commonName)))));
const time = (ms: number) => der(TAG.time, text(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "")));
const extension = (id: readonly number[], value: Uint8Array, { isCritical = true } = {}) =>
  sequence(oid(id), isCritical ? der(TAG.boolean, [0xff]) : [], der(TAG.octets, value));

/** Issues server certificates for the names of one machine's secrets. Its key never leaves this process. */
export class Authority {
  /** The CA certificate that the guest must trust, as PEM. */
  readonly certificate: string;
  readonly #keys: CryptoKeyPair;
  readonly #name: Uint8Array;
  /** The subject key identifier; any bytes will do. */
  readonly #keyId: Uint8Array;
  readonly #issued = new Map<string, Promise<Certificate>>();

  private constructor(
    { keys, name, keyId, certificate }: {
      keys: CryptoKeyPair;
      name: Uint8Array;
      keyId: Uint8Array;
      certificate: string;
    },
  ) {
    this.#keys = keys;
    this.#name = name;
    this.#keyId = keyId;
    this.certificate = certificate;
  }

  /** @param names the only names, with their subdomains, that the guest accepts from this CA (name constraints) */
  static async create(names: readonly string[]): Promise<Authority> {
    const keys = await makeKeys();
    const name = nameOf(`smolvm ${crypto.randomUUID().slice(0, 8)}`);
    const keyId = crypto.getRandomValues(new Uint8Array(20));
    const permitted = names.map((name) => sequence(tagged(2, text(name), { isConstructed: false })));
    const extensions = [
      extension(OID.basicConstraints, sequence(der(TAG.boolean, [0xff]), der(TAG.integer, [0]))),
      extension(OID.keyUsage, der(TAG.bits, [1, 0b0000_0110])), // keyCertSign, cRLSign
      extension(OID.subjectKeyIdentifier, der(TAG.octets, keyId), { isCritical: false }),
      extension(OID.nameConstraints, sequence(der(0xa0, ...permitted))),
    ];
    const certificate = await certify({ issuer: name, subject: name, subjectKey: keys.publicKey, extensions }, keys);
    return new Authority({ keys, name, keyId, certificate: pem("CERTIFICATE", certificate) });
  }

  /** Returns a certificate for a server name. */
  issue(name: string): Promise<Certificate> {
    const issued = this.#issued.get(name) ?? this.#issue(name);
    this.#issued.set(name, issued);
    // With `*.NAME` a guest may request any number of names.
    if (this.#issued.size > MAX_ISSUED) this.#issued.delete(this.#issued.keys().next().value!);
    return issued;
  }

  async #issue(name: string): Promise<Certificate> {
    const keys = await makeKeys();
    const extensions = [
      extension(OID.subjectAltName, sequence(tagged(2, text(name), { isConstructed: false })), { isCritical: false }),
      extension(OID.keyUsage, der(TAG.bits, [7, 0b1000_0000])), // digitalSignature
      extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth)), { isCritical: false }),
      extension(OID.authorityKeyIdentifier, sequence(tagged(0, this.#keyId, { isConstructed: false })), {
        isCritical: false,
      }),
    ];
    // A common name has at most 64 characters. Clients check only the subject alternative name.
    const subject = nameOf(name.length <= 64 ? name : "smolvm");
    const certificate = await certify(
      { issuer: this.#name, subject, subjectKey: keys.publicKey, extensions },
      this.#keys,
    );
    const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
    return { certificate: pem("CERTIFICATE", certificate), key: pem("PRIVATE KEY", key) };
  }
}

async function makeKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
}

/** The fields of a certificate that its issuer signs. */
interface ToBeSigned {
  issuer: Uint8Array;
  subject: Uint8Array;
  subjectKey: CryptoKey;
  extensions: Uint8Array[];
}

async function certify(
  { issuer, subject, subjectKey, extensions }: ToBeSigned,
  { privateKey }: CryptoKeyPair,
): Promise<Uint8Array> {
  const serial = crypto.getRandomValues(new Uint8Array(16));
  serial[0] = serial[0]! & 0x7f | 0x40; // Positive, and without leading zeros.
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const now = Date.now();
  const toBeSigned = sequence(
    tagged(0, der(TAG.integer, [2])), // version 3
    der(TAG.integer, serial),
    algorithm,
    issuer,
    sequence(time(now - BEFORE_MS), time(now + VALID_MS)),
    subject,
    new Uint8Array(await crypto.subtle.exportKey("spki", subjectKey)),
    tagged(3, sequence(...extensions)),
  );
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    privateKey,
    toBeSigned as BufferSource,
  );
  return sequence(toBeSigned, algorithm, bits(encodeSignature(new Uint8Array(signature))));
}

/** Converts an ECDSA signature from the raw format of WebCrypto (r and s concatenated) to DER. */
function encodeSignature(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  return sequence(...[signature.subarray(0, half), signature.subarray(half)].map((number) => {
    const start = Math.min(half - 1, number.findIndex((byte) => byte !== 0));
    const digits = number.subarray(start);
    return der(TAG.integer, digits[0]! >= 0x80 ? [0] : [], digits);
  }));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
