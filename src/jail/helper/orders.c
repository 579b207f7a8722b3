#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/*
 * Orders are tasks of the runner that it cannot do itself from inside its jail. The runner sends them before its VM
 * starts and then closes the pipe, so that no guest can change them. Each order is a letter and its arguments, each
 * ended by a NUL:
 *
 *   c FILE             write the guest's console output to this file
 *   m FILE             write the messages of the runner, of libkrun and of the gateway to this file
 *   w FILE             write the events of the gateway to this file
 *   e                  kill the runner when the write end of its standard input is closed: a runner that is busy, or
 *                      that its guest has taken over, would not exit by itself
 *   g TEXT             the next word of the gateway's command, which is started outside the jail
 *   p SOCKET           listen on this socket for the gateway, and send its pings
 *
 * with --warm:
 *
 *   t SOCKET           listen on this socket for the client that takes the machine; its orders replace this one
 *   i SECONDS          wait for the client for this time
 *   v ID               refuse the client unless its root is the mount with this id
 *   f FILE             once the machine is taken, start another machine like it, unless this file is gone by then;
 *                      without this order, none is started
 *   s FOLDER           mount the folders of the orders `b` in `FOLDER/s`, in the runner's tree
 *
 * from the client that takes the machine, besides `e`, `n` and `h`:
 *
 *   b ro|rw FOLDER     mount this folder: the first as `rootfs`, the others as `v0`, `v1` and so on
 *
 * and after the runner's end, in this order:
 *
 *   n FOLDER NAME ID   remove NAME from the index of names in FOLDER, if it belongs to the machine ID
 *   l FILE             take this lock; if another process holds it, leave the following orders to that process
 *   r PATH             remove a file, or a folder with its contents
 *   d PATH             remove an empty folder
 *   h FILE             if this file is missing and the write end of the runner's standard input is still open, leave
 *                      the following orders to the process that has it open: it first reads why the runner ended
 */
static char orders[128 * 1024];
static size_t length;

/* The maximum size of the command's orders. The orders of the client that takes the machine come on top. */
#define ORDERS_MAX (32 * 1024)

/* How long to wait for a lock that another process holds for a moment, to check it. */
#define LOCK_TRIES 200
#define LOCK_PAUSE_NS (10 * 1000 * 1000)

void read_orders(int fd)
{
	while (length < ORDERS_MAX) {
		struct pollfd polls[1 + WARM_POLLS] = {{.fd = fd, .events = POLLIN}};
		warm_expect(&polls[1]);
		if (poll(polls, 1 + WARM_POLLS, -1) > 0)
			warm_handle(&polls[1]);
		if (!polls[0].revents)
			continue;
		ssize_t count = read(fd, orders + length, ORDERS_MAX - length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		length += count;
	}
	close(fd);
	taker_know_orders();
}

/* One order. */
struct order {
	char letter;
	const char *arguments[3];
};

/* The next text; NULL when it is incomplete. */
static const char *next_text(size_t *at)
{
	const char *text = orders + *at;
	const char *end = *at < length ? memchr(text, 0, length - *at) : NULL;
	if (!end)
		return NULL;
	*at = end - orders + 1;
	return text;
}

static bool next_order(size_t *at, struct order *order)
{
	const char *letter = next_text(at);
	if (!letter)
		return false;
	*order = (struct order){.letter = *letter};
	int count = *letter == 'n' ? 3 : *letter == 'b' ? 2 : *letter == 'e' ? 0 : 1;
	for (int i = 0; i < count; i++)
		if (!(order->arguments[i] = next_text(at)))
			return false;
	return true;
}

size_t order_arguments(char letter, const char **words, size_t most)
{
	struct order order;
	size_t count = 0;
	for (size_t at = 0; count < most && next_order(&at, &order);)
		if (order.letter == letter)
			words[count++] = order.arguments[0];
	return count;
}

size_t order_pairs(char letter, const char **firsts, const char **seconds, size_t most)
{
	struct order order;
	size_t count = 0;
	for (size_t at = 0; count < most && next_order(&at, &order);)
		if (order.letter == letter) {
			firsts[count] = order.arguments[0];
			seconds[count++] = order.arguments[1];
		}
	return count;
}

bool take_orders(const char *text, size_t size)
{
	struct order order;
	for (size_t at = 0, before = 0; next_order(&at, &order); before = at) {
		if (order.letter != 't')
			continue;
		if (length - at + before + size > sizeof orders)
			return false;
		memmove(orders + before + size, orders + at, length - at);
		memcpy(orders + before, text, size);
		length = before + size + (length - at);
		return true;
	}
	return false;
}

const char *order_argument(char letter)
{
	const char *file = NULL;
	order_arguments(letter, &file, 1);
	return file;
}

bool is_ordered(char letter)
{
	const char *word;
	return order_arguments(letter, &word, 1) > 0;
}

static bool lock_file(int fd)
{
	struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool take_lock(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && lock_file(fd);
}

static void release_name(const char *folder, const char *name, const char *id)
{
	char path[4096], holder[64] = "";
	snprintf(path, sizeof path, "%s/.lock", folder);
	int lock = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0)
		return;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (lock_file(lock)) {
		int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		ssize_t count = fd < 0 ? -1 : read(fd, holder, sizeof holder - 1);
		if (count > 0 && !strcmp(holder, id))
			unlink(path);
		if (fd >= 0)
			close(fd);
	}
	close(lock);
}

/* Whether the write end of a pipe is still open. */
static bool is_held(int fd)
{
	struct pollfd input = {.fd = fd};
	return fd >= 0 && poll(&input, 1, 0) == 0;
}

void carry_out_orders(int input_fd)
{
	struct order order;
	for (size_t at = 0; next_order(&at, &order);) {
		switch (order.letter) {
		case 'n':
			release_name(order.arguments[0], order.arguments[1], order.arguments[2]);
			break;
		case 'l':
			if (!take_lock(order.arguments[0]))
				return;
			break;
		case 'r':
			remove_tree(order.arguments[0]);
			break;
		case 'd':
			rmdir(order.arguments[0]);
			break;
		case 'h':
			if (faccessat(AT_FDCWD, order.arguments[0], F_OK, AT_SYMLINK_NOFOLLOW) && is_held(input_fd))
				return;
			break;
		}
	}
}
