import assert from "node:assert/strict";
import { parseIp } from "./ip.ts";
import { addressKind, contains, parseNetwork } from "./networks.ts";
import { Policy } from "./policy.ts";
import { parseRules } from "./rules.ts";

const [GATEWAY, OWN] = ["192.168.127.1", "9.9.9.9"];
const [GATEWAY6, OWN6] = ["fd73:6d6f:6c76:6d00::1", "2620:fe::1"];
const address = (text: string) => parseIp(text)!;

function policyOf(allow: string, deny = ""): Policy {
  return new Policy({
    allow: parseRules(allow === "" ? [] : [allow]),
    deny: parseRules(deny === "" ? [] : [deny]),
    gateways: [address(GATEWAY), address(GATEWAY6)],
    ownAddresses: {
      has: (wanted) => [OWN, "10.9.9.9", OWN6, "fd00::9"].map(address).includes(wanted),
      isOnLink: (wanted) => contains(parseNetwork("2a00:1::/64")!, wanted),
    },
  });
}

/** Splits `ADDRESS:PORT` or `[ADDRESS]:PORT`. */
function splitEnd(text: string): { address: ReturnType<typeof address>; port: number } {
  const colon = text.lastIndexOf(":");
  return { address: address(text.slice(0, colon).replace(/^\[|\]$/g, "")), port: Number(text.slice(colon + 1)) };
}

/** Returns the decision for `ADDRESS:PORT` and the names of the address. */
function decide(policy: Policy, destination: string, names: string[] = []): string {
  const decision = policy.decide({ ...splitEnd(destination), names });
  return decision.isAllowed ? "allowed" : decision.reason;
}

const CLOSED = "loopback, link-local, multicast and reserved addresses are closed";

Deno.test("Policy: --net allows only public IPv4 addresses", () => {
  const policy = policyOf("public");
  for (const open of ["1.1.1.1:443", "8.8.8.8:53", "172.15.0.1:1", "172.32.0.1:1", "100.63.0.1:1", "100.128.0.1:1"]) {
    assert.equal(decide(policy, open), "allowed", open);
  }
  const closed = [
    ..."0.0.0.0 0.1.2.3 127.0.0.1 127.255.255.254 169.254.169.254 169.254.0.1 168.63.129.16".split(" "),
    ..."224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255".split(" "),
  ];
  for (const host of closed) assert.equal(decide(policy, `${host}:80`), CLOSED, host);
  const others = [
    ..."10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 192.168.127.3 100.64.0.1 100.127.255.255".split(" "),
    ..."192.0.0.192 192.0.2.1 198.18.0.1 198.19.0.1 198.51.100.1 203.0.113.1 192.88.99.1".split(" "),
  ];
  for (const host of others) assert.equal(decide(policy, `${host}:80`), "no rule", host);
  assert.equal(decide(policy, `${OWN}:22`), "it is the host's own address");
  assert.equal(decide(policy, `${GATEWAY}:22`), "no rule");
});

Deno.test("Policy: --net allows only public IPv6 addresses, and none that embeds an IPv4 address", () => {
  const policy = policyOf("public");
  for (const open of ["[2620:fe::fe]:443", "[2001:4860:4860::8888]:53", "[2a00::1]:1", "[2001:200::1]:1"]) {
    assert.equal(decide(policy, open), "allowed", open);
  }
  const closed = [
    ..."::1 :: ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:9.9.9.10 ::ffff:0:127.0.0.1".split(" "),
    ..."64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::a00:1 2002:7f00:1::1 2001:0:7f00:1::1".split(" "),
    ..."fe80::1 febf::1 fec0::1 ff02::1 100::1 4000::1 5f00::1 e000::1".split(" "),
    ..."fd00:ec2::254 fd20:ce::254 fd00:c1::a9fe:a9fe".split(" "),
  ];
  for (const host of closed) {
    assert.equal(decide(policy, `[${host}]:80`), CLOSED, host);
    assert.equal(decide(policyOf("::/0,private"), `[${host}]:80`), CLOSED, host);
  }
  const others = "fc00::1 fd12::1 fdff::1 fd73:6d6f:6c76:6d00::3 2001:db8::1 3fff::1 2001:20::1".split(" ");
  for (const host of others) assert.equal(decide(policy, `[${host}]:80`), "no rule", host);
  for (const host of [OWN6, "fd00::9"]) {
    assert.equal(decide(policyOf("::/0,private"), `[${host}]:22`), "it is the host's own address");
  }
  assert.equal(decide(policy, `[${GATEWAY6}]:22`), "no rule");
});

