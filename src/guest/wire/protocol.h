/*
 * The smolvm protocol, version 1.
 *
 * The guest's agent dials vsock port SMOLVM_PORT of the host (CID 2) once; everything between the two travels on
 * that one connection. The runner speaks the same frames on its control socket, where a client stands in the
 * host's place (src/protocol/control.ts).
 *
 * FRAME, little-endian, 12 bytes of header and a payload:
 *
 *     u32 length    bytes of payload that follow the header
 *     u32 type      one of MSG_*
 *     u32 stream    which command (exec) it belongs to, chosen by the host; 0 is the connection itself
 *
 * A guest frame with its header is at most 16 KiB, written with writes of at most 16 KiB (libkrun drops larger
 * ones); a host frame's payload is at most 2 MiB, what the kernel takes as argv and environment. Either side ends
 * the connection on a frame over its limit, an unknown type or a malformed payload.
 *
 * FIELDS of payloads: u32; u64; `str` is a u32 length and that many bytes, without NUL inside; `blob` is a
 * u32 length and any bytes; `list` is a u32 count and that many items. A payload holds its fields and nothing else.
 *
 *   host to guest                  stream  payload
 *   MSG_SETUP                      0       u64 clock (ns since 1970), str hostname, u32 SETUP_* flags, str rootfs,
 *                                          list of files  { str path, u32 mode, blob content },
 *                                          list of mounts { str source, str target, u32 MOUNT_* flags },
 *                                          list of rlimits { u32 resource, u64 soft, u64 hard },
 *                                          list of interfaces { str name, u32 address, u32 prefix, u32 gateway,
 *                                          u32 mtu, and of IPv6: u64, u64 address, u32 prefix, u64, u64 gateway }:
 *                                          addresses as numbers, one of IPv6 by its upper half and its lower one, a
 *                                          prefix in bits, a gateway that the default route leads to; 0: no
 *                                          route, and without a prefix of IPv6 no address of it
 *   MSG_EXEC                       new     u32 EXEC_* flags, u32 rows, u32 columns, str cwd, str user,
 *                                          list of argv { str }, list of env { str "KEY=VALUE" }
 *   MSG_STDIN                      exec    bytes; none: end of input
 *   MSG_RESIZE                     exec    u32 rows, u32 columns
 *   MSG_SIGNAL                     exec    u32 signal number of Linux; SIGKILL is for the command's whole session
 *   MSG_CREDIT                     exec    u32 channel (1 stdout, 2 stderr), u32 bytes the consumer has taken
 *   MSG_ACK                        0       u32 bytes of frames, headers included, received since the last one
 *   MSG_SHUTDOWN                   0       nothing
 *   MSG_CLOCK                      0       u64 the host's clock (ns since 1970), u32 CLOCK_* flags
 *
 *   guest to host
 *   MSG_HELLO                      0       u32 version
 *   MSG_READY                      0       nothing: the setup is done
 *   MSG_STARTED                    exec    u32 pid: execve succeeded
 *   MSG_STDOUT, MSG_STDERR         exec    bytes; none: end of the stream (a pty has stdout only)
 *   MSG_STDIN_CREDIT               exec    u32 bytes of input the command has taken
 *   MSG_EXITED                     exec    u32 kind (0 exit code, 1 signal; 2 more when the kernel killed a process for
 *                                          memory meanwhile), u32 value; the exec's last frame
 *   MSG_FAILED                     any     u32 errno, u32 STAGE_*, str what failed. Stream 0: the setup, the guest
 *                                          is lost. Else the exec never started; its last frame
 *   MSG_BYE                        0       nothing: every process is dead, what was written is synced; the guest
 *                                          reboots next, which ends the VM
 *
 * A source (rootfs, and that of a mount) is an absolute path in the boot folder, or else the tag of a virtiofs share,
 * which the agent mounts at /s/<tag>. With MOUNT_TMPFS the source holds options of a new tmpfs instead, "size=64k".
 * A source that is a file is bound onto a file. Mounts are attached in their order.
 *
 * ORDER: HELLO, SETUP, READY; EXECs at any time after SETUP, CLOCKs and SHUTDOWN at any time after READY; BYE is the last
 * frame. What the host says of an exec that is not there is ignored: it may have ended meanwhile.
 *
 * FLOW CONTROL. libkrun stops a guest-to-host stream for good when the host stays silent too long, so there are
 * two windows, both counted by the sender and refilled by the receiver:
 *   - connection: the guest has at most CONNECTION_WINDOW bytes of frames (headers included) unacknowledged; the
 *     host sends MSG_ACK at least every ACK_EVERY bytes, as it reads, whatever becomes of the data. HELLO counts.
 *     MSG_STARTED, MSG_EXITED, MSG_FAILED, MSG_BYE and the like wait for the window as data does. The guest
 *     reboots when its last frame, MSG_BYE or a MSG_FAILED of stream 0, is acknowledged, or after a second or two: a
 *     host that does not acknowledge it has that long to put things in order before the VM's end takes it along.
 *   - stream: at most STREAM_WINDOW bytes of payload of each of an exec's stdout and stderr, and INPUT_WINDOW of its
 *     stdin, are on their way or held by anyone in between; the consumer's MSG_CREDIT or MSG_STDIN_CREDIT gives them
 *     back. The consumer may gather up to half of the window before it does.
 */
