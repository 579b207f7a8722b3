import assert from "node:assert/strict";
import { makeRecord } from "../../tests/helpers/machines.ts";
import { bootFolder, controlSocket, mainExecOf, parseRunnerSpec, type RunnerSpec } from "./spec.ts";

const SPEC: RunnerSpec = {
  machine: makeRecord({
    source: { folder: "/rootfs" },
    volumes: [{ source: "/src", target: "/dst", readOnly: true }],
    ports: [{ protocol: "udp", address: "127.0.0.1", hostPort: 8080, guestPort: 80 }],
    net: true,
    dns: "9.9.9.9",
    networks: ["app"],
    networkAliases: ["a"],
    command: { argv: ["/bin/sh", "-c", "echo \u{e4}\n"], env: ["A=1"], cwd: "/", user: "", tty: true, stdin: true },
  }),
  folder: "/state/ephemeral/0123456789ab",
  runtimeFolder: "/run/smolvm/0123456789ab",
  ephemeral: true,
  held: true,
  isJailed: true,
  warm: { host: "{}", most: 2, idleS: 600, rootMount: 1, mounts: "0" },
  attached: true,
  rootfs: { path: "/rootfs" },
  nameservers: ["1.1.1.1"],
  networks: [{ name: "app", folder: "/run/net", subnet: "10.127.0.0/24" }],
  gateway: ["/usr/bin/deno", "run"],
  terminal: { rows: 24, columns: 80 },
  stdin: true,
  commandLog: { maxBytes: 10 * 1024 ** 2, maxFiles: 3 },
  helloTimeoutMs: 60_000,
  logLevel: "warn",
};

const parse = (value: unknown) => parseRunnerSpec(JSON.stringify(value));

/** The specification with the value at a path such as `terminal.rows` replaced; `undefined` removes it. */
function withValue(path: string, value: unknown): unknown {
  const spec = structuredClone(SPEC);
  const keys = path.split(".");
  const last = keys.pop()!;
  const parent = keys.reduce<Record<string, unknown>>(
    (object, key) => object[key] as Record<string, unknown>,
    spec as unknown as Record<string, unknown>,
  );
  parent[last] = value;
  return spec;
}

Deno.test("parseRunnerSpec() reads a specification from JSON", () => {
  assert.deepEqual(parse(SPEC), SPEC);
  for (const key of ["terminal", "commandLog"]) assert.deepEqual(parse(withValue(key, null)), withValue(key, null));
  const image = { image: { reference: "docker.io/library/alpine:latest", imageId: "1f", digest: "sha256:2e" } };
  assert.deepEqual(parse(withValue("machine.source", image)), withValue("machine.source", image));
  assert.deepEqual(parse(withValue("rootfs", { variable: "ROOT" })), withValue("rootfs", { variable: "ROOT" }));
});

Deno.test("parseRunnerSpec() refuses an unknown key at any level and names it", () => {
  for (
    const parent of [
      "",
      "machine.",
      "machine.command.",
      "machine.source.",
      "machine.volumes.0.",
      "machine.ports.0.",
      "terminal.",
      "commandLog.",
      "rootfs.",
    ]
  ) {
    assert.throws(() => parse(withValue(`${parent}unknown`, 1)), {
      code: "internal",
      message: /unknown key "unknown"$/,
    }, parent);
  }
  assert.throws(() => parse(withValue("rootfs", { path: "/a", variable: "B" })), { message: /unknown key "variable"/ });
});

/** Optional keys, and keys that records of older versions lack. */
const OPTIONAL = [
  ...["terminal", "commandLog"],
  ...[
    "cpus",
    "memoryMib",
    "diskBytes",
    "volumes",
    "ports",
    "net",
    "allowNet",
    "denyNet",
    "netLimitBytes",
    "netConnections",
    "secrets",
    "networks",
    "networkAliases",
    "dns",
    "hostname",
    "insecureNoJail",
    "init",
    "stopSignal",
  ]
    .map((key) => `machine.${key}`),
  ...["env", "cwd", "user", "tty", "stdin"].map((key) => `machine.command.${key}`),
  "machine.volumes.0.readOnly",
  "machine.ports.0.protocol",
  "warm",
];

