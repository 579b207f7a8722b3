/**
 * The control socket: a client of a machine speaks to its runner in the frames of the agent, standing in the host's
 * place for one command. What only the two of them say is here.
 *
 *   client to runner   stream  payload
 *   CONTROL.ATTACH     exec    nothing: the first frame. The client takes over the command's streams; what the
 *                              command wrote before is held for it, within the streams' windows. Refused, by the
 *                              connection's end, when the machine was started for no client or has another one
 *   CONTROL.STOP       0       u32 signal number of Linux, u32 ms: the first frame. The command is sent that signal; what
 *                              is left in the guest after so long is killed. The connection ends with the machine
 *   MSG.STDIN, RESIZE, SIGNAL, CREDIT      as to the agent, once MSG.STARTED has come
 *
 *   runner to client
 *   MSG.STARTED, STDOUT, STDERR, STDIN_CREDIT, EXITED, FAILED      as from the agent
 *
 * A connection that ends before EXITED or FAILED means that the machine is gone; its status says why.
 *
 * @module
 */

import { decodeU32s, encodeU32s } from "./messages.ts";
import { ProtocolError } from "./payload.ts";

export const CONTROL = { ATTACH: 64, STOP: 65 } as const;

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
  if (signal < 1 || signal > 64) throw new ProtocolError(`signal ${signal}`);
  return { signal, timeoutMs };
}

/** The stream of the machine's own command. */
export const MAIN_STREAM = 1;
