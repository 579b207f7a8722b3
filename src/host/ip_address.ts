/** Reports whether a text is an IPv4 or IPv6 address. */
export function isIpAddress(text: string): boolean {
  const bytes = text.split(".");
  // No leading zeros: some programs read them as octal.
  if (bytes.length === 4 && bytes.every((byte) => /^(0|[1-9]\d{0,2})$/.test(byte) && Number(byte) <= 255)) return true;
  // The platform's URL parser validates IPv6.
  return /^[0-9a-f:.]+$/i.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`);
}

/** The canonical form of a valid IP address: `::1` for `0:0::1`. */
export function canonicalAddress(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
}

/** An address with a port: `127.0.0.1:80`, `[::1]:80`. */
export function formatEndpoint(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** Whether a listener on `listening` accepts connections to `address`; `0.0.0.0` and `::` cover all addresses. */
export function coversAddress(listening: string, address: string): boolean {
  return listening === address || listening === "::" || listening === "0.0.0.0" && !address.includes(":");
}
