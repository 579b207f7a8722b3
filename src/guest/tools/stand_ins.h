/*
 * Listeners at this guest's loopback that stand for the servers of other guests: containers of a pod have one loopback
 * in common, and guests have none.
 */
#ifndef SMOLVM_STAND_INS_H
#define SMOLVM_STAND_INS_H

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* As many as a pod may reasonably have. */
#define STAND_INS_MAX 256

struct stand_ins {
	struct pollfd listeners[STAND_INS_MAX];
	in_port_t ports[STAND_INS_MAX];
	size_t count;
};

/*
 * Brings the listeners to the ports of a text, which are decimal and have spaces between them. A port that a server of
 * this guest has is left to that.
 */
void stand_ins_set(struct stand_ins *set, const char *ports);
bool stand_ins_have(const struct stand_ins *set, unsigned port);
/* Connects each client to the same port of `host`, in processes of its own, for which the caller need not wait. */
void stand_ins_serve(const struct stand_ins *set, struct in_addr host);

#endif
