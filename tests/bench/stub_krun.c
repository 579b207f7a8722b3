/*
 * A libkrun without VMs, to measure smolvm itself on a host that cannot boot VMs:
 *
 *     cc -shared -fPIC -Isrc/guest -o stub_krun.so tests/bench/stub_krun.c src/guest/wire/{frame,messages,payload}.c
 *     SMOLVM_LIBKRUN=stub_krun.so smolvm run FOLDER true
 *
 * Its "guest" takes BOOT_MS to boot, connects to its network after half of that, and then speaks the agent's protocol
 * (src/guest/wire/protocol.h) on the socket that krun_add_vsock_port() named, inside the jail of the process that
 * loaded the library. A command prints the times, in ms since 1970, at which krun_start_enter() was called and the
 * command started, and exits with 0; only "sleep" keeps running.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../fixtures/stub_krun.h"

#define BOOT_MS 60
#define MAIN_STREAM 1

static bool is_doomed;
static char network_path[sizeof(socket_path)]; /* empty: no network */
static double start_ms;
static bool main_runs; /* the machine's main command is running */

/*
 * SMOLVM_STUB_DOOM names a file. The VM of the process that removes the file dies early in its kernel's boot, as
 * happens occasionally on virtual hosts. A constructor can remove the file: the library is loaded before its process
 * enters the jail.
 */
__attribute__((constructor)) static void learn_doom(void)
{
	const char *file = getenv("SMOLVM_STUB_DOOM");

	is_doomed = file && unlink(file) == 0;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void run_command(const struct frame *frame)
{
	struct exec_message exec;
	struct frame_out out;

	if (exec_message_parse(&exec, frame))
		_exit(1);
	send_numbers(MSG_STARTED, frame->stream, 1, 100, 0);
	if (strcmp(exec.argv[0], "sleep")) {
		frame_begin(&out, MSG_STDOUT, frame->stream);
		int length = snprintf((char *)frame_end(&out), frame_room(&out), "%.3f %.3f\n", start_ms, now_ms());

		frame_added(&out, (size_t)length);
		send_frame(&out);
		send_end(frame->stream, EXIT_CODE, 0);
	} else {
		main_runs = true;
	}
	exec_message_free(&exec);
}

static void kill_main(void)
{
	if (main_runs)
		send_end(MAIN_STREAM, EXIT_SIGNAL, 9);
	main_runs = false;
}

static void handle(const struct frame *frame)
{
	switch (frame->type) {
	case MSG_SETUP:
		send_numbers(MSG_READY, 0, 0, 0, 0);
		break;
	case MSG_EXEC:
		run_command(frame);
		break;
	case MSG_SIGNAL:
		if (frame->stream == MAIN_STREAM)
			kill_main();
		break;
	case MSG_SHUTDOWN:
		kill_main();
		send_numbers(MSG_BYE, 0, 0, 0, 0);
		break;
	}
}

int32_t krun_start_enter(uint32_t ctx)
{
	struct timespec half = { .tv_nsec = BOOT_MS * 1000000L / 2 }, pause = { .tv_nsec = 1000000 };

	(void)ctx;
	if (is_doomed)
		_exit(0);
	start_ms = now_ms();
	nanosleep(&half, NULL);
	/* The network is not used, but the gateway ends when this process closes the connection. */
	while (network_path[0] && dial(network_path) < 0)
		nanosleep(&pause, NULL);
	nanosleep(&half, NULL);
	return run_guest();
}

int32_t smolvm_waits_for_network(void)
{
	return 1;
}

int32_t krun_add_net_unixstream(uint32_t ctx, const char *path, int fd, uint8_t *mac, uint32_t features, uint32_t flags)
{
	(void)ctx, (void)fd, (void)mac, (void)features, (void)flags;
	if (strlen(path) >= sizeof(network_path))
		return -ENAMETOOLONG;
	strcpy(network_path, path);
	return 0;
}

DOES_NOTHING(krun_add_disk3)