#ifndef SMOLVM_PROTOCOL_H
#define SMOLVM_PROTOCOL_H

#define SMOLVM_PROTOCOL_VERSION 1
#define SMOLVM_PORT 7070

#define FRAME_HEADER_BYTES 12
#define GUEST_FRAME_MAX (16 * 1024)       /* header and payload */
#define HOST_PAYLOAD_MAX (2 * 1024 * 1024) /* payload only */
#define CONNECTION_WINDOW (128 * 1024)
#define ACK_EVERY (32 * 1024)
#define STREAM_WINDOW (64 * 1024)
#define INPUT_WINDOW (256 * 1024)

enum message {
	MSG_SETUP = 1,
	MSG_EXEC = 2,
	MSG_STDIN = 3,
	MSG_RESIZE = 4,
	MSG_SIGNAL = 5,
	MSG_CREDIT = 6,
	MSG_ACK = 7,
	MSG_SHUTDOWN = 8,
	MSG_CLOCK = 9,

	MSG_HELLO = 32,
	MSG_READY = 33,
	MSG_STARTED = 34,
	MSG_STDOUT = 35,
	MSG_STDERR = 36,
	MSG_STDIN_CREDIT = 37,
	MSG_EXITED = 38,
	MSG_FAILED = 39,
	MSG_BYE = 40,
};

enum channel { CHANNEL_STDOUT = 1, CHANNEL_STDERR = 2 };
enum exit_kind { EXIT_CODE = 0, EXIT_SIGNAL = 1, EXIT_OUT_OF_MEMORY = 2 };

/* The root is an overlay: rootfs below, the ext4 disk /dev/vda above. Without it: the rootfs itself, read-only. */
#define SETUP_OVERLAY 1u
#define SETUP_EPHEMERAL 2u /* nobody looks at the disk when the guest has ended */
#define SETUP_WRITABLE 4u /* without an overlay: the guest writes to the rootfs itself */
/*
 * In the mode of a file: its content is a block of the file that is there, and is put at its end in place of the block of
 * the start before. A symlink is followed. A mode of 0 beside it makes no file.
 */
#define FILE_BLOCK 65536u
#define MOUNT_READ_ONLY 1u
#define MOUNT_TMPFS 2u
#define MOUNT_NO_SUID 4u
#define MOUNT_NO_DEVICES 8u
#define MOUNT_NO_EXEC 16u
#define CLOCK_JUMPED 1u /* the host's: it was set, or the host slept */
#define EXEC_TTY 1u
#define EXEC_STDIN 2u /* without it the command reads /dev/null */
#define EXEC_MAKE_CWD 4u /* without it a working directory that is missing is an error */
/*
 * PID 1 of a new PID namespace, which all later commands are in, and whose processes end with it. Of signals it gets
 * SIGKILL, SIGSTOP and those that it handles. For the first exec of a guest.
 */
#define EXEC_PID1 8u

/* What of an exec, or of the setup, failed, and what the text of MSG_FAILED then names. */
enum stage {
	STAGE_SETUP = 0, /* the step: "mount volume at /data" */
	STAGE_USER = 1,  /* "user NAME" or "group NAME": ENOENT when there is none */
	STAGE_CWD = 2,   /* the working directory */
	STAGE_EXEC = 3,  /* the program as given: ENOENT, EACCES, ENOEXEC, ...; "PATH: interpreter PATH not found" */
	STAGE_SPAWN = 4, /* "fork", "pipes", "resource limits", ...; EAGAIN: too many commands at once */
};

#endif
