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
 * What the runner wants done that it cannot do from inside of its jail. It says so before its VM starts and closes the
 * pipe then, so that no guest has a word in it. Each order is one letter and its arguments, all ended by a NUL:
 *
 *   c FILE             keep what the guest writes to its console there
 *   m FILE             keep the messages of the runner, of libkrun and of the gateway there
 *   w FILE             keep the events of the gateway there
 *   e                  kill the runner when nobody holds the other end of its standard input any more: one that its
 *                      guest has taken over, or that is busy, would not end by itself
 *   g TEXT             the next word of the gateway's command, which is started outside of the jail
 *   p SOCKET           listen there for the gateway, and send the pings that it asks for
 *
 * with --warm:
 *
 *   t SOCKET           listen there for who takes the machine; its orders come in the place of this one
 *   i SECONDS          wait for it no longer
 *   v ID               refuse it unless that mount is its root
 *   f FILE             start another machine like it in its place once it is taken, unless that file is gone by then;
 *                      without this order, none starts
 *   s FOLDER           the folders of the order `b` appear in `s` of that one, in the runner's tree
 *
 * of who takes the machine, beside `e`, `n` and `h`:
 *
 *   b ro|rw FOLDER     mount that folder: the first as `rootfs`, the others as `v0`, `v1` and so on
 *
 * and after its end, in this order:
 *
 *   n FOLDER NAME ID   take NAME out of the index of names in FOLDER, if it is that of the machine ID
 *   l FILE             take that lock; without it, what follows is left to who has it
 *   r PATH             remove a file, or a folder with everything in it
 *   d PATH             remove an empty folder
 *   h FILE             unless that file is there, leave what follows to who holds the other end of the runner's standard
 *                      input, if somebody does: there is something to be read first of why the runner ended
 */
static char orders[128 * 1024];
static size_t length;

/* As many bytes of them may come from the command; who takes its machine adds to that. */
#define ORDERS_MAX (32 * 1024)

/* How long a lock is waited for that others hold for a moment, to look at it. */
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

/* The next text; NULL when the orders end before it does. */
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

size_t words_ordered(char letter, const char **words, size_t most)
{
	struct order order;
	size_t count = 0;
	for (size_t at = 0; count < most && next_order(&at, &order);)
		if (order.letter == letter)
			words[count++] = order.arguments[0];
	return count;
}

size_t pairs_ordered(char letter, const char **firsts, const char **seconds, size_t most)
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

const char *file_ordered(char letter)
{
	const char *file = NULL;
	words_ordered(letter, &file, 1);
	return file;
}

bool is_ordered(char letter)
{
	const char *word;
	return words_ordered(letter, &word, 1) > 0;
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

/* Whether somebody still holds the other end of a pipe. */
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
