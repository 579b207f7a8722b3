// Published ports without a VM.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { assertNothingLeft, type Cli, makeCli } from "../helpers/cli.ts";
import { takeInventory } from "../helpers/inventory.ts";
import type { Outcome } from "../helpers/process.ts";

/** A `smolvm` with the machine "web", made with these options. */
async function makeWeb(...options: string[]): Promise<Cli> {
  const cli = makeCli();
  Deno.mkdirSync(`${cli.folder}/root`);
  assertPrinted(await cli.run(["create", "--name", "web", ...options, "root"]), "web\n");
  return cli;
}

function assertPrinted({ code, stdout, stderr }: Outcome, expected: string): void {
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: "" });
}

function assertFailed({ code, stdout, stderr }: Outcome, expected: number, message: string): void {
  assert.deepEqual({ code, stdout, stderr }, { code: expected, stdout: "", stderr: `smolvm: ${message}\n` });
}

Deno.test("smolvm port prints where a machine's ports are published, or one of them", async () => {
  using cli = await makeWeb(
    "-p",
    "8080:80",
    "-p",
    "[::1]:81:80",
    "-p",
    "0.0.0.0:443:443/tcp",
    "-p",
    "5300-5301:53-54/udp",
  );
  const all = "80/tcp -> 127.0.0.1:8080\n80/tcp -> [::1]:81\n443/tcp -> 0.0.0.0:443\n" +
    "53/udp -> 127.0.0.1:5300\n54/udp -> 127.0.0.1:5301\n";
  assertPrinted(await cli.run(["port", "web"]), all);
  for (const port of ["80", "80/tcp"]) {
    assertPrinted(await cli.run(["port", "web", port]), "127.0.0.1:8080\n[::1]:81\n");
  }
  assertFailed(await cli.run(["port", "web", "81"]), 1, 'Machine "web" does not publish port 81/tcp');
  assertPrinted(await cli.run(["port", "web", "54/udp"]), "127.0.0.1:5301\n");
  assertFailed(await cli.run(["port", "web", "53"]), 1, 'Machine "web" does not publish port 53/tcp');
  assertPrinted(await cli.run(["update", "--publish-rm", "53/udp", "web"]), "web\n");
  assertFailed(await cli.run(["port", "web", "53/udp"]), 1, 'Machine "web" does not publish port 53/udp');
});

Deno.test("smolvm port prints nothing for a machine without ports, and refuses an unpublished port", async () => {
  using cli = await makeWeb();
  assertPrinted(await cli.run(["port", "web"]), "");
  assertFailed(await cli.run(["port", "db"]), 1, 'No such machine: "db"');
});

Deno.test("smolvm create -p PORT finds a free port of the host", async () => {
  using cli = await makeWeb("-p", "80");
  const { stdout } = await cli.run(["port", "web"]);
  const port = Number(/^80\/tcp -> 127\.0\.0\.1:(\d+)\n$/.exec(stdout)?.[1]);
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("smolvm create -p PORT/udp finds a free port of the host, and run names the machine that uses a port", async () => {
  using cli = await makeWeb("-p", "53/udp");
  assert.match((await cli.run(["port", "web"])).stdout, /^53\/udp -> 127\.0\.0\.1:[1-9]\d*\n$/);
  const taker = createSocket("udp4");
  await new Promise<void>((resolve) => taker.bind(0, "127.0.0.1", resolve));
  const { port } = taker.address();
  const name = Deno.readTextFileSync("/proc/self/comm").trim();
  const message = `Cannot publish UDP port ${port} of 127.0.0.1: it is taken by ${name} (PID ${Deno.pid})`;
  assertFailed(await cli.run(["run", "-p", `${port}:53/udp`, "image.invalid/none"]), 125, message);
  await new Promise<void>((resolve) => taker.close(resolve));
});

Deno.test({
  name: "smolvm run and start name the process that has a port, before they boot anything",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
    const { port } = listener.addr;
    const name = Deno.readTextFileSync("/proc/self/comm").trim();
    const message = `Cannot publish port ${port} of 127.0.0.1: it is taken by ${name} (PID ${Deno.pid})`;
    {
      using cli = makeCli();
      // The ports are checked before the image is looked up.
      for (const more of [[], ["-d"], ["-d", "--rm"]]) {
        assertFailed(await cli.run(["run", ...more, "-p", `${port}:80`, "image.invalid/none"]), 125, message);
      }
      await assertNothingLeft(cli);
    }
    using cli = await makeWeb("-p", `${port}:80`);
    const before = await takeInventory(cli);
    assertFailed(await cli.run(["start", "web"]), 1, message);
    assertFailed(await cli.run(["start", "--foreground", "web"]), 125, message);
    assert.deepEqual(await takeInventory(cli), before);
  },
});
