import assert from "node:assert/strict";
import type { Krun } from "./symbols.ts";
import { initLog, startVm, type VmConfig } from "./vm.ts";

const CONTEXT = 5;
const CONFIG: VmConfig = {
  cpus: 2,
  memoryMib: 512,
  bootFolder: "/boot",
  agent: "/agent",
  shares: [],
  disk: { path: "/disk.img", durable: false },
  vsock: { port: 7070, socket: "/run/agent.sock" },
  net: undefined,
  consoleLog: "/console.log",
};

/** Not a string: it does not end with NUL. */
const MAC = new Uint8Array([2, 1, 2, 3, 4, 5]);

interface FakeOptions {
  /** Functions that this libkrun lacks. */
  without?: (keyof Krun)[];
  /** Results of functions; default: 0. */
  results?: Partial<Record<keyof Krun, number>>;
}

/** A libkrun that records its calls: `krun_add_vsock 5 0`. */
function fakeKrun({ without = [], results = {} }: FakeOptions = {}): { krun: Krun; calls: string[] } {
  const calls: string[] = [];
  const symbol = (_: unknown, name: keyof Krun) => {
    if (without.includes(name)) return null;
    return (...args: unknown[]) => {
      calls.push([name, ...args.map(describe)].join(" "));
      const result = results[name] ?? (name === "krun_create_ctx" ? CONTEXT : 0);
      return name === "krun_start_enter" ? Promise.resolve(result) : result;
    };
  };
  return { krun: new Proxy({}, { get: symbol }) as Krun, calls };
}

/** Decodes C strings and arrays of them, as libkrun reads them. */
function describe(value: unknown): string {
  if (value instanceof BigUint64Array) {
    assert.equal(value.at(-1), 0n, "the array does not end with NULL");
    return `[${Array.from(value.subarray(0, -1), (address) => textAt(address)).join()}]`;
  }
  if (value === MAC) return "MAC";
  if (value instanceof Uint8Array) {
    assert.equal(value.indexOf(0), value.length - 1, "the string does not end with its only NUL");
    return new TextDecoder().decode(value.subarray(0, -1));
  }
  return String(value);
}

function textAt(address: bigint): string {
  const pointer = Deno.UnsafePointer.create(address);
  assert.ok(pointer);
  return Deno.UnsafePointerView.getCString(pointer);
}

/** The calls of libkrun for a VM whose start fails. */
async function callsFor(change: Partial<VmConfig>, options: FakeOptions = {}): Promise<string[]> {
  const { krun, calls } = fakeKrun({ ...options, results: { krun_start_enter: -22, ...options.results } });
  await assert.rejects(startVm(krun, { ...CONFIG, ...change }), { code: "krun" });
  return calls;
}

Deno.test("startVm() configures the VM in the order that libkrun needs and starts it last", async () => {
  assert.deepEqual(await callsFor({}), [
    "krun_create_ctx",
    "krun_set_vm_config 5 2 512",
    "krun_disable_implicit_init 5",
    "krun_add_virtiofs3 5 /dev/root /boot 0 false",
    "krun_add_disk3 5 disk /disk.img 0 false false 0",
    "krun_disable_implicit_vsock 5",
    "krun_add_vsock 5 0",
    "krun_add_vsock_port 5 7070 /run/agent.sock",
    "krun_set_console_output 5 /console.log",
    "krun_set_exec 5 /agent [] [KRUN_INIT_PID1=1,initcall_blacklist=jent_mod_init,calibrate_xor_blocks]",
    "krun_start_enter 5",
  ]);
});

Deno.test("startVm() leaves the root to an old libkrun, whose own init starts the agent", async () => {
  const calls = await callsFor({}, { without: ["krun_disable_implicit_init"] });
  assert.ok(calls.includes("krun_set_root 5 /boot"));
  assert.equal(calls.some((line) => line.startsWith("krun_add_virtiofs")), false);
});

Deno.test("startVm() reports why the VM did not start", async () => {
  const { krun } = fakeKrun({ results: { krun_start_enter: -22 } });
  await assert.rejects(startVm(krun, CONFIG), { message: "krun_start_enter failed: Invalid argument (EINVAL)" });
  await assert.rejects(startVm(fakeKrun().krun, CONFIG), { message: "krun_start_enter returned without an error" });
});

