import assert from "node:assert/strict";
import { InvalidArgumentError } from "./invalid_argument.ts";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import {
  collectEnv,
  collectEnvFile,
  collectPorts,
  collectVolume,
  parseBoolean,
  parseCpus,
  parseDisk,
  parseHostname,
  parseMemory,
  parseNameserver,
  parseSeconds,
  parseTail,
  parseTimeout,
  parseUser,
  parseWorkdir,
} from "./parse.ts";

/** Checks that a parser refuses each of these values with the error that commander expects. */
function assertRefuses(parse: (value: string) => unknown, values: string[], message?: string): void {
  for (const value of values) {
    assert.throws(() => parse(value), (error: unknown) => {
      assert.ok(error instanceof InvalidArgumentError, `"${value}": ${error}`);
      assert.match(error.message, /^[A-Z].*\.$/s);
      if (message !== undefined) assert.equal(error.message, message, `"${value}"`);
      return true;
    }, `"${value}" is taken`);
  }
}

Deno.test("parseMemory() accepts MiB and units of 1024", () => {
  const sizes = {
    "512": 512,
    "512m": 512,
    "512M": 512,
    "1g": 1024,
    "1GiB": 1024,
    "1gb": 1024,
    "0.5g": 512,
    "2048k": 2,
  };
  for (const [text, mib] of Object.entries(sizes)) assert.equal(parseMemory(text), mib, text);
  assert.equal(parseMemory("1t"), 1024 * 1024);
});

Deno.test("parseMemory() refuses values that are not a whole number of MiB", () => {
  const values = [
    "",
    "m",
    "-1",
    "1.5",
    "0.3m",
    "1000k",
    "512 m",
    "512mm",
    "512b",
    "512ib",
    "1e3",
    "0x10",
    "lots",
    "1g2",
  ];
  assertRefuses(parseMemory, values, "Expected a whole number of MiB such as 512, 512m or 1g.");
});

Deno.test("parseDisk() accepts the same sizes as parseMemory(), and returns bytes", () => {
  const sizes = { "512": 2 ** 29, "512m": 2 ** 29, "10g": 10 * 2 ** 30, "1.5g": 3 * 2 ** 29, "2t": 2 ** 41 };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseDisk(text), bytes, text);
});

Deno.test("parseDisk() refuses invalid sizes, and sizes that are too large to count in bytes", () => {
  assertRefuses(parseDisk, ["", "-1", "0.3m", "1 g", "lots", "512b"]);
  assertRefuses(parseDisk, ["8192t", "9".repeat(20)], "Expected a size such as 512m or 40g.");
  assert.equal(parseDisk("8191t"), 8191 * 2 ** 40);
});

Deno.test("parseCpus() accepts only whole numbers", () => {
  assert.equal(parseCpus("4"), 4);
  assertRefuses(parseCpus, ["", "-1", "1.5", "two", "1 ", "0x2", "1e1"], "Expected a whole number of CPUs.");
});

Deno.test("parseSeconds() accepts the times that a timer supports", () => {
  assert.equal(parseSeconds("5"), 5);
  assert.equal(parseSeconds("0.25"), 0.25);
  assert.equal(parseSeconds("2147483"), 2147483);
  assertRefuses(parseSeconds, ["", "0", "0.0", "-1", "5s", "1e3", "2147484", ".5", "Infinity"]);
});

Deno.test("parseTimeout() accepts the same times as parseSeconds(), and 0", () => {
  for (const none of ["0", "00", "0.0"]) assert.equal(parseTimeout(none), 0, none);
  assert.equal(parseTimeout("0.25"), 0.25);
  assert.equal(parseTimeout("2147483"), 2147483);
  const values = ["", "-0", "-1", "0s", "0.", "2147484", "soon"];
  assertRefuses(parseTimeout, values, "Expected a number of seconds from 0 to 2147483.");
});

Deno.test("parseBoolean() accepts true and false", () => {
  assert.equal(parseBoolean("true"), true);
  assert.equal(parseBoolean("false"), false);
  assertRefuses(parseBoolean, ["", "yes", "1", "TRUE"], "Expected true or false.");
});

Deno.test("collectVolume() appends HOST:GUEST with an optional mode", () => {
  const first = collectVolume("/a:/b", []);
  assert.deepEqual(first, [{ source: "/a", target: "/b", readOnly: false }]);
  assert.deepEqual(collectVolume("./c d:/e f:ro", first), [
    ...first,
    { source: "./c d", target: "/e f", readOnly: true },
  ]);
  assert.equal(collectVolume("a:/b:rw", [])[0]?.readOnly, false);
});

