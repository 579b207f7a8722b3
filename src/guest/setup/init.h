#ifndef SMOLVM_INIT_H
#define SMOLVM_INIT_H

/*
 * What an init does first: the system's mounts, the loopback interface, a session. Nothing where libkrun's own init has
 * come before this, which is the case with libkrun older than 1.19. Returns a negative errno when it failed.
 */
int init_system(void);

#endif
