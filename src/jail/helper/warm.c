#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * With --warm, the runner's machine boots without a root and waits for one; with --ahead, the runner waits for its
 * client. This process listens on a socket for them. The first to connect is the taker: there is only one. It sends
 * orders, an empty text, and the line that is the runner's specification; this process has the folders of the order `b`
 * mounted in the runner's tree, from outside, and passes the line on. From then on the connection is to the taker what the
 * pipes of a runner are to its starter: what the runner writes comes back, the end of the taker's side ends what it holds,
 * and the connection ends when nothing of the machine is left, after a line `ended CODE SIGNAL` and, with --ahead, the
 * runner's messages. Whatever the taker sends besides kills the runner.
 */

/* The line must fit into the pipe to the runner, so that passing it on never blocks. */
#define REQUEST_MAX (60 * 1024)
/* After a taking, how long until its place is filled again: the machine has started by then, and a short one ended. */
#define FILL_DELAY_MS 5000

static enum { OFF, BOOTS, WAITS, ASKED, TAKEN, ENDS } state;
static int input = -1, output = -1; /* the other ends of the runner's standard input and output */
static int starter = -1, listener = -1, taker = -1;
static bool is_ahead, knows_orders, taker_left, filled, fills_at_end;
static long long deadline_ms = LLONG_MAX; /* of waiting for a taker, or of filling the place again */
static pid_t runner;
static char **program; /* of this process */
static char first_line[REQUEST_MAX];
static size_t first_line_length;
static char request[REQUEST_MAX];
static size_t request_length;

static long long read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static long long now_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Reads the specification with which the machine boots: one line. */
static bool read_first_line(void)
{
	while (first_line_length < sizeof first_line) {
		ssize_t count = read(0, first_line + first_line_length, sizeof first_line - first_line_length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;
		first_line_length += count;
		if (first_line[first_line_length - 1] == '\n')
			return true;
	}
	return false;
}

void taker_begin(pid_t child, int input_fd, int output_fd, int listener_fd)
{
	runner = child;
	input = input_fd;
	output = output_fd;
	listener = listener_fd;
	is_ahead = filled = listener >= 0;
	state = is_ahead ? WAITS : BOOTS;
}

void warm_begin(char **argv)
{
	program = argv;
	starter = fcntl(1, F_DUPFD_CLOEXEC, MESSAGES_FD + 1);
	/* Without one, the runner ends. */
	if (!read_first_line() || write(input, first_line, first_line_length) < 0)
		close_fd(&input);
}

/* Where takers connect; the socket's being there says that the machine waits. */
static const char *socket_path(void)
{
	return file_ordered('t');
}

static void stop_listening(void)
{
	if (listener >= 0 && !is_ahead)
		unlink(socket_path());
	close_fd(&listener);
}

/* Ends a machine that nobody can use. */
static void give_up(void)
{
	if (state != TAKEN)
		state = ENDS;
	stop_listening();
	kill_command();
}

static void start_listening(void)
{
	const char *path = socket_path(), *place = file_ordered('f'), *idle_s;

	listener = path ? listen_at(path) : -1;
	if (listener < 0)
		return give_up();
	/* Who finds the runner gone must not remove what it left, and the right to its place with that. */
	if (place)
		take_lock(place);
	idle_s = file_ordered('i');
	deadline_ms = now_ms() + 1000LL * (idle_s ? atol(idle_s) : 0);
	state = WAITS;
}

/* The id of the mount that is the root of a process; 0 when it has another kind of root. */
static long root_mount(pid_t pid)
{
	char path[64], *line = NULL;
	size_t size = 0;
	long id, found = 0;
	int end;

	snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);

	FILE *file = fopen(path, "re");

	while (file && !found && getline(&line, &size, file) > 0) {
		end = 0;
		sscanf(line, "%ld %*d %*s %*s /%n", &id, &end);
		if (end > 0 && line[end] == ' ')
			found = id;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

/*
 * Whether what that process means by a path is what it meant to who wanted this machine: a mount belongs to one mount
 * namespace alone. This process may be in another one, of buildah's, from where it could not look at the namespaces.
 */
static bool sees_same_files(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	const char *root = file_ordered('v');

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || peer.uid != geteuid() || peer.pid <= 0)
		return false;

	long id = root_mount(peer.pid);

	return root && id != 0 && id == atol(root);
}

static void accept_taker(void)
{
	taker = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (taker < 0)
		return;
	/* First: from now on this process ends with the connection, and not with the client. */
	if (is_ahead && is_client(taker))
		prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	if (!(is_ahead ? is_client(taker) : sees_same_files(taker)) || send(taker, "taken\n", 6, MSG_NOSIGNAL) != 6)
		return close_fd(&taker);
	stop_listening();
	state = ASKED;
}

/* The length of the orders at the beginning of the request, with the empty text behind them; 0 when that is not there. */
static size_t orders_length(void)
{
	for (size_t at = 0; at < request_length; at++)
		if (request[at] == 0 && (at == 0 || request[at - 1] == 0))
			return at + 1;
	return 0;
}

/* The runner's control group, if it has one, has had next to none of the processors: now it gets its share. */
static void end_background(void)
{
	const char *group = file_ordered('d');
	char path[4096];
	int fd = -1;

	if (group && snprintf(path, sizeof path, "%s/cpu.weight", group) < (int)sizeof path)
		fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "100", 3) < 0)
		errno = 0; /* It has to do with less then. */
	close_fd(&fd);
}

