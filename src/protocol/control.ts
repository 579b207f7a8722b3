/**
 * The control socket: a client of a machine speaks to its runner in the frames of the agent, standing in the host's
 * place for one command. What only the two of them say is here.
 *
 *   client to runner   stream  payload
 *   CONTROL.ATTACH     exec    nothing: the first frame. The client takes over the command's streams; what the
 *                              command wrote before is held for it, within the streams' windows
 *   MSG.STDIN, RESIZE, SIGNAL, CREDIT      as to the agent, once MSG.STARTED has come
 *
 *   runner to client
 *   MSG.STARTED, STDOUT, STDERR, STDIN_CREDIT, EXITED, FAILED      as from the agent
 *
 * A connection that ends before EXITED or FAILED means that the machine is gone; its status says why.
 *
 * @module
 */

export const CONTROL = { ATTACH: 64 } as const;

/** The stream of the machine's own command. */
export const MAIN_STREAM = 1;
