#ifndef SMOLVM_INIT_H
#define SMOLVM_INIT_H

/*
 * The first tasks of an init: mounts the system's file systems, brings the loopback interface up, starts a session.
 * Does nothing where libkrun's own init ran first, as in libkrun before 1.19. 0 or -errno.
 */
int init_system(void);

#endif
