import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { withMachines } from "../../tests/helpers/machines.ts";
import { describe, describeCommand, describeUpdate } from "./options.ts";
import { Machine } from "./machine.ts";

Deno.test("describeUpdate() contains only the given changes", () => {
  assert.deepEqual(
    describeUpdate({
      cpus: 2,
      env: { MODE: "a=b" },
      removeEnv: ["TOKEN"],
      volumes: [{ source: "site", target: "/site" }],
      removeVolumes: ["/old"],
      ports: [{ guestPort: 80 }, { protocol: "udp", guestPort: 53 }],
      removePorts: [443, "53/udp"],
    }),
    {
      cpus: 2,
      memoryMib: undefined,
      workdir: undefined,
      env: ["MODE=a=b"],
      envRm: ["TOKEN"],
      volumes: [{ source: "site", target: "/site", readOnly: false }],
      volumeRm: ["/old"],
      ports: [
        { protocol: "tcp", address: "127.0.0.1", hostPort: 0, guestPort: 80 },
        { protocol: "udp", address: "127.0.0.1", hostPort: 0, guestPort: 53 },
      ],
      portRm: [{ protocol: "tcp", guestPort: 443 }, { protocol: "udp", guestPort: 53 }],
    },
  );
});

Deno.test("describeUpdate() refuses invalid settings", () => {
  assert.throws(() => describeUpdate({ workdir: "relative" }), {
    code: "usage",
    message: /^Cannot use workdir "relati/,
  });
  assert.throws(() => describeUpdate({ env: { "A=B": "" } }), { code: "usage" });
  assert.throws(() => describeUpdate({ removePorts: ["53/sctp"] }), { code: "usage" });
  assert.throws(() => describeUpdate({ ports: [{ guestPort: 70_000 }] }), { code: "usage" });
});

Deno.test("describe() makes a machine idle unless it has a command", () =>
  withMachines(async () => {
    const { command, entrypoint } = await describe({ source: "." });
    assert.deepEqual([command.at(-1), entrypoint], ["idle", ""]);
    assert.deepEqual((await describe({ source: ".", command: [] })).command, []);
    assert.deepEqual((await describe({ source: ".", command: "ls" })).command, ["/bin/sh", "-c", "ls"]);
    await assert.rejects(describe({ source: ".", entrypoint: "/init" }), { code: "usage", message: /idles$/ });
  }));

Deno.test("describeCommand() refuses invalid options", () => {
  for (const command of ["a\0b", ["a", "\0"], []]) {
    assert.throws(() => describeCommand(command, {}), { code: "usage" });
  }
  for (const options of [{ workdir: "b" }, { workdir: "/\0" }, { user: "" }]) {
    assert.throws(() => describeCommand("a", options), { code: "usage" });
  }
});

Deno.test("Machine refuses invalid time-outs and fractional bytes", () =>
  withMachines(async () => {
    using source = makeTempFolder();
    const options = { source: source.path, name: "web" };
    await assert.rejects(Machine.create({ ...options, diskBytes: 2 ** 30 + 0.5 }), { code: "usage" });
    const machine = await Machine.create(options);
    for (const timeoutMs of [NaN, -1, Infinity]) {
      const message = `Cannot use timeoutMs ${timeoutMs}: expected 0 to 2147483647`;
      await assert.rejects(machine.stop({ timeoutMs }), { code: "usage", message });
      const starting = { bootTimeoutMs: timeoutMs };
      const refusal = { code: "usage", message: /^Cannot use bootTimeoutMs/ };
      await assert.rejects(machine.start(starting), refusal);
      await assert.rejects(Promise.resolve(machine.startAttached(starting)), refusal);
    }
    await machine.stop({ timeoutMs: 0.5 });
  }));