/* Does what the taker asks for as soon as all of it is there. */
static void answer_request(void)
{
	size_t orders = orders_length();

	if (orders == 0 || request[request_length - 1] != '\n') {
		if (request_length == sizeof request)
			give_up();
		return;
	}
	state = TAKEN;
	if (!is_ahead) {
		end_background();
		deadline_ms = now_ms() + FILL_DELAY_MS;
		if (!take_orders(request, orders - 1) || !bind_folders(runner, taker))
			return give_up();
	}
	if (write(input, request + orders, request_length - orders) < 0)
		give_up();
}

static void read_taker(void)
{
	char data[64];
	ssize_t count = state == ASKED ? read(taker, request + request_length, sizeof request - request_length)
				       : read(taker, data, sizeof data);

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (count <= 0) {
		/* Kept open: its end says that nothing is left. */
		taker_left = true;
		close_fd(&input);
		if (state == ASKED || is_ordered('e'))
			give_up();
	} else if (state == ASKED) {
		request_length += count;
		answer_request();
	} else {
		kill_command();
	}
}

/* What the runner writes: its first line is for its starter, and what follows for the taker. */
static void read_runner(void)
{
	char data[4096];
	ssize_t count = read(output, data, sizeof data);

	if (count < 0 && errno == EINTR)
		return;
	if (count <= 0)
		return close_fd(&output);
	if (state != BOOTS) {
		if (taker >= 0)
			(void)!send(taker, data, count, MSG_NOSIGNAL);
		return;
	}
	/* First: a starter that is told of the machine may take it. */
	if (data[count - 1] == '\n')
		start_listening();
	(void)!write(starter, data, count);
	if (state != BOOTS)
		close_fd(&starter);
}

/* In a process of its own, whose parent is gone: becomes what this one was at its start. */
static void start_another(void)
{
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	setsid();
	if (null < 0 || pipe2(ends, O_CLOEXEC) || write(ends[1], first_line, first_line_length) < 0)
		return;
	dup2(ends[0], 0);
	dup2(null, 1);
	dup2(null, 2);
	syscall(SYS_close_range, 3, ~0U, 0);
	execvp(program[0], program);
}

/* Whether the place of the machine that was taken is to be filled now: unless somebody has removed it meanwhile. */
static bool give_place(void)
{
	const char *file = file_ordered('f');
	char time_ms[32];

	filled = true;
	/* Before the place is free: src/state/warm.ts compares it with the time at which places were changed. */
	snprintf(time_ms, sizeof time_ms, "%lld", read_clock(CLOCK_REALTIME));
	setenv("SMOLVM_SUCCEEDS_AT", time_ms, 1);
	return file && unlink(file) == 0;
}

static void fill(void)
{
	pid_t child = fork();

	if (child == 0) {
		close_fd(&taker);
		if (fork() == 0)
			start_another();
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

void warm_expect(struct pollfd polls[WARM_POLLS])
{
	int client = taker_left ? -1 : taker >= 0 ? taker : listener;

	/* What a machine that boots says is answered by its orders: they come first. */
	bool listens = state != OFF && (state != BOOTS || knows_orders);

	polls[0] = (struct pollfd){.fd = listens ? output : -1, .events = POLLIN};
	polls[1] = (struct pollfd){.fd = state == OFF ? -1 : client, .events = POLLIN};
}

int warm_patience_ms(void)
{
	long long left = deadline_ms - now_ms();

	if (state == WAITS || (state == TAKEN && !filled))
		return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
	return -1;
}

void warm_handle(const struct pollfd polls[WARM_POLLS])
{
	if (polls[0].fd >= 0 && polls[0].revents)
		read_runner();
	if (polls[1].fd >= 0 && polls[1].revents) {
		if (polls[1].fd == listener)
			accept_taker();
		else
			read_taker();
	}
	if (now_ms() < deadline_ms)
		return;
	if (state == WAITS)
		give_up();
	if (state == TAKEN && !filled && give_place())
		fill();
}

void warm_end(void)
{
	stop_listening();
	/* With its folder, the right to its place would go. */
	fills_at_end = state == TAKEN && !filled && give_place();
}

void warm_finish(int status)
{
	char line[64];
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	int size = snprintf(line, sizeof line, "ended %d %d\n", signal ? 128 + signal : WEXITSTATUS(status), signal);

	if (taker >= 0) {
		(void)!send(taker, line, size, MSG_NOSIGNAL);
		tell_messages(taker);
	}
	if (fills_at_end)
		fill();
	/* The taker's connection ends with this process: who sees its end finds nothing left of this one, either. */
}

int taker_holder(void)
{
	return taker_left ? -1 : taker;
}

void taker_know_orders(void)
{
	knows_orders = true;
	if (taker_left && is_ordered('e'))
		kill_command();
}
