/* The machine of the tests: no mounts, no reboot, and only the agent's own children die. */
#ifndef SMOLVM_FAKE_MACHINE_H
#define SMOLVM_FAKE_MACHINE_H

/* With this environment variable, machine_prepare() fails with EIO at FAKE_MACHINE_PREPARE_STEP. */
#define FAKE_MACHINE_UNPREPARED "FAKE_MACHINE_UNPREPARED"
#define FAKE_MACHINE_PREPARE_STEP "mount the disk"
/* A setup with this host name fails with EROFS at FAKE_MACHINE_STEP. */
#define FAKE_MACHINE_BROKEN "broken"
#define FAKE_MACHINE_STEP "mount volume at /data"

#endif
