import assert from "node:assert/strict";
import { type ServerName, serverNameOf } from "./server_name.ts";

const ascii = (text: string) => [...new TextEncoder().encode(text)];
const u16 = (value: number) => [value >> 8, value & 255];

/** Makes a ClientHello, split into records of `recordBytes` bytes. */
function hello(name: string | undefined, { recordBytes = 10_000, padding = 0 } = {}): Uint8Array {
  const server = name === undefined
    ? []
    : [...u16(0), ...u16(name.length + 5), ...u16(name.length + 3), 0, ...u16(name.length), ...ascii(name)];
  const extensions = [...u16(21), ...u16(padding), ...new Array(padding).fill(0), ...server];
  const body = [3, 3, ...new Array(32).fill(1), 0, ...u16(2), 0x13, 1, 1, 0, ...u16(extensions.length), ...extensions];
  const message = [1, body.length >> 16, ...u16(body.length & 0xffff), ...body];
  const records: number[] = [];
  for (let at = 0; at < message.length; at += recordBytes) {
    const part = message.slice(at, at + recordBytes);
    records.push(22, 3, 1, ...u16(part.length), ...part);
  }
  return Uint8Array.from(records);
}

const request = (text: string) => Uint8Array.from(ascii(text));
const tls = (name?: string): ServerName => ({ protocol: "tls", name });
const http = (name?: string): ServerName => ({ protocol: "http", name });

Deno.test("serverNameOf() finds the name in a ClientHello that is split into records", () => {
  assert.deepEqual(serverNameOf(hello("API.test")), tls("api.test"));
  assert.deepEqual(serverNameOf(hello("api.test", { recordBytes: 7 })), tls("api.test"));
  assert.deepEqual(serverNameOf(hello("api.test", { padding: 9000, recordBytes: 4000 })), tls("api.test"));
  assert.deepEqual(serverNameOf(hello(undefined)), tls());
  assert.deepEqual(serverNameOf(hello("bad name")), tls());
});

Deno.test("serverNameOf() waits for the rest of a ClientHello, but not for invalid or oversized ones", () => {
  const whole = hello("api.test", { recordBytes: 20 });
  for (let length = 0; length < whole.length; length++) {
    assert.equal(serverNameOf(whole.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.deepEqual(serverNameOf(Uint8Array.from([22, 3, 1, 0x40, 0, 1, 255, 255, 255])), tls());
  assert.deepEqual(serverNameOf(Uint8Array.from([22, 3, 1, 0, 1, 1, 23, 3, 1, 0, 0])), tls());
  assert.deepEqual(serverNameOf(Uint8Array.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), tls());
});

Deno.test("serverNameOf() finds the host of an HTTP request, and waits for the end of its head", () => {
  assert.deepEqual(serverNameOf(request("GET / HTTP/1.1\r\nHost: A.test:80\r\n\r\n")), http("a.test"));
  assert.deepEqual(serverNameOf(request("POST / HTTP/1.1\r\nX: 1\r\nhost:\ta.test. \r\n\r\nbody")), http("a.test"));
  assert.deepEqual(serverNameOf(request("GET / HTTP/1.0\r\n\r\n")), http());
  assert.deepEqual(serverNameOf(request("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")), http());
  assert.deepEqual(serverNameOf(request("GET / HTTP/1.1\r\nX: Host: a\r\n\r\n")), http());
  assert.deepEqual(serverNameOf(request("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n")), http("a.test"));
  assert.deepEqual(serverNameOf(request("GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n")), http());
  for (const part of ["G", "GET", "OPTIONS", "GET / HTTP/1.1\r\nHost: a\r\n"]) {
    assert.equal(serverNameOf(request(part)), undefined, part);
  }
  assert.deepEqual(serverNameOf(request(`GET / HTTP/1.1\r\nX: ${"a".repeat(17_000)}`)), http());
  for (const other of ["SSH-2.0-x\r\n", "\0\0", "get / ", "GETTINGON /"]) {
    assert.deepEqual(serverNameOf(request(other)), { protocol: "other", name: undefined }, other);
  }
});
