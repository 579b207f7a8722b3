import assert from "node:assert/strict";
import { connectedPair, type FramePeer } from "../../tests/helpers/frame_peer.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import type { SmolvmError } from "../errors.ts";
import { AgentConnection } from "../protocol/agent_connection.ts";
import { CHANNEL, MSG, PROTOCOL_VERSION, STAGE } from "../protocol/constants.ts";
import { MAIN_STREAM } from "../protocol/control.ts";
import type { Frame } from "../protocol/frame.ts";
import {
  encodeExec,
  encodeExited,
  encodeFailure,
  encodeU32s,
  type Exec,
  type ExitStatus,
  type Setup,
} from "../protocol/messages.ts";
import { vmFolder } from "../state/machine_folders.ts";
import { CREATED, type MachineStatus, readStatus } from "../state/status.ts";
import { CommandRelay } from "./command_relay.ts";
import { GuestSession } from "./guest_session.ts";
import { StatusWriter } from "./status_writer.ts";
import { pause, until } from "../../tests/helpers/until.ts";

const SETUP: Setup = {
  clockNs: 1n,
  hostname: "guest",
  overlay: true,
  ephemeral: false,
  rootfs: "/",
  files: [],
  mounts: [],
  rlimits: [],
  interfaces: [],
  shareFiles: 0,
};
const EXEC: Exec = {
  argv: ["true"],
  env: [],
  cwd: "/",
  makeCwd: true,
  pid1: true,
  user: "",
  tty: undefined,
  stdin: false,
};
/** Longer than a test takes. */
const LATER_MS = 60_000;

/** A session with a fake agent that has dialled and sent nothing yet. */
interface TestSession {
  session: GuestSession;
  agent: FramePeer;
  status: HeldStatusWriter;
  /** The machine's folder. */
  folder: string;
  relay: CommandRelay;
  /** The arguments of `onStarted`, and the status on disk at that moment. */
  reports: { error: SmolvmError | undefined; status: MachineStatus | undefined }[];
}

/** A status writer whose changes a test can delay. */
class HeldStatusWriter extends StatusWriter {
  held: Promise<void> = Promise.resolve();

  override async set(change: Partial<MachineStatus>): Promise<void> {
    await Promise.all([super.set(change), this.held]);
  }
}

async function withSession(test: (session: TestSession) => Promise<void>): Promise<void> {
  using temp = makeTempFolder();
  const folder = `${temp.path}/machine`;
  Deno.mkdirSync(vmFolder(folder), { recursive: true });
  const { conn, peer } = await connectedPair();
  using agent = peer;
  const connection = new AgentConnection(conn);
  const status = new HeldStatusWriter(folder, { ...CREATED, state: "starting" });
  const relay = new CommandRelay(connection, MAIN_STREAM, { awaitsClient: false });
  const reports: TestSession["reports"] = [];
  const onStarted = (error?: SmolvmError) => void reports.push({ error, status: readStatus(folder) });
  const session = new GuestSession(connection, { exec: EXEC, status, relay, onStarted });
  try {
    await test({ session, agent, status, folder, relay, reports });
  } finally {
    connection.close();
  }
}

async function sayHello(agent: FramePeer): Promise<void> {
  await agent.send(MSG.HELLO, 0, encodeU32s(PROTOCOL_VERSION));
  assert.equal((await agent.next())?.type, MSG.SETUP);
}

/** Fails unless the host sends the machine's command. */
async function assertAsked(agent: FramePeer): Promise<void> {
  assert.deepEqual(await agent.next(), { type: MSG.EXEC, stream: MAIN_STREAM, payload: encodeExec(EXEC) });
}

/** Brings a session to the state in which the guest has its command. */
async function ready({ session, agent }: TestSession): Promise<AsyncIterator<Frame, boolean>> {
  const frames = session.start(() => SETUP);
  await sayHello(agent);
  // The host sends the command before the guest is ready, which saves a round trip.
  await assertAsked(agent);
  await agent.send(MSG.READY);
  return await frames;
}

const started = (agent: FramePeer) => agent.send(MSG.STARTED, MAIN_STREAM, encodeU32s(7));
const exited = (agent: FramePeer, status: ExitStatus) => agent.send(MSG.EXITED, MAIN_STREAM, encodeExited(status));
const failed = (agent: FramePeer) =>
  agent.send(MSG.FAILED, MAIN_STREAM, encodeFailure({ errno: 2, stage: STAGE.EXEC, text: "none" }));
