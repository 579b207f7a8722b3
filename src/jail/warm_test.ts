import assert from "node:assert/strict";
import { Process, runProcess } from "../../tests/helpers/process.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import { exists } from "../host/files.ts";
import { jailPrefix } from "./prefix.ts";
import { encodeOrders, type Order } from "./supervisor.ts";

const ignore = Deno.build.os !== "linux";

/** Starts a command instead of a runner with `smolvm-jail --warm`, and waits for its first line. Its tree is empty. */
async function startWarm(folder: string, script: string, { idleS = 600 } = {}) {
  for (const name of ["boot", "boot/s", "root", "vol"]) Deno.mkdirSync(`${folder}/${name}`);
  Deno.writeTextFileSync(`${folder}/root/file`, "of the root");
  Deno.writeTextFileSync(`${folder}/record`, "");
  const [rootMount] = Deno.readTextFileSync("/proc/self/mountinfo").match(/^\d+(?= \S+ \S+ \S+ \/ )/m)!;
  const orders: Order[] = [
    ["v", rootMount],
    ["t", `${folder}/sock`],
    ["i", `${idleS}`],
    ["f", `${folder}/record`],
    ["s", `${folder}/boot`],
    ["r", `${folder}/remains`],
  ];
  Deno.writeTextFileSync(`${folder}/orders`, encodeOrders(orders));
  Deno.writeTextFileSync(`${folder}/remains`, "");
  const before =
    `read first; echo "$first" >>${folder}/starts; cat ${folder}/orders >&3; exec 3>&-; echo "booted with $(ls ${folder}/boot/s)"`;
  const [program, ...args] = jailPrefix({ isJailed: true, keepsNetwork: false, isWarm: true });
  const process = new Process(program!, {
    args: [...args, "sh", "-c", `${before}; ${script}`],
    env: { HOME: folder },
  });
  await process.write("specification\n");
  await process.untilStdout(/booted with \n/);
  return process;
}

/** A client that takes the machine. */
class Taker implements Disposable {
  readonly #conn: Deno.UnixConn;

  private constructor(conn: Deno.UnixConn) {
    this.#conn = conn;
  }

  static async connect(folder: string): Promise<Taker> {
    return new Taker(await Deno.connect({ transport: "unix", path: `${folder}/sock` }));
  }

  async granted(): Promise<void> {
    await this.#conn.read(new Uint8Array(6));
  }

  async send(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text));
  }

  async take(folder: string, ...more: Order[]): Promise<void> {
    const orders: Order[] = [["b", "ro", `${folder}/root`], ["b", "rw", `${folder}/vol`], ...more];
    await this.send(`${encodeOrders(orders)}\0take it\n`);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /** The data until the end of the connection, which ends when the machine's files are removed. */
  async rest(): Promise<string> {
    let text = "";
    const chunk = new Uint8Array(1024);
    for (let n = await this.#conn.read(chunk); n !== null; n = await this.#conn.read(chunk)) {
      text += new TextDecoder().decode(chunk.subarray(0, n));
    }
    return text;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

Deno.test({
  name: "smolvm-jail --warm gives the machine to one taker, and mounts the taker's folders in the command's tree",
  ignore,
  async fn() {
    using temp = makeTempFolder();
    const folder = temp.path;
    const script = `read line; echo "got $line"; cd ${folder}/boot/s; cat rootfs/file; echo
      echo x >v0/new; echo y 2>/dev/null >rootfs/new || echo refused; mkdir other 2>/dev/null || echo refused
      cat; echo ended`;
    await using process = await startWarm(folder, script);
    using taker = await Taker.connect(folder);
    using other = await Taker.connect(folder).catch(() => undefined);
    await taker.take(folder);
    await taker.closeWrite();
    assert.equal(await taker.rest(), "taken\ngot take it\nof the root\nrefused\nrefused\nended\nended 0 0\n");
    assert.equal(await other?.rest().catch(() => "") ?? "", "");
    assert.equal((await process.finish()).code, 0);
    assert.equal(Deno.readTextFileSync(`${folder}/vol/new`), "x\n");
    assert.deepEqual([...Deno.readDirSync(`${folder}/boot/s`)], []);
    assert.equal(exists(`${folder}/remains`), false);
    // A successor starts. It ends when its taker sends no request.
    await until(() => Deno.readTextFileSync(`${folder}/starts`) === "specification\nspecification\n");
    using last = await untilTaker(folder);
    await last.closeWrite();
    // The script may see the end of its input before it is killed.
    assert.match(await last.rest(), /^taken\n/);
    assert.equal(exists(`${folder}/sock`), false);
  },
});

async function untilTaker(folder: string): Promise<Taker> {
  let taker: Taker | undefined;
  await until(async () => (taker = await Taker.connect(folder).catch(() => undefined)) !== undefined);
  return taker!;
}

Deno.test({
  name: "smolvm-jail --warm ends a machine that is not taken in time, or whose taker disconnects within its request",
  ignore,
  async fn() {
    for (const isDropped of [false, true]) {
      using temp = makeTempFolder();
      const folder = temp.path;
      await using process = await startWarm(folder, "exec sleep 600", { idleS: isDropped ? 600 : 1 });
      if (isDropped) {
        using taker = await Taker.connect(folder);
        await taker.granted();
        await taker.send(`${encodeOrders([["b", "ro", `${folder}/root`]])}\0half a li`);
      }
      assert.equal((await process.finish()).code, 128 + 9);
      // No successor starts.
      assert.ok(!exists(`${folder}/sock`) && !exists(`${folder}/remains`) && exists(`${folder}/record`));
      assert.equal(Deno.readTextFileSync(`${folder}/starts`), "specification\n");
    }
  },
});

Deno.test({
  name: "smolvm-jail --warm ends the machine when it cannot mount a folder, or when the taker leaves, if ordered",
  ignore,
  async fn() {
    const cases: [act: (taker: Taker, folder: string) => Promise<void>, answer: string][] = [
      [
        (taker, folder) => taker.take(folder, ["b", "rw", `${folder}/none`]),
        "none: No such file or directory\nended 137 9\n",
      ],
      [async (taker, folder) => (await taker.take(folder, ["e"]), await taker.closeWrite()), "ended 137 9\n"],
    ];
    for (const [act, answer] of cases) {
      using temp = makeTempFolder();
      await using process = await startWarm(temp.path, "exec sleep 600");
      // No successor starts.
      Deno.removeSync(`${temp.path}/record`);
      using taker = await Taker.connect(temp.path);
      await act(taker, temp.path);
      const rest = (await taker.rest()).replace(/^taken\n(smolvm-jail: \/.*\/)?/, "");
      assert.equal(rest, answer);
      assert.equal((await process.finish()).code, 128 + 9);
      assert.ok(!exists(`${temp.path}/remains`));
    }
  },
});

Deno.test({
  name: "smolvm-jail --warm refuses a taker with another root mount, and keeps waiting",
  ignore: ignore || Deno.uid() !== 0,
  async fn() {
    using temp = makeTempFolder();
    await using process = await startWarm(temp.path, "exec sleep 600");
    const connect = `const conn = await Deno.connect({ transport: "unix", path: "${temp.path}/sock" });
      console.log(await conn.read(new Uint8Array(9)));`;
    const args = ["--mount", Deno.execPath(), "eval", connect];
    const { stdout, stderr } = await runProcess("unshare", { args, env: { NO_COLOR: "1" } });
    assert.equal(stdout, "null\n", stderr);
    using taker = await Taker.connect(temp.path);
    await taker.closeWrite();
    assert.equal(await taker.rest(), "taken\nended 137 9\n");
    await process.finish();
  },
});
