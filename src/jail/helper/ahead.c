#include "jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * With --ahead, a client and the runner that it will need start at the same time. This process becomes the client. Its
 * child, a smolvm-jail with a runner, waits for the client. The client connects to the socket whose name is in its
 * variable SMOLVM_SPARE, and so becomes the taker, see warm.c. Until then the child ends with the client. The socket is
 * abstract, so that it needs no folder and no removal. Its name is random, and only the client is accepted.
 */
#define NAME_SIZE 33

static pid_t client;
/* The runner's standard error, before it has a log; read when the runner has ended. */
static int messages = -1;

/* Splits the words at the next `--`; returns those behind it. */
static char **split(char **words)
{
	while (*words && strcmp(*words, "--"))
		words++;
	if (!*words)
		fail("--ahead without --", EINVAL);
	*words = NULL;
	return words + 1;
}

/* Whether there is a warm machine that the client may take. src/state/warm.ts defines the path of its socket. */
static bool is_any_waiting(void)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char folder[4096], path[4096 + 300];
	struct dirent *entry;
	bool found = false;

	snprintf(folder, sizeof folder, "%s/smolvm", xdg && *xdg == '/' ? xdg : "/run");

	DIR *dir = opendir(folder);

	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof path, "%s/%s/warm.sock", folder, entry->d_name);
		found = access(path, F_OK) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Whether this is the option -p or --publish with a port; not for UDP ports, which only a gateway publishes. */
static bool publishes(char **words)
{
	const char *value = NULL;

	if (!strcmp(*words, "-p") || !strcmp(*words, "--publish"))
		value = words[1];
	else if (!strncmp(*words, "--publish=", 10))
		value = *words + 10;
	else if (!strncmp(*words, "-p", 2))
		value = *words + 2;
	/* The -p of the command in the machine has other kinds of values. */
	return value && *value && strchr("0123456789[", *value) && !strstr(value, "/udp");
}

/* The client's Deno would create a missing cache after the jail was set up, so that the runner could write there. */
static bool is_cache_there(void)
{
	const char *cache = getenv("DENO_DIR");

	return cache && access(cache, F_OK) == 0;
}

/*
 * Guesses from the command line whether the client needs a runner, and with which options. The client checks that: a
 * wrong guess only costs the head start. Only for root: the prefix of other users' runners depends on what they run.
 */
static bool guess(char **words, struct options *options)
{
	bool runs = *words && !strcmp(*words, "run");

	if (geteuid() != 0 || !*words || !words[1] || !strcmp(words[1], "-h") || !strcmp(words[1], "--help") ||
	    !is_cache_there())
		return false;
	if (!runs)
		return !strcmp(*words, "start");
	if (is_any_waiting())
		return false;
	for (char **word = words + 1; *word; word++) {
		/* A Smolfile may set more options. */
		if (!strcmp(*word, "-f") || !strcmp(*word, "--file"))
			return false;
		options->unjailed |= !strcmp(*word, "--insecure-no-jail");
		options->host_network |= publishes(word);
	}
	return true;
}

/* Listens on an abstract socket with a random name. */
static int listen_anywhere(char name[NAME_SIZE])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	unsigned long long random[2];
	int fd;

	if (getrandom(random, sizeof random, 0) != sizeof random)
		return -1;
	snprintf(name, NAME_SIZE, "%016llx%016llx", random[0], random[1]);
	memcpy(address.sun_path + 1, name, NAME_SIZE - 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + NAME_SIZE) &&
	    !listen(fd, 1))
		return fd;
	return -1;
}

/* Detaches the child from the client: from its open files and from the signals of its terminal. */
static int part_from_client(int listener)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), ends[2];

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != client || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(listener, 3) < 0)
		exit(JAIL_FAILED);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	syscall(SYS_close_range, 4, ~0U, 0);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) || dup2(ends[1], 2) < 0)
		exit(JAIL_FAILED);
	fcntl(2, F_SETFL, 0);
	messages = fcntl(ends[0], F_DUPFD_CLOEXEC, MESSAGES_FD + 1);
	close(ends[0]);
	close(ends[1]);
	setsid();
	setenv("SMOLVM_ROLE", "runner", 1);
	return 3;
}

struct options start_ahead(char **runner)
{
	struct options options = {.command = runner, .listener = -1};
	char **program = split(runner), **words = split(program), name[NAME_SIZE], variable[128];
	int listener = guess(words, &options) ? listen_anywhere(name) : -1;

	client = getpid();
	block_debugger();
	if (listener >= 0) {
		snprintf(variable, sizeof variable, "%s%s%s", name, options.unjailed ? " --unjailed" : "",
			 options.host_network ? " --host-network" : "");
		switch (fork()) {
		case 0:
			options.listener = part_from_client(listener);
			return options;
		case -1:
			break;
		default:
			setenv("SMOLVM_SPARE", variable, 1);
		}
	}
	/* Append the words to the program's arguments, over the NULL of split(). */
	for (char **word = words - 1; (word[0] = word[1]); word++)
		;
	execvp(program[0], program);
	fail(program[0], errno);
}

bool is_client(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && peer.pid == client;
}

void tell_messages(int fd)
{
	static char text[64 * 1024];
	ssize_t count = messages < 0 ? 0 : read(messages, text, sizeof text);

	if (count > 0)
		(void)!send(fd, text, count, MSG_NOSIGNAL);
}
