/**
 * A pool of machines that have booted in advance: each request immediately gets an unused machine, and a new machine
 * boots to replace it. Prints the time of a request without and with the pool.
 *
 *     deno run --allow-env --allow-net --allow-read --allow-write --allow-sys=uid \
 *       --allow-run=lib/smolvm-jail-x64,sh,setpriv,buildah examples/warm_pool.ts [SIZE [IMAGE [COMMAND]]]
 *
 * The defaults are 3, `alpine` and `hostname`; COMMAND is a command line for the guest's shell.
 *
 * @module
 */

import { type CommandResult, Machine } from "../src/mod.ts";

/** Idle machines, each for one request. */
class WarmPool implements AsyncDisposable {
  readonly #boot: () => Promise<Machine>;
  readonly #machines: Promise<Machine>[];

  private constructor(size: number, boot: () => Promise<Machine>) {
    this.#boot = boot;
    this.#machines = Array.from({ length: size }, boot);
  }

  /** Settles when all machines have booted. */
  static async fill(size: number, boot: () => Promise<Machine>): Promise<WarmPool> {
    const pool = new WarmPool(size, boot);
    await Promise.all(pool.#machines);
    return pool;
  }

  async serve(command: string): Promise<CommandResult> {
    await using machine = await (this.#machines.shift() ?? this.#boot());
    const result = await machine.exec(command);
    // Boot the replacement after the request: a boot would compete with it for the processor.
    this.#machines.push(this.#boot());
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#machines.map(async (machine) => (await machine)[Symbol.asyncDispose]()));
  }
}

const [size = "3", image = "alpine", command = "hostname"] = Deno.args;

async function boot(): Promise<Machine> {
  const machine = await Machine.create({ source: image, memoryMib: 128, ephemeral: true });
  await machine.start();
  return machine;
}

/** Runs a request and prints its time in ms. */
async function measure(name: string, request: () => Promise<CommandResult>): Promise<void> {
  const started = performance.now();
  const { code, stdout } = await request();
  console.log(
    `${name} ${(performance.now() - started).toFixed(0).padStart(6)} ms, exit code ${code}: ${stdout.trim()}`,
  );
}

await measure("cold", async () => {
  await using machine = await boot();
  return await machine.exec(command);
});
await using pool = await WarmPool.fill(Number(size), boot);
for (let request = 0; request < Number(size); request++) await measure("warm", () => pool.serve(command));
