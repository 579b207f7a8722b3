/*
 * smolvm-jail, the supervisor: starts the process of a VM (the runner) in new namespaces and, if the VM needs it, the
 * process of its network (the gateway) outside of them. It waits for the runner to exit and then removes the runner's
 * files. It is a separate program because only a single-threaded process can create a user namespace, and Deno always
 * has several threads. It is not set-uid: it has no more rights than the user who starts it.
 *
 *   smolvm-jail [--unjailed] [--host-network] [--warm] COMMAND [ARG...]
 *   smolvm-jail --ahead COMMAND [ARG...] -- CLIENT [ARG...] -- [WORD...]
 *   smolvm-jail --pings SOCKET   only starts the process that sends pings, in the background: for a container's network
 *
 *   --unjailed       only the namespaces that a VM needs to find its folders
 *   --host-network   no network namespace: the VM publishes ports
 *   --warm           the machine boots and waits for a client that takes it, see warm.c
 *   --ahead          becomes the client, with the WORDs as further arguments; in parallel, the command starts and waits
 *                    for this client, see ahead.c
 *
 * Exit status: the command's; if a signal killed the command, smolvm-jail kills itself with the same signal.
 * JAIL_FAILED when the command could not be started, after a line "smolvm-jail: STEP: REASON" on standard error.
 */
#ifndef SMOLVM_JAIL_H
#define SMOLVM_JAIL_H

#include <poll.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/types.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
/* linux/close_range.h of newer kernels. */
#define CLOSE_RANGE_CLOEXEC_FLAG (1U << 2)

/* The exit status when the command was not started, as in src/jail/prefix.ts. */
#define JAIL_FAILED 124
/* The command's descriptors besides the first three, each the end of a pipe, as in src/jail/supervisor.ts. */
enum {
	ORDERS_FD = 3,   /* the command's orders, see orders.c */
	CONSOLE_FD = 4,  /* console output of the guest */
	MESSAGES_FD = 5, /* messages of the runner and of libkrun */
};

/* How the command is started. */
struct options {
	bool unjailed;
	bool host_network;
	bool warm;
	int listener; /* with --ahead: the socket to which the client connects; else -1 */
	char **command;
};

/* Prints a line with the step that failed and the reason, and exits with JAIL_FAILED. */
void fail(const char *step, int errnum) __attribute__((noreturn));

/*
 * In the child: creates the namespaces, asks the parent over the two pipes to write the id maps, and executes the
 * command. Does not return.
 */
void start_command(const struct options *options, int ask_fd, int answer_fd) __attribute__((noreturn));

/*
 * In the parent: waits until the child has created its user namespace, and writes its id maps. For root, all ids map to
 * themselves. An ordinary user becomes root in the namespace, which has no other id.
 */
void write_id_maps(pid_t child, int ask_fd, int answer_fd);

/*
 * Executes the command with these signals (numbers separated by commas) blocked. The command reads them with
 * signalfd(2), and they call no handlers of Deno or libkrun.
 */
_Noreturn void hold_signals(const char *numbers, char **command);

/*
 * With --ahead: this process becomes the client. If the client may need a runner, it first forks a process for the
 * command, in which this function returns the options for start_command().
 */
struct options start_ahead(char **command);

/* With --ahead: whether the peer of the connection is the client. */
bool is_client(int fd);

/* With --ahead: sends the command's standard error to the descriptor. */
void tell_messages(int fd);

/* Reads the command's orders until it closes the pipe. */
void read_orders(int fd);

/* The argument of the order with that letter; NULL: there is no such order. */
const char *order_argument(char letter);

/* Whether there is an order with that letter. */
bool is_ordered(char letter);

/* Replaces the order `t` by the orders of the client that takes a warm machine; false when they do not fit. */
bool take_orders(const char *text, size_t size);

/* The two arguments of all orders with that letter. At most `most`; returns the number found. */
size_t order_pairs(char letter, const char **firsts, const char **seconds, size_t most);

/*
 * Mounts the folders of the orders `b` in the mount namespace of that process, below the folder `s` in the folder of
 * the order `s`. Returns false on failure, after writing a line with the reason to errors_fd.
 */
bool bind_folders(pid_t pid, int errors_fd);

/* --- a runner that waits for its taker, see warm.c; without taker_begin() these functions do nothing --- */

/* The number of descriptors to poll for it. */
#define WARM_POLLS 2

/*
 * `input_fd` and `output_fd` are the other ends of the command's standard input and output. With --ahead the client
 * connects to `listener_fd`; with --warm it is -1.
 */
void taker_begin(pid_t child, int input_fd, int output_fd, int listener_fd);

/* With --warm: forwards the first line of standard input to the command. `argv` is the one of this process. */
void warm_begin(char **argv);

/* Fills in the descriptors to poll next. */
void warm_expect(struct pollfd polls[WARM_POLLS]);

/* The longest time to poll; -1: no limit. */
int warm_timeout_ms(void);

/* Handles the events of a poll, and expired deadlines. */
void warm_handle(const struct pollfd polls[WARM_POLLS]);

/* To be called when the command has ended, before its orders are carried out. */
void warm_end(void);

/* To be called after that: reports to the taker how the command ended, and that all its files are removed. */
void warm_finish(int status);

/* The taker's connection, which takes the place of the command's input; -1 when the taker is gone. */
int taker_holder(void);

/* To be called when all orders are read; carries out the order `e` if the taker is already gone. */
void taker_know_orders(void);

/* Blocks SIGUSR1 in this process and its children: on SIGUSR1 Deno opens a debugger, to which all users can connect. */
void block_debugger(void);

/* Kills the command. */
void kill_command(void);

/* Returns a non-blocking listening socket in the file system; -1 on failure. */
int listen_at(const char *path);

/* The first arguments of all orders with that letter. At most `most`; returns the number found. */
size_t order_arguments(char letter, const char **words, size_t most);

/*
 * Starts the gateway, if there is an order for it. Its messages go to messages_fd. Its input is closed to make it exit.
 * Returns the descriptor from which its events are read until it exits; -1 without a gateway.
 */
int start_gateway(int messages_fd);

/* Asks the gateway to deliver its pending data and to exit. */
void end_gateway(void);

/* Kills the gateway. */
void kill_gateway(void);

/* For a gateway that has closed its output and so is about to exit: kills it unless it exits within a second. */
void await_gateway_exit(void);

/* Waits until the gateway has exited. Returns true, with the reason, when it exited without being asked to. */
bool await_gateway(char *reason, size_t size);

/*
 * Starts the process that sends pings for the gateway, which connects to the socket `path`. Does nothing where the host
 * does not allow this user to send pings. The process exits when the connection is closed, or when the other end of
 * lifeline_fd is (-1: none).
 */
void start_pings(const char *path, int lifeline_fd);

/* Kills the process that sends pings, and waits for it. */
void end_pings(void);

/* Takes the lock of that file and holds it until this process exits. False when another process does not release it. */
bool take_lock(const char *path);

/* Removes all environment variables except those that a runner or a gateway needs. */
void clean_environment(void);

/* Carries out the orders for the time after the command's end. input_fd is the read end of its standard input. */
void carry_out_orders(int input_fd);

/*
 * Writes the data from the pipes to files of limited size, until all pipes are closed, which means that the command has
 * ended. With the order `e`, kills the command when the write end of its standard input is closed; input_fd is the read
 * end. events_fd is -1 without a gateway.
 */
void keep_logs(int console_fd, int messages_fd, int events_fd, int input_fd);

/* Removes a file, or a folder of any depth with its contents, without following links. */
void remove_tree(const char *path);

#endif
