/**
 * The control protocol: a client of a machine talks to its runner over the control socket, in the agent's frames. For
 * one command the client acts as the host does towards the agent. This file defines the messages that the agent lacks.
 *
 *   client to runner: the first frame is the request
 *                      stream         payload
 *   CONTROL.ATTACH     CLIENT_STREAM  nothing. The client shares the streams of the machine's command, from now on, or
 *                                     from the start if the command waits for this client. Closing the connection
 *                                     detaches it
 *   CONTROL.EXEC       CLIENT_STREAM  as MSG.EXEC. Runs a new command; closing the connection kills it
 *   CONTROL.SPAWN      CLIENT_STREAM  as MSG.EXEC. Runs a new command that continues without the client
 *   CONTROL.WAIT       CLIENT_STREAM  nothing. Requests only EXITED or FAILED of the machine's command
 *   CONTROL.SIGNAL     0              u32 Linux signal number, for the machine's command. The runner closes the
 *                                     connection once the client has closed its write side
 *   CONTROL.STOP       0              u32 Linux signal number, u32 ms. The command gets the signal; after the time
 *                                     everything left in the guest is killed. The connection ends with the machine
 *
 *   client to runner, after MSG.STARTED
 *   MSG.STDIN, RESIZE, SIGNAL, CREDIT      as to the agent, on CLIENT_STREAM. Only the client that the command waited
 *                                          for can end its input; an end from another client is ignored
 *
 *   runner to client
 *   MSG.STARTED, STDOUT, STDERR, STDIN_CREDIT, EXITED, FAILED      as from the agent, on CLIENT_STREAM
 *
 * A runner records its version of this protocol (`CONTROL_VERSION`) in the machine's `process.json`. STOP, WAIT and
 * SIGNAL mean the same in every version, so that any version of smolvm can end a machine.
 *
 * A connection that closes before EXITED or FAILED means that the machine or its command is gone; the machine's status
 * has the reason.
 *
 * @module
 */

import { decodeU32, decodeU32s, encodeU32s } from "./messages.ts";
import { ProtocolError } from "./payload.ts";

export const CONTROL = { ATTACH: 64, STOP: 65, EXEC: 66, SPAWN: 67, WAIT: 68, SIGNAL: 69 } as const;

/** The stream of a connection's command, independent of its stream in the agent protocol. */
export const CLIENT_STREAM = 1;

/** The default time-out for a command that was asked to stop, in ms; the same as docker's. */
export const STOP_TIMEOUT_MS = 10_000;

/** How to stop a machine. */
export interface StopRequest {
  /** The Linux number of the signal that asks the command to stop. */
  signal: number;
  /** How long the command may take to exit, in ms. */
  timeoutMs: number;
}

export function encodeStop({ signal, timeoutMs }: StopRequest): Uint8Array<ArrayBuffer> {
  return encodeU32s(signal, timeoutMs);
}

export function decodeStop(payload: Uint8Array): StopRequest {
  const [signal, timeoutMs] = decodeU32s(payload, 2) as [number, number];
  return { signal: checkSignal(signal), timeoutMs };
}

/** Decodes the payload of CONTROL.SIGNAL. */
export function decodeSignal(payload: Uint8Array): number {
  return checkSignal(decodeU32(payload));
}

function checkSignal(signal: number): number {
  if (signal < 1 || signal > 64) throw new ProtocolError(`signal ${signal}`);
  return signal;
}

/** The stream of the machine's own command in the agent protocol; other commands have higher ones. */
export const MAIN_STREAM = 1;
