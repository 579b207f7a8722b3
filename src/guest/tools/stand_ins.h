/*
 * Listeners on this guest's loopback that stand in for servers in other guests: the containers of a pod share one
 * loopback, but guests do not.
 */
#ifndef SMOLVM_STAND_INS_H
#define SMOLVM_STAND_INS_H

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* More than a reasonable pod needs. */
#define STAND_INS_MAX 256

struct stand_ins {
	struct pollfd listeners[STAND_INS_MAX];
	in_port_t ports[STAND_INS_MAX];
	size_t count;
};

/*
 * Changes the set of listeners to `ports`, decimal numbers separated by spaces. Skips a port on which a server in this
 * guest listens.
 */
void stand_ins_set(struct stand_ins *set, const char *ports);
bool stand_ins_have(const struct stand_ins *set, unsigned port);
/* Connects each client to the same port of `host`, in separate processes, which the caller need not wait for. */
void stand_ins_serve(const struct stand_ins *set, struct in_addr host);

#endif
