#include "exec/exec.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/child.h"
#include "base/close_fd.h"
#include "exec/memory_kills.h"
#include "exec/process_session.h"
#include "exec/spawn.h"

static void fail(struct exec *exec, int err, uint32_t stage, const char *text)
{
	exec->state = EXEC_FAILED;
	exec->failure.error = (uint32_t)err;
	exec->failure.stage = stage;
	exec->failure.text = strdup(text);
}

static struct exec *exec_new(uint32_t stream)
{
	struct exec *exec = calloc(1, sizeof(*exec));

	if (!exec)
		return NULL;
	exec->stream = stream;
	exec->report = -1;
	exec->terminal = -1;
	input_init(&exec->input, -1, false);
	output_init(&exec->stdout, -1, MSG_STDOUT);
	output_init(&exec->stderr, -1, MSG_STDERR);
	return exec;
}

struct exec *exec_refuse(uint32_t stream, int err, const char *text)
{
	struct exec *exec = exec_new(stream);

	if (exec)
		fail(exec, -err, STAGE_SPAWN, text);
	return exec;
}

struct exec *exec_start(uint32_t stream, const struct exec_message *message, const struct setup_rlimit *rlimits,
			uint32_t rlimit_count)
{
	struct exec *exec = exec_new(stream);
	struct spawned spawned;
	const char *what;

	if (!exec)
		return NULL;

	exec->memory_kills = memory_kills();

	int err = spawn(&spawned, message, rlimits, rlimit_count, &what);

	if (err) {
		fail(exec, -err, STAGE_SPAWN, what);
		return exec;
	}
	exec->pid = spawned.pid;
	exec->report = spawned.report;
	exec->terminal = spawned.terminal;
	input_init(&exec->input, spawned.input, spawned.terminal >= 0);
	output_init(&exec->stdout, spawned.stdout, MSG_STDOUT);
	output_init(&exec->stderr, spawned.stderr, MSG_STDERR);
	return exec;
}

void exec_free(struct exec *exec)
{
	close_fd(&exec->report);
	close_fd(&exec->terminal);
	input_close(&exec->input);
	output_close(&exec->stdout);
	output_close(&exec->stderr);
	free(exec->failure.text);
	free(exec);
}

int exec_poll(struct exec *exec, struct poll_set *set)
{
	exec->polled.report = exec->report < 0 ? -1 : poll_set_add(set, exec->report, POLLIN);
	exec->polled.input = input_pending(&exec->input) ? poll_set_add(set, exec->input.fd, POLLOUT) : -1;
	exec->polled.stdout = output_pending(&exec->stdout) ? poll_set_add(set, exec->stdout.fd, POLLIN) : -1;
	exec->polled.stderr = output_pending(&exec->stderr) ? poll_set_add(set, exec->stderr.fd, POLLIN) : -1;
	if (exec->polled.report == -ENOMEM || exec->polled.input == -ENOMEM || exec->polled.stdout == -ENOMEM ||
	    exec->polled.stderr == -ENOMEM)
		return -ENOMEM;
	return 0;
}

/* Reads the child's error report; an empty one means that execve closed the pipe. */
static void read_report(struct exec *exec)
{
	struct child_report report;
	ssize_t count = read(exec->report, &report, sizeof(report));

	if (count < 0 && errno == EAGAIN)
		return;
	close_fd(&exec->report);
	if (count <= 0) {
		exec->state = EXEC_STARTED;
		return;
	}
	fail(exec, report.error, report.stage, report.text);
}

void exec_polled(struct exec *exec, const struct poll_set *set)
{
	if (poll_set_events(set, exec->polled.report))
		read_report(exec);
	if (poll_set_events(set, exec->polled.input))
		input_flush(&exec->input);
	if (poll_set_events(set, exec->polled.stdout))
		exec->stdout.readable = true;
	if (poll_set_events(set, exec->polled.stderr))
		exec->stderr.readable = true;
}

void exec_ended(struct exec *exec, int wait_status)
{
	exec->ended = true;
	exec->wait_status = wait_status;
	exec->out_of_memory = memory_kills() > exec->memory_kills;
	input_close(&exec->input);
	output_finish(&exec->stdout, exec->terminal >= 0);
	output_finish(&exec->stderr, exec->terminal >= 0);
}

void exec_resize(struct exec *exec, uint16_t rows, uint16_t columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	/* Without a terminal there is nothing to resize. */
	if (exec->terminal >= 0)
		ioctl(exec->terminal, TIOCSWINSZ, &size);
}

void exec_signal(struct exec *exec, int signal_number)
{
	if (exec->state == EXEC_FAILED || exec->ended)
		return;
	if (signal_number == SIGKILL)
		process_session_kill(exec->pid);
	else
		kill(exec->pid, signal_number);
}

static void build_exited(const struct exec *exec, struct frame_out *out)
{
	int status = exec->wait_status;
	uint32_t memory = exec->out_of_memory ? EXIT_OUT_OF_MEMORY : 0;

	frame_begin(out, MSG_EXITED, exec->stream);
	frame_add_u32(out, (WIFSIGNALED(status) ? EXIT_SIGNAL : EXIT_CODE) | memory);
	frame_add_u32(out, (uint32_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
}

static bool next_output(struct exec *exec, struct frame_out *out)
{
	struct output *first = exec->stderr_first ? &exec->stderr : &exec->stdout;
	struct output *second = exec->stderr_first ? &exec->stdout : &exec->stderr;

	exec->stderr_first = !exec->stderr_first;
	return output_next_frame(first, exec->stream, out) || output_next_frame(second, exec->stream, out);
}

static bool next_of_running(struct exec *exec, struct frame_out *out)
{
	uint32_t credit = input_credit(&exec->input);

	if (credit > 0) {
		frame_begin(out, MSG_STDIN_CREDIT, exec->stream);
		frame_add_u32(out, credit);
		return true;
	}
	if (next_output(exec, out))
		return true;
	if (!exec->ended || exec->stdout.fd >= 0 || exec->stderr.fd >= 0)
		return false;
	build_exited(exec, out);
	exec->state = EXEC_DONE;
	return true;
}

bool exec_next_frame(struct exec *exec, struct frame_out *out)
{
	switch (exec->state) {
	case EXEC_STARTING:
	case EXEC_DONE:
		return false;
	case EXEC_STARTED:
		frame_begin(out, MSG_STARTED, exec->stream);
		frame_add_u32(out, (uint32_t)exec->pid);
		exec->state = EXEC_RUNNING;
		return true;
	case EXEC_FAILED:
		frame_begin(out, MSG_FAILED, exec->stream);
		frame_add_u32(out, exec->failure.error);
		frame_add_u32(out, exec->failure.stage);
		frame_add_text(out, exec->failure.text ? exec->failure.text : "");
		exec->state = EXEC_DONE;
		return true;
	case EXEC_RUNNING:
		return next_of_running(exec, out);
	}
	return false;
}
