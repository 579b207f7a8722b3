/*
 * smolvm-jail: starts the process of one VM (the runner) in namespaces of its own, and outside of them that of its network
 * (the gateway) if it wants one. It waits for the runner's end, and then removes what the runner left. A program of its own
 * because only a process with one thread can make a user namespace, which Deno never is. It is not set-uid: it can do no
 * more than the user who starts it.
 *
 *   smolvm-jail [--unjailed] [--host-network] [--warm] COMMAND [ARG...]
 *   smolvm-jail --ahead COMMAND [ARG...] -- CLIENT [ARG...] -- [WORD...]
 *   smolvm-jail --pings SOCKET   only what sends pings, which stays behind: for a container's network
 *
 *   --unjailed       only the namespaces that a VM needs to find its folders
 *   --host-network   no network namespace: the VM publishes ports
 *   --warm           the machine boots and waits for who takes it, see warm.c
 *   --ahead          becomes the client, which gets those words too; beside it, the command waits for it, see ahead.c
 *
 * Exit status: the command's, and its signal when it died by one; JAIL_FAILED when it could not be started, after one
 * line "smolvm-jail: STEP: REASON" on standard error.
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

/* The exit status when the command was not started; src/jail/prefix.ts knows it too. */
#define JAIL_FAILED 124
/* The descriptors of the command beside the first three, each the end of a pipe; src/jail/supervisor.ts knows them too. */
enum {
	ORDERS_FD = 3,   /* its orders, see orders.c */
	CONSOLE_FD = 4,  /* what the guest writes to its console */
	MESSAGES_FD = 5, /* messages of the runner and of libkrun */
};

/* What the command is started with. */
struct options {
	bool unjailed;
	bool host_network;
	bool warm;
	int listener; /* with --ahead: where the client connects; else -1 */
	char **command;
};

/* Prints one line that says what failed and why, and ends this process with JAIL_FAILED. */
void fail(const char *step, int errnum) __attribute__((noreturn));

/*
 * In the child: makes the namespaces, asks the parent for the ids' maps over the two pipes, and executes the command.
 * Does not return.
 */
void start_command(const struct options *options, int ask_fd, int answer_fd) __attribute__((noreturn));

/*
 * In the parent: waits until the child has its user namespace, and writes the maps of its ids. As root, all ids stay
 * what they are; an ordinary user becomes root there, and has no other id.
 */
void write_id_maps(pid_t child, int ask_fd, int answer_fd);

/*
 * Becomes that command, for which the signals with these numbers, separated by commas, wait in signalfd(2): Deno and
 * libkrun have no handlers of theirs called by them.
 */
_Noreturn void hold_signals(const char *numbers, char **command);

/*
 * With --ahead: starts a process of its own for the command, in which it returns what that is started with, if the client
 * may want it; becomes the client itself.
 */
struct options go_ahead(char **command);

/* With --ahead: whether the client is at the other end of that connection. */
bool is_client(int fd);

/* With --ahead: sends there what the command wrote to standard error. */
void tell_messages(int fd);

/* Reads the command's orders until it closes the pipe. */
void read_orders(int fd);

/* The file that the command wants an output in, by the letter of that order; NULL: in none. */
const char *file_ordered(char letter);

/* Whether there is an order of that letter. */
bool is_ordered(char letter);

/*
 * Puts the orders of who takes a waiting machine into the place of the order `t`; false when there is no room for them.
 */
bool take_orders(const char *text, size_t size);

/* The arguments of all orders with that letter that have two, at most so many; returns how many there are. */
size_t pairs_ordered(char letter, const char **firsts, const char **seconds, size_t most);

/*
 * Mounts the folders of the orders `b` in the mount namespace of that process, below the folder `s` in that of the
 * order `s`. Returns whether that was done; if not, one line on the descriptor says why.
 */
bool bind_folders(pid_t pid, int errors_fd);

/* --- a runner that waits for its taker, see warm.c: without taker_begin() none of this does anything --- */

/* How many descriptors are watched for it. */
#define WARM_POLLS 2

/* The command's input and output have those other ends. The client takes it by that listener; -1: with --warm. */
void taker_begin(pid_t child, int input_fd, int output_fd, int listener_fd);

/* With --warm: passes the first line of standard input on to the command. `argv` is that of this process. */
void warm_begin(char **argv);

/* What to wait for next. */
void warm_expect(struct pollfd polls[WARM_POLLS]);

/* How long to wait at most; -1: without end. */
int warm_patience_ms(void);

/* Deals with what has come, and with what is due. */
void warm_handle(const struct pollfd polls[WARM_POLLS]);

/* Does what is left to do when the command has ended, before its orders are carried out. */
void warm_end(void);

/* The same after that: tells the taker how the command ended, and that nothing is left. */
void warm_finish(int status);

/* The connection of the taker, in place of the command's input; -1 when nobody holds it any more. */
int taker_holder(void);

/* To be called when all orders are there; does what they say of a taker that is gone already. */
void taker_know_orders(void);

/* Blocks SIGUSR1 in this process and in what it starts: Deno opens a debugger at it, to all users of the host. */
void block_debugger(void);

/* Ends the command at once. */
void kill_command(void);

/* Listens at a socket in the file system, without blocking; -1 where that cannot be done. */
int listen_at(const char *path);

/* The words of all orders with that letter, at most so many; returns how many there are. */
size_t words_ordered(char letter, const char **words, size_t most);

/*
 * Starts the gateway, if one was ordered. Its messages go to that descriptor, and its input ends when it is to end. Returns
 * the descriptor at which its events arrive until its end; -1 without a gateway.
 */
int start_gateway(int messages_fd);

/* Asks the gateway to deliver what it has and to end. */
void end_gateway(void);

/* Ends the gateway at once. */
void kill_gateway(void);

/* Ends a gateway that has closed its output and so is on its way out, if it does not end by itself within a second. */
void hurry_gateway(void);

/* Waits until nothing of the gateway is left. True when it ended though nobody asked for it, with the reason. */
bool await_gateway(char *reason, size_t size);

/*
 * Starts the process that sends pings for the gateway, which connects to that socket; there is none where the host does
 * not let this user. It ends with that connection, and when the other end of lifeline_fd is closed; -1: with that
 * connection alone.
 */
void start_pings(const char *path, int lifeline_fd);

/* Ends it, and waits until nothing of it is left. */
void end_pings(void);

/* Takes the lock of that file, which is held until this process ends. False when others do not let go of it. */
bool take_lock(const char *path);

/* Leaves this process no variable but those that a runner or a gateway needs. */
void clean_environment(void);

/* Does what was ordered for after the command's end; input_fd is the reading end of its standard input. */
void carry_out_orders(int input_fd);

/*
 * Keeps what comes over the pipes in files of limited size, until all are closed: the command is gone then. Kills it when
 * nobody holds the other end of its standard input any more, if that was ordered; input_fd is the reading end. events_fd
 * is -1 without a gateway.
 */
void keep_logs(int console_fd, int messages_fd, int events_fd, int input_fd);

/* Removes a file, or a folder with everything in it, without following links. Its depth does not matter. */
void remove_tree(const char *path);

#endif
