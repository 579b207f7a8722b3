import assert from "node:assert/strict";
import { FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeRecord } from "../../tests/helpers/machines.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import type { ReadableMachine } from "../machine/find.ts";
import { MSG } from "../protocol/constants.ts";
import { CLIENT_STREAM } from "../protocol/control.ts";
import { AGENT_TOOL, decodeExec, encodeExited, encodeU32s } from "../protocol/messages.ts";
import { CREATED } from "../state/status.ts";
import { parseUsage, usageInGuest } from "./processes.ts";

Deno.test("usageInGuest() returns the report of the agent's tool, unless the tool fails", async () => {
  using folder = makeTempFolder();
  const { path } = folder;
  using runner = Deno.listen({ transport: "unix", path: `${path}/control.sock` });
  const status: ReadableMachine["status"] = { ...CREATED, state: "running" };
  const machine = { id: "a", folder: path, runtimeFolder: path, ephemeral: false, record: makeRecord(), status };
  for (const code of [0, 1]) {
    const usage = usageInGuest(machine);
    const done = code === 0 ? usage : assert.rejects(usage, {
      code: "guest",
      message: 'Cannot list the processes of "web": its guest does not answer',
    });
    using client = new FramePeer(await runner.accept());
    assert.deepEqual(decodeExec((await client.next())!.payload).argv, [AGENT_TOOL, "processes"]);
    await client.send(MSG.STARTED, CLIENT_STREAM, encodeU32s(7));
    await client.send(MSG.STDOUT, CLIENT_STREAM, new TextEncoder().encode("1000 400\n1 0 S 1 2 3 sh\n"));
    await client.send(MSG.EXITED, CLIENT_STREAM, encodeExited({ code }));
    await done;
    if (code === 0) assert.equal((await usage).processes[0]?.command, "sh");
  }
});

Deno.test("parseUsage() parses the report of the guest's agent", () => {
  const usage = parseUsage("1000 400\n1 0 S 120 5000 640 /init\n77 65534 R 0 10 1 sh -c  a b \n9 0 Z 1 2 0 [sh]\n");
  assert.deepEqual(usage, {
    memoryBytes: 1_024_000,
    memoryUsedBytes: 600 * 1024,
    processes: [
      { pid: 1, uid: 0, state: "S", cpuMs: 120, ageMs: 5000, residentBytes: 640 * 1024, command: "/init" },
      { pid: 77, uid: 65_534, state: "R", cpuMs: 0, ageMs: 10, residentBytes: 1024, command: "sh -c  a b " },
      { pid: 9, uid: 0, state: "Z", cpuMs: 1, ageMs: 2, residentBytes: 0, command: "[sh]" },
    ],
  });
});

Deno.test("parseUsage() rejects other text", () => {
  for (const text of ["", "1000", "1000 x", "-1 2", `${"9".repeat(13)} 1`]) assert.equal(parseUsage(text), undefined);
  const odd = ["1 0 S 1 1 1", "1 0 SS 1 1 1 a", "-1 0 S 1 1 1 a", `1 0 S ${"9".repeat(16)} 1 1 a`, "cut o"];
  assert.deepEqual(parseUsage(["1 2", ...odd].join("\n")), { memoryBytes: 1024, memoryUsedBytes: 0, processes: [] });
});