Deno.test("parseRunnerSpec() refuses a missing key or a value of another type and names the key", () => {
  const { machine } = SPEC;
  const nested = [
    ...Object.keys(machine).map((key) => `machine.${key}`),
    ...Object.keys(machine.command).map((key) => `machine.command.${key}`),
    ...Object.keys(machine.volumes[0]!).map((key) => `machine.volumes.0.${key}`),
    ...Object.keys(machine.ports[0]!).map((key) => `machine.ports.0.${key}`),
    ...["machine.source.folder", "rootfs.path", "terminal.rows", "terminal.columns"],
    ...[
      "commandLog.maxBytes",
      "commandLog.maxFiles",
      "warm.host",
      "warm.most",
      "warm.idleS",
      "warm.rootMount",
      "warm.mounts",
    ],
  ];
  for (const path of [...Object.keys(SPEC), ...nested]) {
    const key = path.split(".").at(-1)!;
    const missing = OPTIONAL.includes(path) ? [] : [undefined, null];
    // The key that may stand in its place.
    const other: Record<string, string> = { "rootfs.path": "variable", "machine.source.folder": "image" };
    const named = new RegExp(`(${key}|${other[path] ?? key}) is `);
    for (const value of [...missing, typeof valueAt(path) === "string" ? 7 : "text"]) {
      assert.throws(
        () => parse(withValue(path, value)),
        { code: "internal", message: named },
        `${path} = ${JSON.stringify(value)}`,
      );
    }
  }
});

function valueAt(path: string): unknown {
  return path.split(".").reduce<unknown>((object, key) => (object as Record<string, unknown>)[key], SPEC);
}

Deno.test("parseRunnerSpec() refuses a list with an item of another type and names its index", () => {
  for (const path of ["nameservers", "machine.command.argv", "machine.command.env"]) {
    const place = `${path.split(".").at(-1)}\\[1\\] is 7, expected a string`;
    assert.throws(() => parse(withValue(path, ["a", 7])), { code: "internal", message: new RegExp(place) });
  }
  assert.throws(() => parse(withValue("machine.volumes", [null])), {
    code: "internal",
    message: "Runner specification: machine: volumes[0] is null, expected an object",
  });
});

Deno.test("parseRunnerSpec() refuses numbers that libkrun would truncate, and an unknown log level", () => {
  for (
    const [path, values] of [["machine.cpus", [0, 17, 256, 1.5]], ["machine.memoryMib", [127, -1, 2 ** 32]]] as const
  ) {
    for (const value of values) assert.throws(() => parse(withValue(path, value)), { code: "internal" });
  }
  assert.throws(() => parse(withValue("logLevel", "loud")), { message: /logLevel is a string, expected one of error/ });
  for (const value of [0, 2 ** 31]) {
    assert.throws(() => parse(withValue("helloTimeoutMs", value)), { code: "internal" });
  }
  for (const value of [-1, 65_536]) assert.throws(() => parse(withValue("terminal.rows", value)));
});

Deno.test("parseRunnerSpec() refuses JSON that is not an object", () => {
  for (const value of [null, [], "text", 7]) assert.throws(() => parse(value), { code: "internal" });
});

Deno.test("parseRunnerSpec() refuses a folder whose socket paths are too long in bytes", () => {
  const longest = Deno.build.os === "darwin" ? 103 : 107;
  const suffix = controlSocket({ runtimeFolder: "" }).length;
  const fits = `/${"a".repeat(longest - suffix - 1)}`;
  assert.equal(parse(withValue("runtimeFolder", fits)).runtimeFolder, fits);
  for (const folder of [`${fits}a`, `${fits.slice(1)}\u{e4}`]) {
    assert.throws(() => parse(withValue("runtimeFolder", folder)), {
      code: "storage",
      message: `Cannot create the socket "${folder}/control.sock": longer than ${longest} bytes`,
    });
  }
});

Deno.test({
  name: "bootFolder() is outside the folders that are removed with the machine, because volumes are mounted below it",
  ignore: Deno.build.os !== "linux",
  fn() {
    const machine = { folder: "/state/ephemeral/1", runtimeFolder: "/run/smolvm/1" };
    const boot = bootFolder(machine);
    assert.ok(!boot.startsWith(`${machine.folder}/`) && !boot.startsWith(`${machine.runtimeFolder}/`), boot);
  },
});

Deno.test("mainExecOf() makes the command PID 1, or with init a reaper that runs it", () => {
  const { argv, pid1, makeCwd } = mainExecOf(SPEC);
  assert.deepEqual({ argv, pid1, makeCwd }, { argv: SPEC.machine.command.argv, pid1: true, makeCwd: true });
  const reaped = mainExecOf({ ...SPEC, machine: { ...SPEC.machine, init: true } });
  assert.deepEqual(reaped.argv, ["/proc/self/exe", "init", ...SPEC.machine.command.argv]);
  assert.equal(reaped.pid1, true);
});
