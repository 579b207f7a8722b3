/**
 * The control socket: a client of a machine speaks to its runner in the frames of the agent, standing in the host's
 * place for one command. What only the two of them say is here.
 *
 *   client to runner: its first frame says what it wants
 *                      stream         payload
 *   CONTROL.ATTACH     CLIENT_STREAM  nothing. The client shares in the streams of the machine's command, from now on,
 *                                     or from the start if it is the one that the command waits for. The connection's
 *                                     end detaches it
 *   CONTROL.EXEC       CLIENT_STREAM  that of MSG.EXEC. A command of the client's own: the connection's end kills it
 *   CONTROL.SPAWN      CLIENT_STREAM  that of MSG.EXEC. The same, but the command goes on without the client
 *   CONTROL.WAIT       CLIENT_STREAM  nothing. Of the machine's command only EXITED or FAILED is wanted
 *   CONTROL.SIGNAL     0              u32 signal number of Linux, for the machine's command. The runner ends the
 *                                     connection once the client has ended its own direction of it
 *   CONTROL.STOP       0              u32 signal number of Linux, u32 ms. The command is sent that signal; what is left
 *                                     in the guest after so long is killed. The connection ends with the machine
 *
 *   client to runner, once MSG.STARTED has come
 *   MSG.STDIN, RESIZE, SIGNAL, CREDIT      as to the agent, on CLIENT_STREAM. The end of the command's input is that
 *                                          of the client that it waited for; the end of another's is ignored
 *
 *   runner to client
 *   MSG.STARTED, STDOUT, STDERR, STDIN_CREDIT, EXITED, FAILED      as from the agent, on CLIENT_STREAM
 *
 * A connection that ends before EXITED or FAILED means that the machine, or its command, is gone; its status says why.
 *
 * @module
 */

import { decodeU32, decodeU32s, encodeU32s } from "./messages.ts";
import { ProtocolError } from "./payload.ts";

export const CONTROL = { ATTACH: 64, STOP: 65, EXEC: 66, SPAWN: 67, WAIT: 68, SIGNAL: 69 } as const;

/** The stream of the one command that a connection is about, whatever it is to the agent. */
export const CLIENT_STREAM = 1;

/** How a machine is to be stopped. */
export interface StopRequest {
  /** Number on Linux of the signal that asks the command to end. */
  signal: number;
  /** How long the command may take, in ms. */
  timeoutMs: number;
}

export function encodeStop({ signal, timeoutMs }: StopRequest): Uint8Array<ArrayBuffer> {
  return encodeU32s(signal, timeoutMs);
}

export function decodeStop(payload: Uint8Array): StopRequest {
  const [signal, timeoutMs] = decodeU32s(payload, 2) as [number, number];
  return { signal: checkSignal(signal), timeoutMs };
}

/** The number that CONTROL.SIGNAL brings. */
export function decodeSignal(payload: Uint8Array): number {
  return checkSignal(decodeU32(payload));
}

function checkSignal(signal: number): number {
  if (signal < 1 || signal > 64) throw new ProtocolError(`signal ${signal}`);
  return signal;
}

/** The stream of the machine's own command, to the agent; those of others are above. */
export const MAIN_STREAM = 1;
