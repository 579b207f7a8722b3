/* Invalid requests to a device, through its queues. */
#ifndef ATTACK_GARBAGE_H
#define ATTACK_GARBAGE_H

/* Sends invalid requests to the device with that name. Returns 0, or -errno when the device is not available. */
int send_garbage(const char *device);

#endif
