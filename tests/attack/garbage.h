/* What no driver would send to a device, by its queues. */
#ifndef ATTACK_GARBAGE_H
#define ATTACK_GARBAGE_H

/* Sends it to the device of that name. Returns 0, or -errno when the device cannot be had. */
int send_garbage(const char *device);

#endif