Deno.test("collectVolume() normalizes guest paths, so that duplicates are found", () => {
  for (const path of ["/b/c/", "//b//c", "/b/./c"]) assert.equal(collectVolume(`/a:${path}`, [])[0]?.target, "/b/c");
});

Deno.test("collectVolume() refuses an invalid volume, and reports which part is wrong", () => {
  const refuse = (values: string[], message: string) =>
    assertRefuses((value) => collectVolume(value, []), values, message);
  refuse(["", "/a", ":", "/a:", ":/b", "/a:/b:ro:x"], "Expected HOST:GUEST or HOST:GUEST:ro.");
  refuse(["/a:/b:rx"], 'Expected the mode ro or rw, got "rx".');
  refuse(["/a:/b:"], 'Expected the mode ro or rw, got "".');
  refuse(["/a:b/c"], 'Expected an absolute path in the guest, got "b/c".');
  refuse(["/a:/", "/a:/./"], "Cannot mount over the guest's root.");
  refuse(["/a:/b/../c"], 'Expected a path without "..", got "/b/../c".');
});

Deno.test("collectPorts() appends ports in docker's forms", () => {
  const tcp = (address: string, hostPort: number, guestPort: number) => ({
    protocol: "tcp",
    address,
    hostPort,
    guestPort,
  });
  const udp = (hostPort: number, guestPort: number) => ({ ...tcp("127.0.0.1", hostPort, guestPort), protocol: "udp" });
  const first = collectPorts("8080:80", []);
  assert.deepEqual(first, [tcp("127.0.0.1", 8080, 80)]);
  assert.deepEqual(collectPorts("0.0.0.0:65535:1/tcp", first), [...first, tcp("0.0.0.0", 65_535, 1)]);
  assert.deepEqual(collectPorts("[0::1]:53:5353"), [tcp("::1", 53, 5353)]);
  assert.deepEqual(collectPorts("80/tcp"), [tcp("127.0.0.1", 0, 80)]);
  assert.deepEqual(collectPorts("127.0.0.2::80"), [tcp("127.0.0.2", 0, 80)]);
  assert.deepEqual(collectPorts("53:5353/udp"), [udp(53, 5353)]);
  assert.deepEqual(collectPorts("8000-8002:80-82/udp"), [udp(8000, 80), udp(8001, 81), udp(8002, 82)]);
  assert.deepEqual(collectPorts("80-81/udp"), [udp(0, 80), udp(0, 81)]);
  assert.equal(collectPorts("1-1024:1-1024").length, 1024);
});

Deno.test("collectPorts() refuses an invalid port, and reports which part is wrong", () => {
  const refuse = (values: string[], message: string) => assertRefuses((value) => collectPorts(value), values, message);
  const form = "Expected [IP:]HOST:GUEST with port numbers.";
  refuse(
    ["", ":", "web", "80:", "a:80", "80:a", "-1:80", "8000-:80", "1-2-3:1-3", "1:2:3:4", "::1:80:80", "80/", "[::1]80"],
    form,
  );
  refuse(["0:80"], "Expected ports from 1 to 65535, got 0.");
  refuse(["80:65536", "65536:80"], "Expected ports from 1 to 65535, got 65536.");
  refuse(["53:53/sctp"], "Cannot publish sctp ports, only tcp and udp.");
  refuse(["8000-8010:80"], "Expected as many ports of the host as of the guest, got 8000-8010 and 80.");
  refuse(["80-79"], "Expected a range of 1 to 1024 ports, got 80-79.");
  refuse(["1-1025:1-1025"], "Expected a range of 1 to 1024 ports, got 1-1025.");
  refuse(["localhost:80:80"], 'Expected an IP address, got "localhost".');
  refuse(["[127.0.0.1]:80:80"], 'Expected an IP address, got "[127.0.0.1]".');
  refuse(["1.2.3:80:80"], 'Expected an IP address, got "1.2.3".');
});

Deno.test("parseWorkdir() accepts absolute paths", () => {
  assert.equal(parseWorkdir("/a b"), "/a b");
  assertRefuses(parseWorkdir, ["", "a", "./a", "~"], "Expected an absolute path in the guest.");
});