Deno.test("startVm() stops at the call that failed", async () => {
  const { krun, calls } = fakeKrun({ results: { krun_add_virtiofs3: -2 } });
  await assert.rejects(startVm(krun, CONFIG), {
    code: "krun",
    message: "krun_add_virtiofs3 failed: No such file or directory (ENOENT)",
  });
  assert.deepEqual(calls.map((line) => line.split(" ")[0]), [
    "krun_create_ctx",
    "krun_set_vm_config",
    "krun_disable_implicit_init",
    "krun_add_virtiofs3",
  ]);
});

Deno.test("startVm() gives a guest with a network one interface, and never the host's network", async () => {
  const net = { socket: "/run/net.sock", mac: MAC };
  for (const calls of [await callsFor({}), await callsFor({ net })]) assert.ok(calls.includes("krun_add_vsock 5 0"));
  const devices = (calls: string[]) => calls.filter((line) => line.startsWith("krun_add_net"));
  assert.deepEqual(devices(await callsFor({})), []);
  assert.deepEqual(devices(await callsFor({ net })), ["krun_add_net_unixstream 5 /run/net.sock -1 MAC 19587 0"]);
  const { krun } = fakeKrun({ without: ["krun_add_net_unixstream"] });
  await assert.rejects(startVm(krun, { ...CONFIG, net }), { code: "dependency" });
});

Deno.test("startVm() refuses an old libkrun, which gives every guest the host's network", async () => {
  for (const without of ["krun_add_vsock", "krun_disable_implicit_vsock"] as const) {
    const { krun, calls } = fakeKrun({ without: [without] });
    await assert.rejects(startVm(krun, CONFIG), {
      code: "dependency",
      message: "Cannot keep the guest off the host's network: this libkrun is older than 1.17",
    });
    assert.equal(calls.some((line) => line.startsWith("krun_start_enter")), false);
  }
});

Deno.test("startVm() syncs a durable disk, and uses the default of an old libkrun", async () => {
  const durable = { path: "/disk.img", durable: true };
  assert.ok((await callsFor({ disk: durable })).includes("krun_add_disk3 5 disk /disk.img 0 false false 2"));
  const old = await callsFor({ disk: durable }, { without: ["krun_add_disk3"] });
  assert.ok(old.includes("krun_add_disk2 5 disk /disk.img 0 false"));
  assert.equal((await callsFor({ disk: undefined })).some((line) => line.includes("disk")), false);
});

Deno.test("startVm() shares folders read-only if this libkrun can, and otherwise refuses to", async () => {
  const [writable, readOnly] = [{ tag: "v0", path: "/a", readOnly: false }, { tag: "v1", path: "/b", readOnly: true }];
  const calls = await callsFor({ shares: [writable, readOnly] });
  assert.ok(calls.includes("krun_add_virtiofs3 5 v0 /a 0 false"));
  assert.ok(calls.includes("krun_add_virtiofs3 5 v1 /b 0 true"));

  const without: (keyof Krun)[] = ["krun_add_virtiofs3"];
  assert.ok((await callsFor({ shares: [writable] }, { without })).includes("krun_add_virtiofs 5 v0 /a"));
  await assert.rejects(startVm(fakeKrun({ without }).krun, { ...CONFIG, shares: [readOnly] }), {
    code: "dependency",
    message: 'Cannot share "/b" read-only: this libkrun is older than 1.18',
  });
});

Deno.test("startVm() refuses a path with a NUL, which would truncate it", async () => {
  await assert.rejects(startVm(fakeKrun().krun, { ...CONFIG, bootFolder: "/boot\0/evil" }), { code: "usage" });
});

Deno.test("initLog() sends libkrun's messages to the descriptor and ignores RUST_LOG", () => {
  const { krun, calls } = fakeKrun();
  initLog(krun, 7, "debug");
  assert.deepEqual(calls, ["krun_init_log 7 4 2 1"]);
  initLog(fakeKrun({ without: ["krun_init_log"] }).krun, 7, "debug");
});
