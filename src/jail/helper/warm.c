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
 * With --warm, the runner boots a machine without a root filesystem, which waits for one (a warm machine). With
 * --ahead, the runner waits for its client. This process listens on a socket for the client that takes it (the taker).
 * The first client to connect is the taker, and there is only one. It sends orders, an empty text, and a line with the
 * runner's specification. This process mounts the folders of the orders `b` in the runner's tree, from outside, and
 * forwards the line to the runner.
 *
 * From then on the connection replaces the pipes that a runner has to its starter. The runner's output is sent to the
 * taker. When the taker closes its side, the runner's input ends. When the machine has ended and its files are removed,
 * the taker gets a line `ended CODE SIGNAL` and, with --ahead, the runner's messages; then the connection ends. Any
 * further data from the taker kills the runner.
 */

/* The line must fit into the pipe to the runner, so that forwarding it never blocks. */
#define REQUEST_MAX (60 * 1024)
/* Time until a taken machine is succeeded by a new one. By then it has started, and has ended if it is short-lived. */
#define FILL_DELAY_MS 5000

static enum { OFF, BOOTS, WAITS, ASKED, TAKEN, ENDS } state;
static int input = -1, output = -1; /* the other ends of the runner's standard input and output */
static int starter = -1, listener = -1, taker = -1;
static bool is_ahead, knows_orders, taker_left, filled, fills_at_end;
static long long deadline_ms = LLONG_MAX; /* when to stop waiting for a taker, or to start the successor */
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

/* Reads the specification of the machine to boot: one line. */
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
	/* Without a specification, the runner exits. */
	if (!read_first_line() || write(input, first_line, first_line_length) < 0)
		close_fd(&input);
}

/* The socket for takers. It exists while the machine waits for a taker. */
static const char *socket_path(void)
{
	return order_argument('t');
}

static void stop_listening(void)
{
	if (listener >= 0 && !is_ahead)
		unlink(socket_path());
	close_fd(&listener);
}

/* Kills a machine that cannot be used any more. */
static void give_up(void)
{
	if (state != TAKEN)
		state = ENDS;
	stop_listening();
	kill_command();
}

static void start_listening(void)
{
	const char *path = socket_path(), *place = order_argument('f'), *idle_s;

	listener = path ? listen_at(path) : -1;
	if (listener < 0)
		return give_up();
	/* With this lock, a process that finds the runner gone does not remove its files, which include its place. */
	if (place)
		take_lock(place);
	idle_s = order_argument('i');
	deadline_ms = now_ms() + 1000LL * (idle_s ? atol(idle_s) : 0);
	state = WAITS;
}

/* The id of the mount that is the root of a process; 0 when its root is not a mount. */
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
 * Whether paths mean the same files to the peer as to the client that ordered this machine. Their root mounts are
 * compared, because a mount belongs to one mount namespace only. Namespaces are not compared, because this process may
 * be in another one (of buildah), from which it cannot read them.
 */
static bool sees_same_files(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	const char *root = order_argument('v');

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
	/* Do this first: from now on this process ends with the connection, not with the client. */
	if (is_ahead && is_client(taker))
		prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	if (!(is_ahead ? is_client(taker) : sees_same_files(taker)) || send(taker, "taken\n", 6, MSG_NOSIGNAL) != 6)
		return close_fd(&taker);
	stop_listening();
	state = ASKED;
}

/* The length of the orders at the start of the request, including the empty text behind them; 0 if it is missing. */
static size_t orders_length(void)
{
	for (size_t at = 0; at < request_length; at++)
		if (request[at] == 0 && (at == 0 || request[at - 1] == 0))
			return at + 1;
	return 0;
}

/* While the machine was warm, the runner's cgroup had the lowest CPU weight. Now it gets the normal weight. */
static void end_background(void)
{
	const char *group = order_argument('d');
	char path[4096];
	int fd = -1;

	if (group && snprintf(path, sizeof path, "%s/cpu.weight", group) < (int)sizeof path)
		fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "100", 3) < 0)
		errno = 0; /* The machine then runs with less CPU time. */
	close_fd(&fd);
}

/* Handles the taker's request once it is complete. */
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
		/* The connection stays open: closing it tells the taker that the machine's files are removed. */
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

/* Reads the runner's output. The first line is for its starter, the rest for the taker. */
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
	/* Listen first: the starter may take the machine as soon as it gets the line. */
	if (data[count - 1] == '\n')
		start_listening();
	(void)!write(starter, data, count);
	if (state != BOOTS)
		close_fd(&starter);
}

/* In an orphaned child: executes this program again, as it was started. */
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

/* Frees the place of the taken machine. Returns whether to start a successor: not if the place was removed. */
static bool give_place(void)
{
	const char *file = order_argument('f');
	char time_ms[32];

	filled = true;
	/* Before the place is free: src/state/warm.ts compares this with the time at which the places last changed. */
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

	/* read_runner() needs the orders: while the machine boots, do not read its output before them. */
	bool listens = state != OFF && (state != BOOTS || knows_orders);

	polls[0] = (struct pollfd){.fd = listens ? output : -1, .events = POLLIN};
	polls[1] = (struct pollfd){.fd = state == OFF ? -1 : client, .events = POLLIN};
}

int warm_timeout_ms(void)
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
	/* Now, because the place is in the machine's folder, which is removed next. */
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
	/* The connection closes when this process exits: the taker sees that only when this process is gone too. */
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
