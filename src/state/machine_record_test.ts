import assert from "node:assert/strict";
import { makeRecord } from "../../tests/helpers/machines.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { type MachineRecord, readRecord, recordFile, writeRecord } from "./machine_record.ts";

const FULL: MachineRecord = {
  id: "fedcba987654",
  name: "A.b_c-1",
  created: "2026-11-23T12:00:00.000Z",
  source: {
    image: { reference: "localhost/app:1", imageId: "a".repeat(64), digest: `sha256:${"b".repeat(64)}` },
  },
  cpus: 16,
  memoryMib: 16_777_216,
  diskBytes: 2 ** 44,
  volumes: [
    { source: "/a b", target: "/c", readOnly: true },
    { source: "/\u{e4}", target: "/d/e", readOnly: false },
  ],
  ports: [
    { protocol: "tcp", address: "127.0.0.1", hostPort: 8080, guestPort: 80 },
    { protocol: "udp", address: "::1", hostPort: 65_535, guestPort: 1 },
  ],
  net: true,
  allowNet: ["example.com:443"],
  denyNet: ["10.0.0.0/8"],
  dns: "::1",
  netLimitBytes: 1024,
  netConnections: 4096,
  secrets: [
    { name: "A", hosts: ["a.test", "*.b.test"], source: { env: "B" }, placeholder: "p" },
    { name: "C", hosts: ["c.test"], source: { file: "/d" }, placeholder: "q" },
  ],
  networks: ["app", "db"],
  networkAliases: ["a", "b"],
  hostname: "host",
  command: { argv: ["", 'say "\n"'], env: ["A=b=c", "E="], cwd: "/w", user: "1:2", tty: true, stdin: true },
  insecureNoJail: true,
  init: true,
  stopSignal: 64,
};

Deno.test("readRecord() reads every record that writeRecord() wrote into a private file", async () => {
  using folder = makeTempFolder();
  for (const record of [makeRecord(), FULL]) {
    await writeRecord(folder.path, record);
    assert.deepEqual(readRecord(folder.path), record);
    assert.equal(Deno.statSync(recordFile(folder.path)).mode! & 0o777, 0o600);
  }
});

Deno.test("readRecord() names the file and the fault in it", async () => {
  using folder = makeTempFolder();
  const path = recordFile(folder.path);
  const written = { schema: 1, ...FULL };
  const broken: [text: string | undefined, message: RegExp][] = [
    [undefined, /is missing$/],
    ["", /is not JSON$/],
    [JSON.stringify(written).slice(0, 100), /is not JSON$/],
    ["[]", /is a list, expected an object$/],
    [JSON.stringify({ ...written, schema: 2 }), /has schema 2, but this smolvm supports up to 1$/],
    [JSON.stringify({ ...written, extra: 1 }), /unknown key "extra"$/],
    [JSON.stringify({ ...written, name: undefined }), /name is missing, expected a string$/],
    [JSON.stringify({ ...written, source: {} }), /source: image is missing, expected an object$/],
    [JSON.stringify({ ...written, source: { folder: "/", image: {} } }), /source: unknown key "image"$/],
    [
      JSON.stringify({ ...written, source: { image: { reference: "a" } } }),
      /source: image: imageId is missing, expected /,
    ],
    [JSON.stringify({ ...written, cpus: 17 }), /cpus is 17, expected an integer from 1 to 16$/],
    [JSON.stringify({ ...written, memoryMib: 1 }), /memoryMib is 1, expected an integer from 128 /],
    [JSON.stringify({ ...written, diskBytes: 0 }), /diskBytes is 0, expected /],
    [JSON.stringify({ ...written, volumes: [{ source: "/" }] }), /volumes\[0\]: target is missing, expected /],
    [
      JSON.stringify({ ...written, ports: [{ ...FULL.ports[0], hostPort: 0 }] }),
      /ports\[0\]: hostPort is 0, expected an integer from 1 to 65535$/,
    ],
    [JSON.stringify({ ...written, command: { ...FULL.command, argv: [1] } }), /command: argv\[0\] is 1, expected /],
    [JSON.stringify({ ...written, command: { ...FULL.command, shell: true } }), /command: unknown key "shell"$/],
    [JSON.stringify({ ...written, stopSignal: 65 }), /stopSignal is 65, expected an integer from 1 to 64$/],
  ];
  for (const [text, message] of broken) {
    if (text !== undefined) await Deno.writeTextFile(path, text);
    assert.throws(() => readRecord(folder.path), (error: { code: string; message: string }) => {
      assert.equal(error.code, "state");
      assert.ok(error.message.startsWith(`"${path}"`), error.message);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("readRecord() fills in defaults for missing fields", () => {
  using folder = makeTempFolder();
  const least = { id: "a", name: "web", created: "", source: { folder: "/srv/root" }, command: { argv: ["/bin/sh"] } };
  Deno.writeTextFileSync(recordFile(folder.path), JSON.stringify(least));
  assert.deepEqual(readRecord(folder.path), makeRecord({ id: "a", created: "" }));
});
