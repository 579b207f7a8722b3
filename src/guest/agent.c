#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"
#include "exec.h"
#include "machine.h"
#include "poll_set.h"
#include "step.h"

#define EXECS_MAX 256
#define READ_BYTES (64 * 1024)
/* How long the last words to the host may wait for it. */
#define FAILED_MS 2000
#define BYE_MS 1000
/* How long an ordered end waits without any progress for readers of output, and for processes that do not die. */
#define DRAIN_MS 2000

enum phase {
	PHASE_HELLO,  /* MSG_HELLO is due, MSG_SETUP awaited */
	PHASE_SETUP,  /* MSG_SETUP awaited */
	PHASE_READY,  /* MSG_READY is due */
	PHASE_SERVE,
	PHASE_DRAIN,  /* everything is killed; execs deliver what they have */
	PHASE_BYE,    /* MSG_BYE is due */
	PHASE_FAILED, /* MSG_FAILED of the setup is due */
	PHASE_LAST,   /* the last frame waits for its acknowledgement */
};

struct agent {
	struct connection connection;
	enum phase phase;
	int64_t deadline_ms; /* of the phases from PHASE_DRAIN on */
	int signals;         /* signalfd: SIGCHLD */
	TAILQ_HEAD(, exec) execs; /* the first one's turn to send is next */
	unsigned exec_count;
	bool childless;
	struct setup_rlimit rlimits[RLIM_NLIMITS];
	uint32_t rlimit_count;
	int setup_error;
	struct step setup_step; /* the one that failed */
	struct poll_set polled;
	uint8_t read_buffer[READ_BYTES];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void enter_phase(struct agent *agent, enum phase phase, int64_t limit_ms)
{
	agent->phase = phase;
	agent->deadline_ms = now_ms() + limit_ms;
}

static struct exec *find_exec(struct agent *agent, uint32_t stream)
{
	struct exec *exec;

	TAILQ_FOREACH(exec, &agent->execs, link)
		if (exec->stream == stream)
			return exec;
	return NULL;
}

static void remove_exec(struct agent *agent, struct exec *exec)
{
	TAILQ_REMOVE(&agent->execs, exec, link);
	agent->exec_count--;
	exec_free(exec);
}

static void reap(struct agent *agent)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(agent->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct exec *exec;

		TAILQ_FOREACH(exec, &agent->execs, link) {
			if (exec->pid == pid && !exec->ended) {
				exec_ended(exec, status);
				break;
			}
		}
	}
	agent->childless = pid < 0;
}

/* The host's messages. */

static int keep_rlimits(struct agent *agent, const struct setup_message *setup)
{
	if (setup->rlimit_count > RLIM_NLIMITS)
		return -EPROTO;
	for (uint32_t i = 0; i < setup->rlimit_count; i++) {
		agent->rlimits[i] = setup->rlimits[i];
		if (agent->rlimits[i].resource >= RLIM_NLIMITS)
			return -EPROTO;
	}
	agent->rlimit_count = setup->rlimit_count;
	return 0;
}

static int handle_setup(struct agent *agent, const struct frame *frame)
{
	struct setup_message setup;
	int err = setup_message_parse(&setup, frame);

	if (!err)
		err = agent->phase == PHASE_SETUP ? keep_rlimits(agent, &setup) : -EPROTO;
	if (!err) {
		agent->setup_error = machine_setup(&setup, &agent->setup_step);
		if (agent->setup_error)
			enter_phase(agent, PHASE_FAILED, FAILED_MS);
		else
			agent->phase = PHASE_READY;
	}
	setup_message_free(&setup);
	return err;
}

static int handle_exec(struct agent *agent, const struct frame *frame)
{
	struct exec_message message;
	struct exec *exec = NULL;
	int err = exec_message_parse(&message, frame);

	if (!err && (frame->stream == 0 || agent->phase < PHASE_READY || find_exec(agent, frame->stream)))
		err = -EPROTO;
	if (!err) {
		if (agent->phase > PHASE_SERVE)
			exec = exec_refuse(frame->stream, -ESHUTDOWN, "the guest is shutting down");
		else if (agent->exec_count >= EXECS_MAX)
			exec = exec_refuse(frame->stream, -EAGAIN, "too many commands at once");
		else
			exec = exec_start(frame->stream, &message, agent->rlimits, agent->rlimit_count);
		if (!exec)
			err = -ENOMEM;
	}
	if (exec) {
		TAILQ_INSERT_TAIL(&agent->execs, exec, link);
		agent->exec_count++;
		agent->childless = false;
	}
	exec_message_free(&message);
	return err;
}

