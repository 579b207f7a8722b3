// UDP servers in a guest that uses the host's kernel.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { exists } from "../../src/host/files.ts";
import { freePort } from "../helpers/free_port.ts";
import { Process } from "../helpers/process.ts";
import { makeTempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/until.ts";
import { buildTapGuest, sendGuest } from "./kernel_guest.ts";

Deno.test("a UDP server in a guest receives and answers datagrams, but the guest cannot send to others", async () => {
  using folder = makeTempFolder();
  const program = await buildTapGuest(folder.path);
  const [socket, port] = [`${folder.path}/link.sock`, freePort()];
  const main = decodeURIComponent(new URL("serving_gateway.ts", import.meta.url).pathname);
  const flags = ["--allow-all", "--unstable-net", "--no-check", "--cached-only"];
  await using gateway = new Process(Deno.execPath(), { args: ["run", ...flags, main, socket, `${port}`] });
  await until(() => exists(socket));

  const client = createSocket("udp4");
  const stranger = createSocket("udp4").on("message", (data) => heard.push(`${data}`));
  const heard: string[] = [];
  const answered = Promise.withResolvers<string>();
  client.on("message", (data, { port }) => answered.resolve(`${data} from ${port}`));
  await new Promise<void>((resolve) => stranger.bind(0, "127.0.0.1", resolve));
  const serving = sendGuest(socket, { program, scenario: "udpServe", port, size: stranger.address().port });
  // Datagrams are lost until the guest is up.
  const asking = setInterval(() => client.send("question", port, "127.0.0.1"), 100);
  assert.equal(await answered.promise, `question from ${port}`);
  clearInterval(asking);
  assert.equal(await serving, "192.168.127.1");
  assert.deepEqual(heard, []);
  for (const each of [client, stranger]) await new Promise<void>((resolve) => each.close(() => resolve()));
  assert.equal((await gateway.outcome).code, 0);
});