const SHUTDOWN: Frame = { type: MSG.SHUTDOWN, stream: 0, payload: new Uint8Array() };
const signal = (number: number): Frame => ({ type: MSG.SIGNAL, stream: MAIN_STREAM, payload: encodeU32s(number) });

/** Fails unless the host sends nothing more to a guest that sends BYE. */
async function assertGoodbye({ session, agent }: TestSession, frames: AsyncIterator<Frame, boolean>): Promise<void> {
  await agent.send(MSG.BYE);
  await session.goodbye(frames);
  await assertSilent(agent);
}

/** Fails if the host sends anything within 20 ms. */
async function assertSilent(agent: FramePeer): Promise<void> {
  assert.equal(await Promise.race([agent.next(), pause(20)]), undefined);
}

Deno.test("GuestSession runs its command, and shuts the guest down when the command has ended", () =>
  withSession(async (test) => {
    const { session, agent, folder, relay, reports } = test;
    const frames = await ready(test);
    const done = session.runCommand(frames);
    assert.equal(reports.length, 0);
    await started(agent);
    await agent.send(MSG.STDOUT, MAIN_STREAM, new Uint8Array(3));
    assert.deepEqual((await agent.next())?.payload, encodeU32s(CHANNEL.STDOUT, 3), "the relay has it");
    const [report, ...others] = reports;
    assert.ok(report?.status?.started);
    assert.deepEqual([report.error, report.status.state, others.length], [undefined, "running", 0]);
    await exited(agent, { code: 3 });
    assert.deepEqual(await agent.next(), SHUTDOWN);
    await Promise.all([done, relay.finished]);
    assert.deepEqual(readStatus(folder), { ...report.status, state: "stopping", exit: { code: 3 } });
    await assertGoodbye(test, frames);
  }));

Deno.test("GuestSession reports why its command could not be started, after it has written the status", () =>
  withSession(async (test) => {
    const { session, agent, relay, reports } = test;
    const frames = await ready(test);
    const done = session.runCommand(frames);
    await failed(agent);
    assert.deepEqual(await agent.next(), SHUTDOWN);
    await Promise.all([done, relay.finished]);
    assert.equal(reports.length, 1);
    const { error, status } = reports[0]!;
    assert.equal(error?.code, "not-found");
    assert.deepEqual([status?.state, status?.error?.message], ["failed", error.message]);
    await assertGoodbye(test, frames);
  }));

Deno.test("GuestSession.stop() sends the signal, and shuts the guest down when its command ignores it", () =>
  withSession(async (test) => {
    const { session, agent, folder } = test;
    const frames = await ready(test);
    const done = session.runCommand(frames);
    await started(agent);
    await session.stop({ signal: 15, timeoutMs: 30 });
    assert.equal(readStatus(folder)?.state, "stopping");
    assert.deepEqual(await agent.next(), signal(15));
    assert.deepEqual(await agent.next(), SHUTDOWN);
    await exited(agent, { signal: 9 });
    await done;
    assert.deepEqual(readStatus(folder)?.exit, { signal: 9 });
    await assertGoodbye(test, frames);
  }));

Deno.test("GuestSession.stop() shuts the guest down as soon as its command has ended", () =>
  withSession(async (test) => {
    const { session, agent } = test;
    const frames = await ready(test);
    const done = session.runCommand(frames);
    await session.stop({ signal: 2, timeoutMs: LATER_MS });
    assert.deepEqual(await agent.next(), signal(2));
    await started(agent);
    await exited(agent, { signal: 2 });
    assert.deepEqual(await agent.next(), SHUTDOWN);
    await done;
    await assertGoodbye(test, frames);
  }));

Deno.test("GuestSession.stop() keeps the stopping state when the command starts meanwhile", () =>
  withSession(async (test) => {
    const { session, agent, reports } = test;
    const done = session.runCommand(await ready(test));
    await session.stop({ signal: 15, timeoutMs: LATER_MS });
    await started(agent);
    await exited(agent, { code: 0 });
    await done;
    assert.equal(reports[0]?.status?.state, "stopping");
  }));

Deno.test("GuestSession.stop() replaces an earlier request to stop", () =>
  withSession(async (test) => {
    const { session, agent } = test;
    const done = session.runCommand(await ready(test));
    await session.stop({ signal: 15, timeoutMs: 200 });
    await session.stop({ signal: 2, timeoutMs: LATER_MS });
    await pause(250);
    await session.stop({ signal: 9, timeoutMs: 0 });
    for (const frame of [signal(15), signal(2), signal(9), SHUTDOWN]) assert.deepEqual(await agent.next(), frame);
    await exited(agent, { signal: 9 });
    await done;
  }));