Deno.test("Policy: only rules allow a destination, and no rule allows a closed one", () => {
  const table: [allow: string, deny: string, destination: string, names: string[], expected: string][] = [
    ["10.0.0.0/8:5432", "", "10.1.2.3:5432", [], "allowed"],
    ["10.0.0.0/8:5432", "", "10.1.2.3:5433", [], "no rule"],
    ["10.0.0.0/8:5432", "", "1.1.1.1:5432", [], "no rule"],
    ["10.0.0.0/8", "", "10.9.9.9:80", [], "it is the host's own address"],
    ["0.0.0.0/0", "", "127.0.0.1:80", [], CLOSED],
    ["0.0.0.0/0", "", "169.254.169.254:80", [], CLOSED],
    ["0.0.0.0/0", "", `${GATEWAY}:80`, [], "no rule"],
    ["0.0.0.0/0", "", "203.0.113.1:80", [], "allowed"],
    ["private", "", "192.168.1.1:80", [], "allowed"],
    ["private", "", "100.64.0.1:80", [], "allowed"],
    ["private", "", "1.1.1.1:80", [], "no rule"],
    ["private", "", `${GATEWAY}:80`, [], "no rule"],
    ["public:443", "", "1.1.1.1:443", [], "allowed"],
    ["public:443", "", "1.1.1.1:80", [], "no rule"],
    ["host:5432", "", `${GATEWAY}:5432`, [], "allowed"],
    ["host:5432", "", `${GATEWAY}:22`, [], "no rule"],
    ["host:5432", "", "127.0.0.1:5432", [], CLOSED],
    ["host", "", `${GATEWAY}:22`, [], "allowed"],
    ["example.com:443", "", "1.1.1.1:443", [], "no rule"],
    ["example.com:443", "", "1.1.1.1:443", ["example.com"], "allowed"],
    ["example.com:443", "", "1.1.1.1:443", ["other.com", "example.com"], "allowed"],
    ["example.com:443", "", "1.1.1.1:80", ["example.com"], "no rule"],
    ["*.example.com", "", "1.1.1.1:80", ["a.example.com"], "allowed"],
    ["*.example.com", "", "1.1.1.1:80", ["example.com"], "no rule"],
    ["example.com", "", "10.0.0.1:80", ["example.com"], "no rule"],
    ["example.com", "", "127.0.0.1:80", ["example.com"], CLOSED],
    ["example.com,10.0.0.0/8", "", "10.0.0.1:80", ["example.com"], "allowed"],
    ["public", "1.1.1.0/24", "1.1.1.1:443", [], "rule 1.1.1.0/24"],
    ["public", "1.1.1.0/24:53", "1.1.1.1:443", [], "allowed"],
    ["1.1.1.1", "public", "1.1.1.1:443", [], "rule public"],
    ["public", "ads.com", "1.1.1.1:443", ["ads.com"], "rule ads.com"],
    ["private", "internal.lan", "10.0.0.1:80", ["internal.lan"], "rule internal.lan"],
    ["host", "host:22", `${GATEWAY}:22`, [], "rule host:22"],
    ["host", "host:22", `${GATEWAY}:80`, [], "allowed"],
    ["host:5432", "", `[${GATEWAY6}]:5432`, [], "allowed"],
    ["host:5432", "", `[${GATEWAY6}]:22`, [], "no rule"],
    ["host:5432", "", "[::1]:5432", [], CLOSED],
    ["private,fd73:6d6f:6c76:6d00::1", "", `[${GATEWAY6}]:80`, [], "no rule"],
    ["private", "", "[fd12::1]:80", [], "allowed"],
    ["fd12::/16", "", "[fd12::1]:80", [], "allowed"],
    ["[fd12::/16]:443", "", "[fd12::1]:80", [], "no rule"],
    ["0.0.0.0/0", "", "[2620:fe::fe]:80", [], "no rule"],
    ["::/0", "", "9.9.9.10:80", [], "no rule"],
    ["::/0", "", "[2620:fe::fe]:80", [], "allowed"],
    ["public", "2620:fe::/48", "[2620:fe::fe]:80", [], "rule 2620:fe::/48"],
    ["public", "[2620:fe::fe]:53", "[2620:fe::fe]:80", [], "allowed"],
    ["public", "::/0", "[2620:fe::fe]:80", [], "rule ::/0"],
    ["public", "", "[2a00:1::7]:80", [], "no rule"],
    ["public", "", "[2a00:1:0:1::7]:80", [], "allowed"],
    ["private", "", "[2a00:1::7]:80", [], "allowed"],
    ["2a00:1::7", "", "[2a00:1::7]:80", [], "allowed"],
    ["example.com", "", "[2a00:1::7]:80", ["example.com"], "no rule"],
    ["example.com", "", "[2620:fe::fe]:80", ["example.com"], "allowed"],
    ["example.com", "", "[fd12::1]:80", ["example.com"], "no rule"],
  ];
  for (const [allow, deny, destination, names, expected] of table) {
    assert.equal(decide(policyOf(allow, deny), destination, names), expected, `${allow} - ${deny}: ${destination}`);
  }
});

