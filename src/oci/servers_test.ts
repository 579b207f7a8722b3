import assert from "node:assert/strict";
import { freePort } from "../../tests/helpers/free_port.ts";
import { FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import { MSG } from "../protocol/constants.ts";
import { CLIENT_STREAM } from "../protocol/control.ts";
import { AGENT_TOOL, decodeExec, encodeU32s } from "../protocol/messages.ts";
import { SharedServers } from "./servers.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("SharedServers listens on the guest's ports, and tells the guest the ports of others", async () => {
  using folder = makeTempFolder();
  using runner = Deno.listen({ transport: "unix", path: `${folder.path}/control.sock` });
  const [own, other] = [freePort(), freePort()];
  let datagrams: number[] = [];
  const servers = new SharedServers(folder.path, (ports) => datagrams = [...ports]);
  const following = servers.follow();
  using tool = new FramePeer(await runner.accept());
  assert.deepEqual(decodeExec((await tool.next())!.payload).argv, [AGENT_TOOL, "listeners", "192.168.127.1"]);
  await tool.send(MSG.STARTED, CLIENT_STREAM, encodeU32s(1));
  const toGuest = async () => {
    let frame = (await tool.next())!;
    while (frame.type !== MSG.STDIN) frame = (await tool.next())!;
    return new TextDecoder().decode(frame.payload);
  };
  const fromGuest = (text: string) => tool.send(MSG.STDOUT, CLIENT_STREAM, bytes(text));

  await fromGuest(`l ${own}\nu 53\n\n`);
  assert.equal(await toGuest(), "\n");
  assert.deepEqual(datagrams, [53]);
  servers.takePorts(bytes(`4 ${own}\n4 ${other}\n\n`));
  assert.equal(await toGuest(), `${other}\n`);

  using client = await Deno.connect({ hostname: "127.0.0.1", port: own });
  using connection = new FramePeer(await runner.accept());
  assert.deepEqual(decodeExec((await connection.next())!.payload).argv, [AGENT_TOOL, "connect", `${own}`]);

  // The guest's server may be restarting, or another container may take the port: the next list tells.
  await fromGuest("\n");
  await until(() => isFree(own));
  servers.takePorts(bytes(`4 ${own}\n\n`));
  assert.equal(await toGuest(), `${own}\n`);
  client.close();
  tool[Symbol.dispose]();
  await following;
});

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}
