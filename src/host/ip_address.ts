/** Whether a text is an IP address, of version 4 or 6. */
export function isIpAddress(text: string): boolean {
  const bytes = text.split(".");
  // No leading zeros: some read them as octal.
  if (bytes.length === 4 && bytes.every((byte) => /^(0|[1-9]\d{0,2})$/.test(byte) && Number(byte) <= 255)) return true;
  // The URL parser is the platform's own judge of IPv6.
  return /^[0-9a-f:.]+$/i.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`);
}
