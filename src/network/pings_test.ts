import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import { formatIp, type IpAddress, parseIp } from "./ip.ts";
import { Pings } from "./pings.ts";

const REMOTE = parseIp("192.0.2.7")!;
const REMOTE6 = parseIp("2001:db8::7")!;
const ADDRESS = "00000000000000000000ffffc0000207";
const ADDRESS6 = "20010db8000000000000000000000007";

/** Makes an echo request or reply with that identifier and sequence number, and some data. */
const echo = (type: string, identity: string) => Uint8Array.fromHex(`${type}000000${identity}aabb`);

/** Runs `body` with a `Pings` whose ping process is the test itself. */
async function withPings(
  body: (of: { pings: Pings; process: Deno.UnixConn; answers: [string, string][] }) => Promise<void>,
): Promise<void> {
  using folder = makeTempFolder();
  const path = `${folder.path}/pings.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  using conn = await Deno.connect({ transport: "unix", path });
  const pings = new Pings(conn);
  const process = await listener.accept();
  const answers: [string, string][] = [];
  const received = pings.receive((remote, message) => answers.push([formatIp(remote), message.toHex()]));
  try {
    await body({ pings, process, answers });
  } finally {
    process.close();
    await received;
  }
}

async function readFrame(conn: Deno.Conn): Promise<string> {
  const bytes = new Uint8Array(64);
  const count = await conn.read(bytes);
  assert.equal(new DataView(bytes.buffer).getUint32(0), count! - 4);
  return bytes.subarray(4, count!).toHex();
}

async function writeFrame(conn: Deno.Conn, hex: string): Promise<void> {
  await conn.write(Uint8Array.fromHex(`${(hex.length / 2).toString(16).padStart(8, "0")}${hex}`));
}

Deno.test("Pings sends its own sequence numbers, and delivers each reply once, with the guest's", () =>
  withPings(async ({ pings, process, answers }) => {
    // Two programs of the guest use the same sequence numbers.
    const sent: [IpAddress, string][] = [[REMOTE, "0a0a0001"], [REMOTE, "0b0b0001"], [REMOTE6, "0c0c0001"]];
    const frames: string[] = [];
    for (const [remote, identity] of sent) {
      pings.send(remote, echo("08", identity));
      frames.push(await readFrame(process));
    }
    assert.deepEqual(frames, [
      `${ADDRESS}080000000a0a0001aabb`,
      `${ADDRESS}080000000b0b0002aabb`,
      `${ADDRESS6}080000000c0c0003aabb`,
    ]);
    // Replies have the kernel's identifier. The second reply arrives first, and twice.
    const second = `${ADDRESS}0000123477770002aabb`;
    for (const frame of [second, second, `${ADDRESS6}8100123477770003aabb`]) await writeFrame(process, frame);
    await until(() => answers.length >= 2);
    assert.deepEqual(answers, [
      ["192.0.2.7", "000012340b0b0001aabb"],
      ["2001:db8::7", "810012340c0c0001aabb"],
    ]);
  }));

Deno.test("Pings drops replies that match no ping of the guest", () =>
  withPings(async ({ pings, process, answers }) => {
    pings.send(REMOTE, echo("08", "0a0a0001"));
    await readFrame(process);
    const others = [
      `${ADDRESS6}8100123477770001aabb`, // another sender
      `${ADDRESS}0000123477770002aabb`, // no such ping
      `${ADDRESS}00001234777700`, // too short
    ];
    for (const frame of others) await writeFrame(process, frame);
    await writeFrame(process, `${ADDRESS}0000123477770001aabb`);
    await until(() => answers.length >= 1);
    assert.deepEqual(answers, [["192.0.2.7", "000012340a0a0001aabb"]]);
  }));

Deno.test("Pings forgets the oldest pings above its limit; connect() needs a ping process", async () => {
  await withPings(async ({ pings, process, answers }) => {
    const reading = (async () => {
      const bytes = new Uint8Array(65_536);
      while (await process.read(bytes) !== null);
    })().catch(() => {});
    for (let count = 0; count < 1100; count++) pings.send(REMOTE, echo("08", "0a0a0001"));
    for (const sequence of ["0001", "044c"]) await writeFrame(process, `${ADDRESS}000012347777${sequence}aabb`);
    await until(() => answers.length >= 1);
    assert.equal(answers.length, 1);
    process.closeWrite();
    void reading;
  });
  using folder = makeTempFolder();
  assert.equal(await Pings.connect(`${folder.path}/none.sock`), undefined);
});
