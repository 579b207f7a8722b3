/**
 * The numbers of the protocol. `src/guest/wire/protocol.h` documents them, and a test compares the two.
 *
 * @module
 */

/** Version that both sides must speak. */
export const PROTOCOL_VERSION = 1;
/** The vsock port of the host that the agent dials. */
export const AGENT_PORT = 7070;

export const FRAME_HEADER_BYTES = 12;
/** Largest frame of the guest, header included. */
export const GUEST_FRAME_MAX = 16 * 1024;
/** Largest payload of a frame of the host. */
export const HOST_PAYLOAD_MAX = 2 * 1024 * 1024;
/** Bytes of frames that the guest may have unacknowledged. */
export const CONNECTION_WINDOW = 128 * 1024;
/** The host acknowledges at least this often, in bytes. */
export const ACK_EVERY = 32 * 1024;
/** Bytes of one output stream that may be in flight, and of the input of a client until the runner gives it more. */
export const STREAM_WINDOW = 64 * 1024;
/** Bytes of a command's input that may be in flight. */
export const INPUT_WINDOW = 256 * 1024;

/** Message types: below 32 from the host, from 32 on from the guest. */
export const MSG = {
  SETUP: 1,
  EXEC: 2,
  STDIN: 3,
  RESIZE: 4,
  SIGNAL: 5,
  CREDIT: 6,
  ACK: 7,
  SHUTDOWN: 8,
  CLOCK: 9,

  HELLO: 32,
  READY: 33,
  STARTED: 34,
  STDOUT: 35,
  STDERR: 36,
  STDIN_CREDIT: 37,
  EXITED: 38,
  FAILED: 39,
  BYE: 40,
} as const;

export const CHANNEL = { STDOUT: 1, STDERR: 2 } as const;
export const EXIT = { CODE: 0, SIGNAL: 1, OUT_OF_MEMORY: 2 } as const;
export const STAGE = { SETUP: 0, USER: 1, CWD: 2, EXEC: 3, SPAWN: 4 } as const;

export const SETUP_OVERLAY = 1;
export const SETUP_EPHEMERAL = 2;
export const SETUP_WRITABLE = 4;
/** In the mode of a file: its content goes to the end of the file that is there. */
export const FILE_BLOCK = 65_536;
export const MOUNT_READ_ONLY = 1;
export const MOUNT_TMPFS = 2;
export const MOUNT_NO_SUID = 4;
export const MOUNT_NO_DEVICES = 8;
export const MOUNT_NO_EXEC = 16;
export const CLOCK_JUMPED = 1;
export const EXEC_TTY = 1;
export const EXEC_STDIN = 2;
export const EXEC_MAKE_CWD = 4;
export const EXEC_PID1 = 8;
