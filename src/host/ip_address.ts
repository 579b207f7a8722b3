/** Whether a text is an IP address, of version 4 or 6. */
export function isIpAddress(text: string): boolean {
  const bytes = text.split(".");
  // No leading zeros: some read them as octal.
  if (bytes.length === 4 && bytes.every((byte) => /^(0|[1-9]\d{0,2})$/.test(byte) && Number(byte) <= 255)) return true;
  // The URL parser is the platform's own judge of IPv6.
  return /^[0-9a-f:.]+$/i.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`);
}

/** The one way to write an IP address that {@linkcode isIpAddress} takes: `::1` for `0:0::1`. */
export function canonicalAddress(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
}

/** An address with a port: `127.0.0.1:80`, `[::1]:80`. */
export function formatEndpoint(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** Whether a listener on the first address hears what comes for the second, of as many as it has: `0.0.0.0`, `::`. */
export function coversAddress(listening: string, address: string): boolean {
  return listening === address || listening === "::" || listening === "0.0.0.0" && !address.includes(":");
}
