import assert from "node:assert/strict";
import { RequestError, RequestHead } from "./request_head.ts";

const REPLACEMENTS = [{ placeholder: "PLACE", value: "v$&1" }];
const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

function sent(request: string, chunkBytes = request.length): string {
  const head = new RequestHead(REPLACEMENTS);
  let text = "";
  for (let at = 0; at < request.length; at += chunkBytes) {
    text += String.fromCharCode(...head.take(bytes(request.slice(at, at + chunkBytes))));
  }
  return text;
}

Deno.test("RequestHead replaces placeholders in header values, and sends Connection: close", () => {
  const request = "POST /PLACE HTTP/1.1\r\nHost: a\r\nX-Key: PLACE, PLACE\r\nConnection: keep-alive\r\n\r\nPLACE \xff";
  const expected = "POST /PLACE HTTP/1.1\r\nHost: a\r\nX-Key: v$&1, v$&1\r\nConnection: close\r\n\r\nPLACE \xff";
  for (const chunkBytes of [1, 7, 1000]) assert.equal(sent(request, chunkBytes), expected);
});

Deno.test("RequestHead replaces placeholders in Basic credentials, and does not change an upgrade", () => {
  const basic = (text: string) => `GET / HTTP/1.1\r\nAuthorization: Basic ${btoa(text)}\r\nConnection: Upgrade\r\n\r\n`;
  assert.equal(sent(basic("user:PLACE")), basic("user:v$&1"));
  assert.equal(sent(basic("user:other")), basic("user:other"));
  const broken = "GET / HTTP/1.1\r\nAuthorization: Basic PLACE=====\r\nConnection: Upgrade\r\n\r\n";
  assert.equal(sent(broken), broken.replace("PLACE", () => "v$&1"));
});

Deno.test("RequestHead refuses malformed requests, TRACE requests, and long heads", () => {
  const wrong = [
    "hello\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\n",
    "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nX: a\r\n folded: PLACE\r\n\r\n",
    "GET / HTTP/1.1\r\nX: a\nY: PLACE\r\n\r\n",
    "GET / HTTP/1.1\r\nno header\r\n\r\n",
    `GET / HTTP/1.1\r\nX: ${"a".repeat(70_000)}\r\n\r\n`,
  ];
  for (const request of wrong) assert.throws(() => sent(request), RequestError, request.slice(0, 60));
});
