#include "exec/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "exec/child.h"
#include "base/close_fd.h"
#include "exec/process_session.h"

/* Only for the agent's end: the command's end is a separate file description, and programs expect it to block. */
static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_pipe(int *reader, int *writer, int *ours)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*reader = ends[0];
	*writer = ends[1];
	return set_nonblocking(*ours);
}

static int open_pipes(struct spawned *spawned, struct child *child)
{
	int err;

	if (child->message->flags & EXEC_STDIN) {
		err = open_pipe(&child->stdio[0], &spawned->input, &spawned->input);
		if (err)
			return err;
	} else {
		child->stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (child->stdio[0] < 0)
			return -errno;
	}
	err = open_pipe(&spawned->stdout, &child->stdio[1], &spawned->stdout);
	if (err)
		return err;
	return open_pipe(&spawned->stderr, &child->stdio[2], &spawned->stderr);
}

static int open_terminal(struct spawned *spawned, struct child *child)
{
	struct winsize size = { .ws_row = child->message->rows, .ws_col = child->message->columns };
	int unlocked = 0;

	spawned->stdout = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (spawned->stdout < 0 || ioctl(spawned->stdout, TIOCSPTLCK, &unlocked) < 0 ||
	    ioctl(spawned->stdout, TIOCSWINSZ, &size) < 0)
		return -errno;
	spawned->terminal = ioctl(spawned->stdout, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (spawned->terminal < 0)
		return -errno;
	spawned->input = fcntl(spawned->stdout, F_DUPFD_CLOEXEC, 0);
	if (spawned->input < 0)
		return -errno;
	for (int fd = 0; fd < 3; fd++)
		child->stdio[fd] = spawned->terminal;
	return 0;
}

/* For all children forked from now on. The agent itself stays in its namespace. */
static int enter_pid_namespace(void)
{
	int err = process_session_keep_proc();

	return err || unshare(CLONE_NEWPID) == 0 ? err : -errno;
}

static int fork_child(struct spawned *spawned, struct child *child)
{
	int err = open_pipe(&spawned->report, &child->report, &spawned->report);

	if (err)
		return err;
	spawned->pid = fork();
	if (spawned->pid == 0)
		child_run(child);
	return spawned->pid < 0 ? -errno : 0;
}

int spawn(struct spawned *spawned, const struct exec_message *message, const struct setup_rlimit *rlimits,
	  uint32_t rlimit_count, const char **what)
{
	bool terminal = message->flags & EXEC_TTY;
	struct child child = {
		.message = message,
		.rlimits = rlimits,
		.rlimit_count = rlimit_count,
		.stdio = { -1, -1, -1 },
		.report = -1,
	};

	*spawned = (struct spawned){ .report = -1, .terminal = -1, .input = -1, .stdout = -1, .stderr = -1 };
	*what = terminal ? "pseudo-terminal" : "pipes";

	int err = terminal ? open_terminal(spawned, &child) : open_pipes(spawned, &child);

	if (!err && message->flags & EXEC_PID1) {
		*what = "PID namespace";
		err = enter_pid_namespace();
	}
	if (!err) {
		*what = "fork";
		err = fork_child(spawned, &child);
	}
	close_fd(&child.report);
	for (int fd = 0; fd < 3 && !terminal; fd++)
		close_fd(&child.stdio[fd]);
	if (err) {
		close_fd(&spawned->report);
		close_fd(&spawned->terminal);
		close_fd(&spawned->input);
		close_fd(&spawned->stdout);
		close_fd(&spawned->stderr);
	}
	return err;
}