static int handle_credit(struct exec *exec, const struct frame *frame)
{
	uint32_t fields[2]; /* channel, bytes */
	int err = numbers_parse(fields, 2, frame);

	if (err)
		return err;
	if (fields[0] == CHANNEL_STDOUT)
		return exec ? output_credit(&exec->stdout, fields[1]) : 0;
	if (fields[0] == CHANNEL_STDERR)
		return exec ? output_credit(&exec->stderr, fields[1]) : 0;
	return -EPROTO;
}

static int handle_stdin(struct exec *exec, const struct frame *frame)
{
	if (!exec)
		return 0;
	if (frame->length > 0)
		return input_push(&exec->input, frame->payload, frame->length);
	input_end(&exec->input);
	return 0;
}

static int handle_resize(struct exec *exec, const struct frame *frame)
{
	uint16_t rows, columns;
	int err = window_size_parse(&rows, &columns, frame);

	if (!err && exec)
		exec_resize(exec, rows, columns);
	return err;
}

static int handle_signal(struct exec *exec, const struct frame *frame)
{
	uint32_t signal_number;
	int err = numbers_parse(&signal_number, 1, frame);

	if (err)
		return err;
	if (signal_number < 1 || signal_number >= NSIG)
		return -EPROTO;
	if (exec)
		exec_signal(exec, (int)signal_number);
	return 0;
}

static int handle_ack(struct agent *agent, const struct frame *frame)
{
	uint32_t bytes;
	int err = numbers_parse(&bytes, 1, frame);

	return err ? err : connection_acknowledge(&agent->connection, bytes);
}

static int handle_shutdown(struct agent *agent, const struct frame *frame)
{
	if (frame->length > 0 || agent->phase < PHASE_READY)
		return -EPROTO;
	if (agent->phase <= PHASE_SERVE) {
		machine_kill_all();
		reap(agent);
		enter_phase(agent, PHASE_DRAIN, DRAIN_MS);
	}
	return 0;
}

static int handle_frame(struct agent *agent, const struct frame *frame)
{
	/* The host may not know yet that an exec is gone: what it says of one that is not there is ignored. */
	struct exec *exec = find_exec(agent, frame->stream);

	switch (frame->type) {
	case MSG_EXEC:
		return handle_exec(agent, frame);
	case MSG_STDIN:
		return handle_stdin(exec, frame);
	case MSG_RESIZE:
		return handle_resize(exec, frame);
	case MSG_SIGNAL:
		return handle_signal(exec, frame);
	case MSG_CREDIT:
		return handle_credit(exec, frame);
	}
	if (frame->stream != 0)
		return -EPROTO;
	switch (frame->type) {
	case MSG_SETUP:
		return handle_setup(agent, frame);
	case MSG_ACK:
		return handle_ack(agent, frame);
	case MSG_SHUTDOWN:
		return handle_shutdown(agent, frame);
	}
	return -EPROTO;
}

/* One read, so that a busy host does not keep the others waiting. */
static int receive(struct agent *agent)
{
	ssize_t count = read(agent->connection.fd, agent->read_buffer, sizeof(agent->read_buffer));

	if (count == 0)
		return -ECONNRESET;
	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;

	const uint8_t *data = agent->read_buffer;
	size_t left = (size_t)count;
	struct frame frame;
	int result;

	while ((result = decoder_feed(&agent->connection.decoder, &data, &left, &frame)) > 0) {
		int err = handle_frame(agent, &frame);

		if (err)
			return err;
	}
	return result;
}

/* The guest's messages. */

static bool next_exec_frame(struct agent *agent)
{
	struct exec *exec;

	TAILQ_FOREACH(exec, &agent->execs, link) {
		if (!exec_next_frame(exec, &agent->connection.out))
			continue;
		/* To the end of the queue: all others come first now. */
		TAILQ_REMOVE(&agent->execs, exec, link);
		TAILQ_INSERT_TAIL(&agent->execs, exec, link);
		if (exec->state == EXEC_DONE)
			remove_exec(agent, exec);
		return true;
	}
	return false;
}