Deno.test("GuestSession.stop() before the guest has booted shuts it down without its command", () =>
  withSession(async ({ session, agent, folder, reports }) => {
    const starting = session.start(() => SETUP);
    await session.stop({ signal: 15, timeoutMs: LATER_MS });
    assert.equal(readStatus(folder)?.state, "stopping");
    await sayHello(agent);
    await agent.send(MSG.READY);
    const done = session.runCommand(await starting);
    assert.deepEqual(await agent.next(), SHUTDOWN);
    await agent.send(MSG.BYE);
    await assert.rejects(done, {
      code: "interrupted",
      message: "The machine was stopped before its command started",
    });
    assert.deepEqual(reports, []);
    await assertSilent(agent);
  }));

Deno.test("GuestSession.stop() during the setup signals the command, and shuts the guest down once ready", () =>
  withSession(async (test) => {
    const { session, agent } = test;
    const starting = session.start(() => SETUP);
    await sayHello(agent);
    await assertAsked(agent);
    await session.stop({ signal: 15, timeoutMs: 0 });
    assert.deepEqual(await agent.next(), signal(15));
    // The time-out has passed.
    await pause(50);
    await agent.send(MSG.READY);
    const frames = await starting;
    assert.deepEqual(await agent.next(), SHUTDOWN);
    const done = session.runCommand(frames);
    await started(agent);
    await exited(agent, { signal: 15 });
    await done;
    await assertGoodbye(test, frames);
  }));

Deno.test("GuestSession.stop() sends no signal if the guest is shut down while the status is written", () =>
  withSession(async (test) => {
    const { session, agent, status } = test;
    const { promise, resolve } = Promise.withResolvers<void>();
    const starting = session.start(() => SETUP);
    status.held = promise;
    const stopping = session.stop({ signal: 15, timeoutMs: 0 });
    await sayHello(agent);
    await agent.send(MSG.READY);
    await starting;
    resolve();
    await stopping;
    assert.deepEqual(await agent.next(), SHUTDOWN);
    await assertSilent(agent);
  }));

Deno.test("GuestSession.stop() does not change how a command has ended", () =>
  withSession(async (test) => {
    const { session, agent, status } = test;
    const { promise, resolve } = Promise.withResolvers<void>();
    const frames = await ready(test);
    const done = session.runCommand(frames);
    status.held = promise;
    await failed(agent);
    // The status that the command has failed is being written.
    await until(() => status.current.state === "failed", { everyMs: 1 });
    const stopping = session.stop({ signal: 15, timeoutMs: 0 });
    resolve();
    await Promise.all([done, stopping]);
    assert.equal(status.current.state, "failed");
    assert.deepEqual(await agent.next(), SHUTDOWN);
    await assertGoodbye(test, frames);
  }));

Deno.test("GuestSession reports a guest that ended before its command", async () => {
  const ends: ((agent: FramePeer) => Promise<void> | void)[] = [
    (agent) => agent[Symbol.dispose](),
    (agent) => agent.send(MSG.BYE),
    async (agent) => {
      await started(agent);
      agent[Symbol.dispose]();
    },
  ];
  for (const end of ends) {
    await withSession(async (test) => {
      const frames = await ready(test);
      await end(test.agent);
      await assert.rejects(test.session.runCommand(frames), {
        code: "guest",
        message: "The guest ended before its command",
      });
    });
  }
});

Deno.test("GuestSession reports a guest that ended without BYE, and a second last frame of its command", async () => {
  await withSession(async (test) => {
    const frames = await ready(test);
    await exited(test.agent, { code: 0 });
    await test.session.runCommand(frames);
    test.agent[Symbol.dispose]();
    await assert.rejects(test.session.goodbye(frames), {
      code: "guest",
      message: "The guest ended without syncing its disk",
    });
  });
  await withSession(async (test) => {
    const frames = await ready(test);
    await exited(test.agent, { code: 0 });
    await exited(test.agent, { code: 1 });
    await test.session.runCommand(frames);
    await assert.rejects(test.session.goodbye(frames), {
      name: "ProtocolError",
      message: `stream ${MAIN_STREAM} does not exist`,
    });
    assert.deepEqual(test.status.current.exit, { code: 0 });
  });
});

const OTHER: Exec = { ...EXEC, argv: ["false"] };
const OTHER_STREAM = MAIN_STREAM + 1;

