#include "loop/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/agent_state.h"
#include "loop/handle.h"
#include "setup/inode_cache.h"
#include "setup/machine.h"
#include "setup/page_cache.h"

/* The stream of the machine's main command, as in src/protocol/control.ts. */
#define MAIN_STREAM 1
/* How long the agent waits for the host to acknowledge MSG_BYE. */
#define BYE_MS 1000

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
				if (exec->stream == MAIN_STREAM)
					machine_report_exit(status);
				break;
			}
		}
	}
}

/* Reads only once, so that a busy host does not delay the other work of the loop. */
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

/* Sending messages to the host. */

static bool next_exec_frame(struct agent *agent)
{
	struct exec *exec;

	TAILQ_FOREACH(exec, &agent->execs, link) {
		if (!exec_next_frame(exec, &agent->connection.out))
			continue;
		/* Move it to the end of the queue, so that all others get their turn first. */
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
		agent->deadline_ms = agent_now_ms() + DRAIN_MS;
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
	return agent->phase >= PHASE_DRAIN && agent_now_ms() >= agent->deadline_ms;
}

static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Whether all killed processes are reaped and reported to the host, or the deadline has passed. */
static bool is_drained(const struct agent *agent)
{
	return agent->phase == PHASE_DRAIN && ((TAILQ_EMPTY(&agent->execs) && !has_children()) || is_late(agent));
}

static bool is_over(const struct agent *agent)
{
	return is_late(agent) || (agent->phase == PHASE_LAST && agent->connection.unacknowledged == 0);
}

/* Checks the caches. Returns the time until the next check in ms, or -1 for never. */
static int check_caches(void)
{
	int inodes_ms = inode_cache_check(), pages_ms = page_cache_check(agent_now_ms());

	if (inodes_ms < 0 || pages_ms < 0)
		return inodes_ms < 0 ? pages_ms : inodes_ms;
	return inodes_ms < pages_ms ? inodes_ms : pages_ms;
}

static int wait_for_events(struct agent *agent)
{
	struct poll_set *set = &agent->polled;
	struct connection *connection = &agent->connection;
	int timeout_ms;
	struct exec *exec;

	set->count = 0;
	if (poll_set_add(set, connection->fd, connection_blocked(connection) ? POLLIN | POLLOUT : POLLIN) < 0 ||
	    poll_set_add(set, agent->signals, POLLIN) < 0)
		return -ENOMEM;
	TAILQ_FOREACH(exec, &agent->execs, link)
		if (exec_poll(exec, set) < 0)
			return -ENOMEM;
	if (agent->phase >= PHASE_DRAIN) {
		int64_t left_ms = agent->deadline_ms - agent_now_ms();

		timeout_ms = left_ms > 0 ? (int)left_ms : 0;
	} else {
		timeout_ms = check_caches();
	}
	if (poll(set->fds, set->count, timeout_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	TAILQ_FOREACH(exec, &agent->execs, link)
		exec_polled(exec, set);
	/* Last, because reap() and receive() change the list that was polled. */
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
	if (!err)
		err = send_frames(&agent);
	/* Prepares while the host answers MSG_HELLO. An error is reported in the answer to MSG_SETUP. */
	if (!err)
		agent.setup_error = machine_prepare(&agent.setup_step);
	while (!err) {
		err = send_frames(&agent);
		if (!err && is_drained(&agent)) {
			machine_sync();
			agent_enter(&agent, PHASE_BYE, BYE_MS);
			err = send_frames(&agent);
		}
		if (!err && is_over(&agent))
			break;
		if (!err)
			err = wait_for_events(&agent);
	}
	/* After the last frame, connection errors no longer matter. */
	return agent.phase == PHASE_LAST ? agent.setup_error : err;
}
