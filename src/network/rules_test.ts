import assert from "node:assert/strict";
import { coversName, MAX_RULES, parseRule, parseRules } from "./rules.ts";

Deno.test("parseRule() reads names, networks and words, with and without a port", () => {
  const table: [text: string, target: unknown, port: number | undefined][] = [
    ["example.com", { kind: "name", name: "example.com", below: false }, undefined],
    ["Example.COM.:443", { kind: "name", name: "example.com", below: false }, 443],
    ["*.example.com:443", { kind: "name", name: "example.com", below: true }, 443],
    ["_dmarc.example.com", { kind: "name", name: "_dmarc.example.com", below: false }, undefined],
    ["db", { kind: "name", name: "db", below: false }, undefined],
    ["10.0.0.0/8:5432", { kind: "network", network: { base: 0x0a000000, prefix: 8 } }, 5432],
    ["9.9.9.9", { kind: "network", network: { base: 0x09090909, prefix: 32 } }, undefined],
    ["2001:db8::/32", { kind: "network", network: { base: 0x2001_0db8n << 96n, prefix: 32 } }, undefined],
    ["[2001:DB8::/32]:443", { kind: "network", network: { base: 0x2001_0db8n << 96n, prefix: 32 } }, 443],
    ["2001:db8::1", { kind: "network", network: { base: (0x2001_0db8n << 96n) + 1n, prefix: 128 } }, undefined],
    ["[fd00::2]", { kind: "network", network: { base: (0xfd00n << 112n) + 2n, prefix: 128 } }, undefined],
    ["::/0", { kind: "network", network: { base: 0n, prefix: 0 } }, undefined],
    ["0.0.0.0/0", { kind: "network", network: { base: 0, prefix: 0 } }, undefined],
    ["public", { kind: "public" }, undefined],
    ["private:53", { kind: "private" }, 53],
    ["host:65535", { kind: "host" }, 65_535],
    ["host", { kind: "host" }, undefined],
  ];
  for (const [text, target, port] of table) assert.deepEqual(parseRule(text), { text, target, port }, text);
});

Deno.test("parseRule() refuses any other text, with a hint at the correct form", () => {
  const table: [text: string, message: RegExp, hint?: RegExp][] = [
    ["", /expected a name/],
    ["10.0.0.1/8", /bits set after its prefix of 8/, /10\.0\.0\.0\/8/],
    ["10.0.0.0/33", /expected an address, or a network/],
    ["10.0.0.0/-1", /expected/],
    ["1.2.3", /expected an address/],
    ["01.2.3.4", /expected an address/],
    ["256.1.1.1", /expected an address/],
    ["example.com:0", /a port from 1 to 65535/],
    ["example.com:65536", /a port from 1 to 65535/],
    ["example.com:http", /a port from 1 to 65535/],
    ["example.com:", /a port from 1 to 65535/],
    ["https://example.com/x", /it is a URL/, /Write example\.com\./],
    ["*", /it matches everything/, /"public"/],
    ["*.", /expected a name/],
    ["a.*.example.com", /expected a name/],
    ["-a.example.com", /expected a name/],
    ["ex ample.com", /expected a name/],
    ["127.0.0.1:80", /guest's own loopback/, /host:PORT/],
    ["127.0.0.0/8", /guest's own loopback/, /host:PORT/],
    ["127.*", /guest's own loopback/, /host:PORT/],
    ["localhost", /guest's own loopback/, /host:PORT/],
    ["::1", /guest's own loopback/, /host:PORT/],
    ["[::1]:80", /guest's own loopback/, /host:PORT/],
    ["2001:db8::1/32", /bits set after its prefix of 32/, /2001:db8::\/32/],
    ["2001:db8::/129", /expected an address/],
    ["[2001:db8::1]443", /expected an address/, /in brackets before a port: \[2001:db8::1\]:443/],
    ["[2001:db8::1]:0", /a port from 1 to 65535/],
    ["::ffff:10.0.0.1", /it is an IPv4-mapped address/, /Write it as IPv4/],
    ["::ffff:10.0.0.0/104", /it is an IPv4-mapped address/],
    ["[10.0.0.1]:80", /expected a name/],
    ["fe80::1%eth0", /expected an address/],
    ["example.com:80:90", /expected an address/],
    [`${"a".repeat(64)}.com`, /expected a name/],
    [`${"a.".repeat(127)}com`, /expected a name/],
  ];
  for (const [text, message, hint] of table) {
    assert.throws(() => parseRule(text), (error: { code: string; message: string; hint?: string }) => {
      assert.equal(error.code, "usage", text);
      assert.match(error.message, message, text);
      if (hint) assert.match(error.hint ?? "", hint, text);
      return true;
    });
  }
});

Deno.test("parseRules() splits comma-separated lists, and limits the number of rules", () => {
  assert.deepEqual(parseRules(["a.com, b.com:80", "public"]).map(({ text }) => text), ["a.com", "b.com:80", "public"]);
  assert.throws(() => parseRules(["a.com,"]), { code: "usage" });
  assert.equal(parseRules([Array(MAX_RULES).fill("a.com").join()]).length, MAX_RULES);
  assert.throws(() => parseRules([Array(MAX_RULES + 1).fill("a.com").join()]), { code: "usage" });
});

Deno.test("coversName() distinguishes a name, its subdomains, and names with the same suffix", () => {
  const table: [rule: string, name: string, expected: boolean][] = [
    ["example.com", "example.com", true],
    ["example.com", "www.example.com", false],
    ["*.example.com", "example.com", false],
    ["*.example.com", "www.example.com", true],
    ["*.example.com", "a.b.example.com", true],
    ["*.example.com", "notexample.com", false],
    ["example.com", "example.com.evil.net", false],
    ["public", "public", false],
  ];
  for (const [rule, name, expected] of table) {
    assert.equal(coversName(parseRule(rule), name), expected, `${rule} ${name}`);
  }
});