Deno.test("GuestSession runs other commands once the guest is ready, each on a separate stream", () =>
  withSession(async (test) => {
    const { session, agent } = test;
    const asked = [session.exec(OTHER), session.exec(OTHER)];
    const frames = await ready(test);
    const relays = await Promise.all(asked);
    for (const stream of [OTHER_STREAM, OTHER_STREAM + 1]) {
      assert.deepEqual(await agent.next(), { type: MSG.EXEC, stream, payload: encodeExec(OTHER) });
    }
    const done = session.runCommand(frames);
    for (const relay of relays) relay.release();
    await agent.send(MSG.EXITED, OTHER_STREAM + 1, encodeExited({ code: 1 }));
    await relays[1]!.finished;
    await agent.send(MSG.STDOUT, OTHER_STREAM, new Uint8Array(7));
    assert.deepEqual(await agent.next(), {
      type: MSG.CREDIT,
      stream: OTHER_STREAM,
      payload: encodeU32s(CHANNEL.STDOUT, 7),
    });
    await exited(agent, { code: 0 });
    await done;
    assert.deepEqual(await agent.next(), SHUTDOWN);
    // The guest reports the commands that it killed before BYE.
    await agent.send(MSG.EXITED, OTHER_STREAM, encodeExited({ signal: 9 }));
    await assertGoodbye(test, frames);
    await session.finished;
  }));

Deno.test("GuestSession.finished settles when the last frame of every command has reached its client", () =>
  withSession(async (test) => {
    const { session, agent, relay } = test;
    const frames = await ready(test);
    const other = await session.exec(OTHER);
    const done = session.runCommand(frames);
    await exited(agent, { code: 0 });
    await done;
    await agent.send(MSG.EXITED, OTHER_STREAM, encodeExited({ signal: 9 }));
    await agent.send(MSG.BYE);
    await session.goodbye(frames);
    await relay.finished;
    let finished = false;
    session.finished.then(() => finished = true);
    await pause(10);
    assert.equal(finished, false, "a client is awaited");
    other.release();
    await session.finished;
  }));

Deno.test("GuestSession.finished settles after the guest has ended, even if commands have no last frame", () =>
  withSession(async (test) => {
    const { session, agent } = test;
    const frames = await ready(test);
    (await session.exec(OTHER)).release();
    const done = session.runCommand(frames);
    await exited(agent, { code: 0 });
    await done;
    await agent.send(MSG.BYE);
    await session.goodbye(frames);
    (await session.exec(OTHER)).release();
    await session.finished;
  }));

Deno.test("GuestSession refuses the frames of a command that has ended", () =>
  withSession(async (test) => {
    const frames = await ready(test);
    const other = await test.session.exec(OTHER);
    other.release();
    for (let time = 0; time < 2; time++) await test.agent.send(MSG.EXITED, OTHER_STREAM, encodeExited({ code: 0 }));
    await assert.rejects(test.session.runCommand(frames), { message: `stream ${OTHER_STREAM} does not exist` });
  }));

Deno.test("GuestSession refuses the frames of a command that does not exist", () =>
  withSession(async (test) => {
    const frames = await ready(test);
    await test.agent.send(MSG.STDOUT, MAIN_STREAM + 1, new Uint8Array(1));
    await assert.rejects(test.session.runCommand(frames), {
      name: "ProtocolError",
      message: `stream ${MAIN_STREAM + 1} does not exist`,
    });
  }));

Deno.test("GuestSession does not report a command as started if the status cannot be written", () =>
  withSession(async (test) => {
    const frames = await ready(test);
    Deno.removeSync(test.folder, { recursive: true });
    await started(test.agent);
    await assert.rejects(test.session.runCommand(frames), { code: "storage" });
    assert.deepEqual(test.reports, []);
  }));

Deno.test("GuestSession shuts a guest down even if the status cannot be written any more", async () => {
  const ends = [(agent: FramePeer) => exited(agent, { code: 0 }), failed];
  for (const end of ends) {
    await withSession(async (test) => {
      const { session, agent, folder, relay } = test;
      const frames = await ready(test);
      const done = session.runCommand(frames);
      Deno.removeSync(folder, { recursive: true });
      await session.stop({ signal: 15, timeoutMs: LATER_MS });
      assert.deepEqual(await agent.next(), signal(15));
      await end(agent);
      assert.deepEqual(await agent.next(), SHUTDOWN);
      await Promise.all([done, relay.finished]);
      await assertGoodbye(test, frames);
    });
  }
});