Deno.test("parseUser() accepts names and ids, with a group", () => {
  for (const user of ["root", "0", "1000:1000", "app:0", "4294967294", "_apt", "a.b-c"]) {
    assert.equal(parseUser(user), user);
  }
  assertRefuses(parseUser, ["", ":", "app:", ":0", "a:b:c", "a b"], "Expected NAME or UID, with :GROUP or :GID.");
  assertRefuses(parseUser, ["4294967295", "0:99999999999"], "Expected an id of at most 4294967294.");
});

Deno.test("parseHostname() accepts the names that the guest's kernel accepts", () => {
  for (const name of ["a", "web-1", "a.b", "keen_otter", "A1", "x".repeat(63)]) assert.equal(parseHostname(name), name);
  assertRefuses(parseHostname, ["", "-a", "a-", ".a", "a b", "a/b", "a\n", "\u{e4}", "x".repeat(64)]);
});

Deno.test("parseNameserver() accepts IP addresses", () => {
  assert.equal(parseNameserver("1.1.1.1"), "1.1.1.1");
  assertRefuses(parseNameserver, ["", "one.one", "1.1.1", "1.1.1.1:53"], "Expected an IP address.");
});

Deno.test("collectEnv() appends KEY=VALUE unchanged", () => {
  assert.deepEqual(collectEnv("A=b=c d\n", ["X=1"]), ["X=1", "A=b=c d\n"]);
  assert.deepEqual(collectEnv("A=", []), ["A="]);
  assert.deepEqual(collectEnv("a.b-c/d=1", []), ["a.b-c/d=1"]);
});

Deno.test("collectEnv() inherits KEY, even if empty, and omits an unset one", () => {
  using _ = setEnv({ SMOLVM_TEST_SET: "v", SMOLVM_TEST_EMPTY: "", SMOLVM_TEST_UNSET: undefined });
  assert.deepEqual(collectEnv("SMOLVM_TEST_SET", []), ["SMOLVM_TEST_SET=v"]);
  assert.deepEqual(collectEnv("SMOLVM_TEST_EMPTY", []), ["SMOLVM_TEST_EMPTY="]);
  assert.deepEqual(collectEnv("SMOLVM_TEST_UNSET", ["X=1"]), ["X=1"]);
});

Deno.test("collectEnv() refuses a variable with no name, with a space in the name or with a NUL", () => {
  const refuse = (value: string) => collectEnv(value, []);
  assertRefuses(refuse, ["", "=", "=v", "A B=1", "A\t=1"], "Expected KEY=VALUE or KEY, without space in KEY.");
  assertRefuses(refuse, ["A=\0", "A\0=1"], "Expected no NUL.");
});

Deno.test("collectEnvFile() reads one variable per line, and skips comments and blank lines", () => {
  using folder = makeTempFolder();
  using _ = setEnv({ SMOLVM_TEST_SET: "inherited" });
  const path = `${folder.path}/env`;
  Deno.writeTextFileSync(path, "A=1\r\n\n  # comment\n  B='quotes stay' \nSMOLVM_TEST_SET\nC=#no comment");
  assert.deepEqual(collectEnvFile(path, ["X=1"]), [
    "X=1",
    "A=1",
    "B='quotes stay' ",
    "SMOLVM_TEST_SET=inherited",
    "C=#no comment",
  ]);
});

Deno.test("collectEnvFile() names the invalid line", () => {
  using folder = makeTempFolder();
  const path = `${folder.path}/env`;
  for (
    const [line, reason] of [["B C=2", "Expected KEY=VALUE or KEY, without space in KEY."], [
      "B=\0",
      "Expected no NUL.",
    ]]
  ) {
    Deno.writeTextFileSync(path, `A=1\n\n${line}\n`);
    assertRefuses((value) => collectEnvFile(value, []), [path], `At line 3: ${reason}`);
  }
});

Deno.test("collectEnvFile() refuses a file that is missing, unreadable or not UTF-8", () => {
  using folder = makeTempFolder();
  const refuse = (value: string) => collectEnvFile(value, []);
  const path = `${folder.path}/env`;
  Deno.writeFileSync(path, Uint8Array.of(65, 61, 0xff));
  assertRefuses(refuse, [`${folder.path}/none`], "No such file or directory.");
  assertRefuses(refuse, [folder.path], "Is a directory.");
  assertRefuses(refuse, [path], "It is not UTF-8.");
});

Deno.test("parseTail() accepts only a number of lines, or all", () => {
  assert.deepEqual(["0", "10", "all"].map(parseTail), [0, 10, Infinity]);
  for (const value of ["", "-1", "1.5", "ALL", "1e3"]) {
    assert.throws(() => parseTail(value), InvalidArgumentError, value);
  }
});
