import assert from "node:assert/strict";
import { makeRecord, withMachines, writeRunning } from "../../tests/helpers/machines.ts";
import { identifyProcess } from "../host/process_identity.ts";
import type { MachineRecord } from "../state/machine_record.ts";
import { createMachine, lockMachine } from "../state/machines.ts";
import { openMachine } from "./find.ts";
import { changed, type MachineChanges, updateMachine } from "./update.ts";

const NOTHING: MachineChanges = { env: [], envRm: [], volumes: [], volumeRm: [], ports: [], portRm: [] };
const volume = (source: string, target: string) => ({ source, target, readOnly: false });
const port = (hostPort: number, guestPort: number) => ({
  protocol: "tcp" as const,
  address: "127.0.0.1",
  hostPort,
  guestPort,
});

const COMMAND = { ...makeRecord().command, env: ["PATH=/bin", "A=1", "AB=2"] };
const RECORD = makeRecord({
  command: COMMAND,
  volumes: [volume("/gone", "/a"), volume("/", "/b")],
  ports: [port(8080, 80), port(8081, 80), port(53, 53)],
});

const change = (changes: Partial<MachineChanges>): MachineRecord => changed(RECORD, { ...NOTHING, ...changes });

Deno.test("changed() changes only the given settings", () => {
  assert.deepEqual(change({}), RECORD);
  assert.deepEqual(change({ cpus: 4 }), { ...RECORD, cpus: 4 });
  assert.deepEqual(change({ memoryMib: 256 }), { ...RECORD, memoryMib: 256 });
  assert.deepEqual(change({ workdir: "/w" }), { ...RECORD, command: { ...COMMAND, cwd: "/w" } });
});

Deno.test("changed() adds, replaces and removes variables", () => {
  const env = (changes: Partial<MachineChanges>) => change(changes).command.env;
  assert.deepEqual(env({ env: ["A=3", "C=4"] }), ["PATH=/bin", "A=3", "AB=2", "C=4"]);
  assert.deepEqual(env({ envRm: ["A", "PATH"] }), ["AB=2"]);
  assert.deepEqual(env({ envRm: ["A"], env: ["A=3"] }), ["PATH=/bin", "AB=2", "A=3"]);
});

Deno.test("changed() adds volumes in mount order after removals, and removes volumes whose folder is gone", () => {
  const volumes = (changes: Partial<MachineChanges>) => change(changes).volumes;
  const [gone, other] = RECORD.volumes as [MachineRecord["volumes"][0], MachineRecord["volumes"][0]];
  const added = volume("/", "/a/b");
  assert.deepEqual(volumes({ volumes: [added, volume("/", "/c")] }), [gone, other, volume("/", "/c"), added]);
  assert.deepEqual(volumes({ volumeRm: ["/a"] }), [other]);
  assert.deepEqual(volumes({ volumeRm: ["/a"], volumes: [volume("/", "/a")] }), [other, volume("/", "/a")]);
});

Deno.test("changed() publishes ports without a network, and removes all publications of a guest port", () => {
  assert.deepEqual(change({ ports: [port(443, 443)] }), { ...RECORD, ports: [...RECORD.ports, port(443, 443)] });
  assert.deepEqual(change({ portRm: [{ protocol: "tcp", guestPort: 80 }] }), { ...RECORD, ports: [port(53, 53)] });
  assert.deepEqual(
    change({ portRm: [{ protocol: "tcp", guestPort: 53 }], ports: [port(53, 5353)] }).ports.at(-1),
    port(53, 5353),
  );
});

Deno.test("changed() refuses invalid settings, and removals of missing items", () => {
  const refusals: [changes: Partial<MachineChanges>, message: string][] = [
    [{ cpus: 17 }, "Cannot give the machine 17 CPUs: expected 1 to 16"],
    [{ memoryMib: 1 }, "Cannot give the machine 1 MiB of memory: expected 128 MiB to 16 TiB"],
    [{ envRm: ["A", "B"] }, 'Cannot remove the variable "B": the machine has none'],
    [{ volumeRm: ["/c"] }, 'Cannot remove the volume at "/c": the machine has none'],
    [{ portRm: [{ protocol: "udp", guestPort: 80 }] }, "Cannot remove the published port 80/udp: the machine has none"],
    [{ volumes: [volume("/none", "/c")] }, 'Cannot mount volume "/none": No such file or directory'],
    [{ volumes: [volume("/", "/a")] }, 'Cannot mount two volumes at "/a"'],
    [{ ports: [port(53, 1)] }, "Cannot publish two ports at 127.0.0.1:53"],
  ];
  for (const [changes, message] of refusals) assert.throws(() => change(changes), { message });
});

Deno.test("updateMachine() changes a machine's record, but not while the machine runs", () =>
  withMachines(async () => {
    await createMachine(RECORD, () => {});
    const machine = openMachine("web");
    await updateMachine(machine, { ...NOTHING, cpus: 2 });
    assert.deepEqual(openMachine("web").record, { ...RECORD, cpus: 2 });
    const refusal = {
      code: "machine-state",
      message: 'Cannot update machine "web": it is running',
      hint: "Stop it first.",
    };
    await assert.rejects(updateMachine({ ...machine, ephemeral: true }, { ...NOTHING, cpus: 3 }), refusal);
    using _ = await lockMachine(machine.folder);
    await writeRunning(machine.folder, identifyProcess(Deno.pid)!);
    await assert.rejects(updateMachine(machine, { ...NOTHING, cpus: 3 }), refusal);
    assert.equal(openMachine("web").record.cpus, 2);
  }));
