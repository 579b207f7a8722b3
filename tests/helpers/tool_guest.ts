import assert from "node:assert/strict";
import { MSG } from "../../src/protocol/constants.ts";
import { CLIENT_STREAM } from "../../src/protocol/control.ts";
import { AGENT_TOOL, decodeExec, encodeU32s } from "../../src/protocol/messages.ts";
import type { ReadableMachine } from "../../src/state/lookup.ts";
import { CREATED } from "../../src/state/status.ts";
import { FramePeer } from "./frame_peer.ts";
import { makeRecord } from "./machines.ts";
import { makeTempFolder } from "./temp_folder.ts";

/** A fake runner of a machine; the test answers in place of the agent's tools. */
export interface ToolGuest {
  machine: ReadableMachine;
  /** A folder on the host. */
  here: string;
  /** Starts the requested tool and returns its arguments. */
  tool(): Promise<string[]>;
  say(type: number, payload?: Uint8Array): Promise<void>;
  /** All input of the tool. */
  input(): Promise<number[]>;
  /** Closes the connection, as if the machine had died. */
  die(): void;
  /** Settles when the client has disconnected from the tool. */
  left(): Promise<void>;
}

/** Runs a test that acts as the agent's tool of this name. */
export async function withGuest(name: string, test: (guest: ToolGuest) => Promise<void>): Promise<void> {
  using folder = makeTempFolder();
  const { path } = folder;
  using listener = Deno.listen({ transport: "unix", path: `${path}/control.sock` });
  const status: ReadableMachine["status"] = { ...CREATED, state: "running" };
  const machine = {
    id: "0123456789ab",
    folder: path,
    runtimeFolder: path,
    ephemeral: false,
    record: makeRecord(),
    status,
  };
  Deno.mkdirSync(`${path}/here`);
  let peer: FramePeer | undefined;
  const say = (type: number, payload?: Uint8Array) => peer!.send(type, CLIENT_STREAM, payload);
  await test({
    machine,
    here: `${path}/here`,
    async tool() {
      peer = new FramePeer(await listener.accept());
      const { argv, user, cwd } = decodeExec((await peer.next())!.payload);
      assert.deepEqual([argv[0], argv[1], user, cwd], [AGENT_TOOL, name, "0:0", "/"]);
      await say(MSG.STARTED, encodeU32s(1));
      return argv.slice(2);
    },
    say,
    async input() {
      const bytes: number[] = [];
      for (let frame = await peer!.next(); frame && frame.payload.length > 0; frame = await peer!.next()) {
        if (frame.type !== MSG.STDIN) continue;
        bytes.push(...frame.payload);
        // The client may have closed the connection.
        await say(MSG.STDIN_CREDIT, encodeU32s(frame.payload.length)).catch(() => {});
      }
      return bytes;
    },
    die: () => peer![Symbol.dispose](),
    async left() {
      while (await peer!.next() !== undefined);
    },
  });
  peer?.[Symbol.dispose]();
}
