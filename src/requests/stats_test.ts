import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import type { ReadableMachine } from "../machine/find.ts";
import { CREATED } from "../state/status.ts";
import { watchStats } from "./stats.ts";

const COMMAND = { argv: ["true"], env: [], cwd: "/", user: "", tty: false, stdin: false };

/** A machine whose VM is this process, and whose guest does not answer. */
function fakeMachine(id: string, folder: string): ReadableMachine {
  const record = {
    id,
    name: `name-${id}`,
    diskBytes: 2 ** 20,
    networks: [],
    ports: [],
    command: COMMAND,
  } as unknown as ReadableMachine["record"];
  const status: ReadableMachine["status"] = { ...CREATED, state: "running", process: { pid: Deno.pid, startTime: "" } };
  return { id, folder, runtimeFolder: folder, ephemeral: false, record, status };
}

Deno.test("watchStats() yields the host's values when a guest does not answer, also for a new machine", async () => {
  using folder = makeTempFolder();
  await Deno.writeFile(`${folder.path}/disk.img`, new Uint8Array(64 * 1024).fill(1));
  const [one, other] = [fakeMachine("a", folder.path), fakeMachine("b", folder.path)];
  const running = [[one], [one, other]];
  const { value } = await watchStats(() => running.shift()!).next();
  const [first, second] = value!;
  assert.ok(first!.cpuPercent! >= 0 && first!.residentBytes! > 2 ** 20 && first!.diskUsedBytes >= 64 * 1024);
  assert.equal(second!.cpuPercent, null, "nothing to compare with");
  assert.deepEqual(
    { ...second, residentBytes: 0, diskUsedBytes: 0 },
    {
      id: "b",
      name: "name-b",
      pid: Deno.pid,
      cpuPercent: null,
      residentBytes: 0,
      guestUsedBytes: null,
      guestMemoryBytes: null,
      diskUsedBytes: 0,
      diskBytes: 2 ** 20,
      netReceivedBytes: null,
      netSentBytes: null,
      netDenied: null,
      processes: null,
    },
  );
});
