#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * A guest can cause endless console output and endless events, and may have taken over the process that writes
 * messages. So each log has one file and one older file, FILE.1, each of at most this size.
 */
#define LOG_MAX_BYTES (4 * 1024 * 1024)

/* How long the gateway may continue to deliver data after the runner's end. */
#define GATEWAY_END_MS 5000

struct log {
	int pipe;
	const char *path; /* NULL: the log is not wanted */
	int fd;           /* -1: the log cannot be written; the machine continues without it */
	size_t bytes;
};

/* A malicious guest may have changed the folder: never write to an existing file or through a link. */
static void open_new(struct log *log)
{
	log->bytes = 0;
	log->fd = -1;
	if (!log->path)
		return;
	unlink(log->path);
	log->fd = open(log->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static void rotate(struct log *log)
{
	char older[4096 + 2];
	close(log->fd);
	snprintf(older, sizeof older, "%s.1", log->path);
	rename(log->path, older);
	open_new(log);
}

static void append(struct log *log, const char *data, size_t size)
{
	if (log->fd >= 0 && log->bytes + size > LOG_MAX_BYTES)
		rotate(log);
	while (log->fd >= 0 && size > 0) {
		ssize_t count = write(log->fd, data, size);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return; /* The disk is full. Later data may find room. */
		data += count;
		size -= count;
		log->bytes += count;
	}
}

/* Copies available data to the log; false at the end of the pipe. */
static bool drain(struct log *log)
{
	static char data[64 * 1024];
	ssize_t count = read(log->pipe, data, sizeof data);
	if (count < 0)
		return errno == EINTR || errno == EAGAIN;
	append(log, data, count);
	return count > 0;
}

/* Writes the last event on behalf of the gateway, which has exited. src/network/events.ts defines its format. */
static void note_gateway_end(struct log *events)
{
	char reason[128], when[32], line[256];
	struct timespec now;
	struct tm utc;
	await_gateway_exit();
	if (!await_gateway(reason, sizeof reason))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
	snprintf(line, sizeof line, "{\"time\":\"%s.%03ldZ\",\"event\":\"end\",\"reason\":\"%s\"}\n", when,
		 now.tv_nsec / 1000000, reason);
	append(events, line, strlen(line));
}

enum { CONSOLE, MESSAGES, EVENTS, INPUT };

static bool is_any_open(const struct pollfd *polls)
{
	return polls[CONSOLE].fd >= 0 || polls[MESSAGES].fd >= 0 || polls[EVENTS].fd >= 0;
}

static void note_end(struct log *logs, int which)
{
	if (which == CONSOLE)
		end_gateway();
	if (which == EVENTS)
		note_gateway_end(&logs[EVENTS]);
}

void keep_logs(int console_fd, int messages_fd, int events_fd, int input_fd)
{
	struct log logs[INPUT] = {
		{.pipe = console_fd, .path = order_argument('c')},
		{.pipe = messages_fd, .path = order_argument('m')},
		{.pipe = events_fd, .path = events_fd < 0 ? NULL : order_argument('w')},
	};
	/* No events for the input: poll() always reports that the write end is closed. */
	struct pollfd polls[INPUT + 1 + WARM_POLLS] = {[INPUT] = {.fd = is_ordered('e') ? input_fd : -1}};
	for (int i = 0; i < INPUT; i++) {
		open_new(&logs[i]);
		polls[i] = (struct pollfd){.fd = logs[i].pipe, .events = POLLIN};
	}
	while (is_any_open(polls)) {
		/* Only the runner writes to the console: once it is closed, only the gateway may still write. */
		warm_expect(&polls[INPUT + 1]);
		int count = poll(polls, INPUT + 1 + WARM_POLLS, polls[CONSOLE].fd < 0 ? GATEWAY_END_MS : warm_timeout_ms());
		if (count < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (count == 0 && polls[CONSOLE].fd < 0) {
			kill_gateway();
			break;
		}
		warm_handle(&polls[INPUT + 1]);
		if (polls[INPUT].fd >= 0 && polls[INPUT].revents) {
			kill_command();
			polls[INPUT].fd = -1;
		}
		for (int i = 0; i < INPUT; i++)
			if (polls[i].fd >= 0 && polls[i].revents && !drain(&logs[i])) {
				polls[i].fd = -1;
				note_end(logs, i);
			}
	}
	for (int i = 0; i < INPUT; i++)
		if (logs[i].fd >= 0)
			close(logs[i].fd);
}