Deno.test("Policy: a name may be resolved only if a rule can apply to it", () => {
  const table: [allow: string, deny: string, name: string, expected: boolean][] = [
    ["public", "", "example.com", true],
    ["private", "", "db.lan", true],
    ["example.com:443", "", "example.com", true],
    ["example.com", "", "www.example.com", false],
    ["*.example.com", "", "www.example.com", true],
    ["*.example.com", "", "secret.evil.net", false],
    ["10.0.0.0/8", "", "example.com", false],
    ["public", "example.com", "example.com", false],
    ["public", "example.com:80", "example.com", true],
    ["public", "*.example.com", "www.example.com", false],
  ];
  for (const [allow, deny, name, expected] of table) {
    assert.equal(policyOf(allow, deny).decideName(name).isAllowed, expected, `${allow} - ${deny}: ${name}`);
  }
  assert.deepEqual(["public", "example.com"].map((allow) => policyOf(allow).hasNames), [false, true]);
});

Deno.test("Policy: needsName() is true where a rule with a name can decide", () => {
  const table: [allow: string, deny: string, destination: string, expected: boolean][] = [
    ["public", "", "1.1.1.1:443", false],
    ["example.com", "", "1.1.1.1:443", true],
    ["example.com,1.1.1.0/24", "", "1.1.1.1:443", false],
    ["example.com,public:80", "", "1.1.1.1:443", true],
    ["public", "ads.com", "1.1.1.1:443", true],
    ["public", "ads.com:80", "1.1.1.1:443", false],
    ["example.com,host:8080", "", `${GATEWAY}:8080`, false],
  ];
  for (const [allow, deny, destination, expected] of table) {
    const needs = policyOf(allow, deny).needsName(splitEnd(destination));
    assert.equal(needs, expected, `${allow} - ${deny}: ${destination}`);
  }
});

Deno.test("addressKind() knows the boundaries of IPv4 ranges", () => {
  const kinds = ["9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"].map((text) => addressKind(address(text)));
  assert.deepEqual(kinds, ["public", "private", "private", "public"]);
  assert.deepEqual(
    ["223.255.255.255", "224.0.0.0", "126.255.255.255", "128.0.0.0"].map((text) => addressKind(address(text))),
    [
      "public",
      "closed",
      "public",
      "public",
    ],
  );
});

Deno.test("addressKind() knows the boundaries of IPv6 ranges", () => {
  const table = {
    closed: ["1fff:ffff::", "4000::", "fbff:ffff::", "fe00::", "2001:0:ffff::", "2002:ffff::"],
    private: ["fc00::", "fdff:ffff::"],
    special: ["2001:1::", "2001:1ff::", "2001:db8:ffff::", "3fff:fff::"],
    public: ["2000::", "2001:200::", "2001:db7::", "2001:db9::", "2003::", "3fff:1000::", "3ffe::"],
  };
  for (const [kind, texts] of Object.entries(table)) {
    for (const text of texts) assert.equal(addressKind(address(text)), kind, text);
  }
});

Deno.test("Policy: only a deny rule with a name or address blocks another machine of the network", () => {
  const table: [allow: string, deny: string, port: number | null, expected: string][] = [
    ["", "", 5432, "allowed"],
    ["1.1.1.1", "", 5432, "allowed"],
    ["", "private,public,host", 5432, "allowed"],
    ["", "192.168.127.3", 5432, "rule 192.168.127.3"],
    ["", "192.168.127.3", null, "rule 192.168.127.3"],
    ["", "192.168.127.4", 5432, "allowed"],
    ["", "192.168.127.0/24:5432", 5432, "rule 192.168.127.0/24:5432"],
    ["", "192.168.127.0/24:5432", 80, "allowed"],
    ["", "192.168.127.0/24:5432", null, "allowed"],
    ["", "db.app:5432", 5432, "rule db.app:5432"],
    ["", "db", null, "rule db"],
    ["", "*.app", 80, "rule *.app"],
    ["", "web", 80, "allowed"],
  ];
  for (const [allow, deny, port, expected] of table) {
    const member = { address: address("192.168.127.3"), port, names: ["db", "db.app"] };
    const decision = policyOf(allow, deny).decideMember(member);
    assert.equal(decision.isAllowed ? "allowed" : decision.reason, expected, `${deny} at ${port}`);
  }
});
