/*
 * The smolvm agent protocol, version 1.
 *
 * The agent in the guest connects once to vsock port SMOLVM_PORT of the host (CID 2). All traffic between the guest and
 * the runner uses that connection. Clients use the same frames on the runner's control socket, where the client acts
 * as the host does here (src/protocol/control.ts).
 *
 * FRAME: a header of 12 bytes, little-endian, and a payload:
 *
 *     u32 length    size of the payload in bytes
 *     u32 type      one of MSG_*
 *     u32 stream    the exec (command) that the frame belongs to; the host chooses the number. 0: the connection itself
 *
 * A guest frame is at most 16 KiB, header included, and the agent writes at most 16 KiB at once: libkrun drops larger
 * writes. The payload of a host frame is at most 2 MiB, which is the kernel's limit for argv and environment. A side
 * that receives a frame over its limit, an unknown type or a malformed payload ends the connection.
 *
 * FIELDS of a payload: u32; u64; `str`, a u32 length and that many bytes, none of them NUL; `blob`, a u32 length and
 * any bytes; `list`, a u32 count and that many items. Nothing may follow the last field.
 *
 *   host to guest                  stream  payload
 *   MSG_SETUP                      0       u64 clock (ns since 1970), str hostname, u32 SETUP_* flags, str rootfs,
 *                                          list of files  { str path, u32 mode, blob content },
 *                                          list of mounts { str source, str target, u32 MOUNT_* flags },
 *                                          list of rlimits { u32 resource, u64 soft, u64 hard },
 *                                          list of interfaces { str name, u32 address, u32 prefix, u32 gateway,
 *                                          u32 mtu, IPv6: u64 + u64 address, u32 prefix, u64 + u64 gateway },
 *                                          u32 number of files in shares that the host can hold open (0: no limit)
 *   MSG_EXEC                       new     u32 EXEC_* flags, u32 rows, u32 columns, str cwd, str user,
 *                                          list of argv { str }, list of env { str "KEY=VALUE" }
 *   MSG_STDIN                      exec    bytes; an empty payload ends the input
 *   MSG_RESIZE                     exec    u32 rows, u32 columns
 *   MSG_SIGNAL                     exec    u32 Linux signal number; SIGKILL kills the command's whole session
 *   MSG_CREDIT                     exec    u32 channel (1 stdout, 2 stderr), u32 bytes that the consumer has taken
 *   MSG_ACK                        0       u32 bytes of frames, headers included, received since the last MSG_ACK
 *   MSG_SHUTDOWN                   0       empty
 *   MSG_CLOCK                      0       u64 host clock (ns since 1970), u32 CLOCK_* flags
 *
 *   guest to host
 *   MSG_HELLO                      0       u32 version
 *   MSG_READY                      0       empty: the setup is done
 *   MSG_STARTED                    exec    u32 pid: execve succeeded
 *   MSG_STDOUT, MSG_STDERR         exec    bytes; an empty payload ends the stream (a terminal has stdout only)
 *   MSG_STDIN_CREDIT               exec    u32 bytes of input that the command has taken
 *   MSG_EXITED                     exec    u32 kind (0 exit code, 1 signal; plus 2 if the kernel killed a process for
 *                                          lack of memory during the exec), u32 value. The last frame of the exec
 *   MSG_FAILED                     any     u32 errno, u32 STAGE_*, str what failed. On stream 0: the setup failed and
 *                                          the guest shuts down. Otherwise: the exec did not start; its last frame
 *   MSG_BYE                        0       empty: all processes are dead and all written data is synced. The guest
 *                                          reboots next, which ends the VM
 *
 * SOURCES. The rootfs, or the source of a mount, is an absolute path in the boot folder or the tag of a virtiofs share,
 * which the agent mounts at /s/<tag>. With MOUNT_TMPFS the source holds the options of a new tmpfs, such as "size=64k".
 * A source that is a file is bound onto a file. The agent attaches mounts in the order of the list.
 *
 * INTERFACES. Addresses are numbers; an IPv6 address is its upper and its lower 64 bits. Prefixes are in bits. The
 * default route leads to the gateway; with IPv4 gateway 0 there is no route. With IPv6 prefix 0 there is no IPv6
 * address; otherwise there is an IPv6 gateway.
 *
 * ORDER. HELLO, SETUP, READY. The host may send EXEC at any time after SETUP, and CLOCK and SHUTDOWN at any time after
 * READY. BYE is the last frame. The guest ignores STDIN, RESIZE, SIGNAL and CREDIT for an exec that does not exist: it
 * may have ended while the frame was on its way.
 *
 * FLOW CONTROL. libkrun stops a guest-to-host stream for good if the host sends nothing for too long. Therefore there
 * are two windows. The sender counts them down and the receiver refills them:
 *   - connection: at most CONNECTION_WINDOW bytes of guest frames (headers included, from HELLO on) are unacknowledged.
 *     The host sends MSG_ACK at least every ACK_EVERY bytes, as it reads them, even if their data is not consumed yet.
 *     Frames without data (STARTED, EXITED, FAILED, BYE, ...) wait for the window too. After its last frame, BYE or
 *     FAILED on stream 0, the guest reboots when the host has acknowledged it, or after 1 s (BYE) or 2 s (FAILED).
 *     A host that delays this MSG_ACK has that time to clean up before the VM ends.
 *   - stream: at most STREAM_WINDOW bytes of payload for each of stdout and stderr of an exec, and INPUT_WINDOW bytes
 *     for its stdin, are on their way or in buffers. MSG_CREDIT or MSG_STDIN_CREDIT returns the bytes that the consumer
 *     has taken. The consumer may collect up to half of STREAM_WINDOW before it sends one.
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

/* The root is an overlay of the rootfs and the ext4 disk /dev/vda. Without it: the rootfs itself, read-only. */
#define SETUP_OVERLAY 1u
#define SETUP_EPHEMERAL 2u /* the disk is discarded when the guest ends */
#define SETUP_WRITABLE 4u /* without an overlay: the guest writes to the rootfs itself */
/*
 * Flag in the mode of a file: appends the content to the existing file as a marked block, in place of the block from
 * the previous start. Follows symlinks. If the rest of the mode is 0, a missing file is not created.
 */
#define FILE_BLOCK 65536u
#define MOUNT_READ_ONLY 1u
#define MOUNT_TMPFS 2u
#define MOUNT_NO_SUID 4u
#define MOUNT_NO_DEVICES 8u
#define MOUNT_NO_EXEC 16u
#define CLOCK_JUMPED 1u /* the host's clock was set, or the host was suspended */
#define EXEC_TTY 1u
#define EXEC_STDIN 2u /* without it the command reads /dev/null */
#define EXEC_MAKE_CWD 4u /* creates a missing working directory; without it that is an error */
/*
 * For the first exec of a guest: the command is PID 1 of a new PID namespace, which all later commands join. When it
 * ends, the kernel kills all processes of the namespace. It receives only SIGKILL, SIGSTOP and the signals it handles.
 */
#define EXEC_PID1 8u

/* The stage at which the setup or an exec failed. The comments show the text of MSG_FAILED. */
enum stage {
	STAGE_SETUP = 0, /* the step: "mount volume at /data" */
	STAGE_USER = 1,  /* "user NAME" or "group NAME"; ENOENT: it does not exist */
	STAGE_CWD = 2,   /* the working directory */
	STAGE_EXEC = 3,  /* the program as given: ENOENT, EACCES, ENOEXEC, ...; "PATH: interpreter PATH not found" */
	STAGE_SPAWN = 4, /* "fork", "pipes", "resource limits", ...; EAGAIN: too many commands at once */
};

#endif