static bool next_frame(struct agent *agent)
{
	struct frame_out *out = &agent->connection.out;

	switch (agent->phase) {
	case PHASE_HELLO:
		frame_begin(out, MSG_HELLO, 0);
		frame_add_u32(out, SMOLVM_PROTOCOL_VERSION);
		agent->phase = PHASE_SETUP;
		return true;
	case PHASE_READY:
		frame_begin(out, MSG_READY, 0);
		agent->phase = PHASE_SERVE;
		return true;
	case PHASE_SERVE:
		return next_exec_frame(agent);
	case PHASE_DRAIN:
		if (!next_exec_frame(agent))
			return false;
		agent->deadline_ms = now_ms() + DRAIN_MS;
		return true;
	case PHASE_BYE:
		frame_begin(out, MSG_BYE, 0);
		agent->phase = PHASE_LAST;
		return true;
	case PHASE_FAILED:
		frame_begin(out, MSG_FAILED, 0);
		frame_add_u32(out, (uint32_t)-agent->setup_error);
		frame_add_u32(out, STAGE_SETUP);
		frame_add_text(out, agent->setup_step.text);
		agent->phase = PHASE_LAST;
		return true;
	case PHASE_SETUP:
	case PHASE_LAST:
		return false;
	}
	return false;
}

static int send_frames(struct agent *agent)
{
	int err = connection_flush(&agent->connection);

	while (!err && connection_ready(&agent->connection) && next_frame(agent))
		err = connection_send(&agent->connection);
	return err;
}

static bool is_late(const struct agent *agent)
{
	return agent->phase >= PHASE_DRAIN && now_ms() >= agent->deadline_ms;
}

/* Everything that was killed is reaped and told of, or takes too long. */
static bool is_drained(const struct agent *agent)
{
	return agent->phase == PHASE_DRAIN && ((agent->childless && TAILQ_EMPTY(&agent->execs)) || is_late(agent));
}

static bool is_over(const struct agent *agent)
{
	return is_late(agent) || (agent->phase == PHASE_LAST && agent->connection.unacknowledged == 0);
}

static int wait_for_events(struct agent *agent)
{
	struct poll_set *set = &agent->polled;
	struct connection *connection = &agent->connection;
	int timeout_ms = -1;
	struct exec *exec;

	set->count = 0;
	if (poll_set_add(set, connection->fd, connection_blocked(connection) ? POLLIN | POLLOUT : POLLIN) < 0 ||
	    poll_set_add(set, agent->signals, POLLIN) < 0)
		return -ENOMEM;
	TAILQ_FOREACH(exec, &agent->execs, link)
		if (exec_poll(exec, set) < 0)
			return -ENOMEM;
	if (agent->phase >= PHASE_DRAIN) {
		int64_t left_ms = agent->deadline_ms - now_ms();

		timeout_ms = left_ms > 0 ? (int)left_ms : 0;
	}
	if (poll(set->fds, set->count, timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	TAILQ_FOREACH(exec, &agent->execs, link)
		exec_polled(exec, set);
	/* Last, since they change the list that was polled. */
	if (poll_set_events(set, 1))
		reap(agent);
	return poll_set_events(set, 0) & ~POLLOUT ? receive(agent) : 0;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;

	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int agent_run(int fd)
{
	static struct agent agent;
	int err = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;

	connection_init(&agent.connection, fd);
	TAILQ_INIT(&agent.execs);
	agent.signals = open_signals();
	if (agent.signals < 0)
		return agent.signals;
	while (!err) {
		err = send_frames(&agent);
		if (!err && is_drained(&agent)) {
			machine_settle();
			enter_phase(&agent, PHASE_BYE, BYE_MS);
			err = send_frames(&agent);
		}
		if (!err && is_over(&agent))
			break;
		if (!err)
			err = wait_for_events(&agent);
	}
	/* After its last frame the guest ends anyway, whatever the host does. */
	return agent.phase == PHASE_LAST ? agent.setup_error : err;
}
