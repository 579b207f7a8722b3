/**
 * Attempts of root in a guest to attack its host, and their expected results. The guest has the writable volume `/v`,
 * the read-only volume `/r` and the programs of this folder in `/a`; 160 MiB of memory, a disk of 128 MiB, no network.
 *
 * @module
 */

/** An attempt after which the machine continues to run. */
export interface Action {
  name: string;
  /** A script for `sh` in the guest. */
  script: string;
  /** Must match its output. */
  prints: RegExp;
}

/** Any message of a refusal. */
const NO =
  /not permitted|denied|Read-only|refused|unreachable|No such|Invalid|not support|Bad|timed out|busy|[Cc]ross-device/;

/** @param port a port on the host's loopback with a listener */
export function survivable(port: number): Action[] {
  return [
    // Below the guest's kernel.
    { name: "take the file share's device", script: "/a/vfs_escape list=/", prints: /^escape: take device: EPERM$/m },
    { name: "read all memory", script: "head -c 1 /proc/kcore | wc -c", prints: /^0$/m },
    { name: "make /dev/port", script: "mknod /tmp/port c 1 4; head -c 1 /tmp/port | wc -c", prints: /^0$/m },
    { name: "read the kernel's addresses", script: "head -n 1 /proc/kallsyms", prints: /^0{16} /m },
    { name: "find the agent", script: "ls -l /proc/[0-9]*/exe | grep -c smolvm-agent", prints: /^0$/m },
    {
      name: "crash the kernel with a SysRq key",
      script: "echo c >/proc/sysrq-trigger",
      prints: /nonexistent|No such|Read-only|denied/,
    },
    { name: "load a module", script: "insmod /a/hostile", prints: NO },
    { name: "reboot", script: "reboot -f", prints: NO },
    { name: "power off", script: "poweroff -f", prints: NO },
    {
      name: "unbind the random number generator",
      script: "cd /sys/bus/virtio/drivers/virtio_rng && for d in virtio*; do echo $d >unbind; done; echo done",
      prints: /done/,
    },
    // The file share.
    {
      name: "mount the share again and write to it",
      // The kernel mounts the same share again; only /v in it may be written to.
      script: "mkdir /again; mount -t virtiofs /dev/root /again; echo x >/again/new; rm -rf /again/*; ls /again",
      prints: /Read-only[\s\S]*Read-only/,
    },
    {
      name: "write to a read-only volume",
      script: "mount -o remount,rw /r; echo x >/r/file; rm -f /r/file",
      prints: NO,
    },
    {
      name: "link from one volume to another",
      script: "ln /r/file /v/linked; ln /bin/sh /v/linked",
      prints: /[Cc]ross-device[\s\S]*[Cc]ross-device/,
    },
    { name: "give a file a name that is too long", script: "touch /v/$(printf %0300d 0)", prints: /too long/ },
    { name: "move a volume", script: "mv /v /r/v; mv /r /v/r", prints: NO },
    {
      name: "climb out of the share",
      script: "cat /again/../../../../../../etc/machine-id /again/../etc/hostid",
      prints: /(No such[\s\S]*){2}/,
    },
    // Files in a volume that would be dangerous on the host.
    {
      name: "plant devices",
      script: "mknod /v/disk b 8 0; mknod /v/mem c 1 1; mknod /v/kvm c 10 232; mknod /v/fuse c 10 229",
      prints: /(not permitted[\s\S]*){4}/,
    },
    { name: "plant set-uid files", script: "/a/hostile set-uid /v/set-uid", prints: /EPERM/ },
    { name: "plant a program with a capability", script: "/a/hostile capability /v/capable", prints: /EPERM|ENOTSUP/ },
    {
      name: "copy a set-uid program",
      script: "cp /bin/busybox /v/su; chown 0:0 /v/su; chmod u+s /v/su; ls -l /v/su",
      prints: /-rwx/,
    },
    {
      name: "plant a fifo and links",
      script: "mkfifo /v/fifo; ln -s /etc/shadow /v/shadow; ln -s / /v/root; echo ok",
      prints: /^ok$/m,
    },
    { name: "plant a socket", script: "timeout 1 nc -l -p 1 local:/v/socket; echo ok", prints: /ok/ },
    {
      name: "plant names with terminal control sequences",
      script: "touch \"/v/$(printf 'a\\nb\\033[2J')\"; echo ok",
      prints: /^ok$/m,
    },
    {
      name: "plant a file of a petabyte",
      script: "truncate -s 1125899906842624 /v/giant 2>&1; truncate -s 1G /v/giant; echo ok",
      prints: /ok/,
    },
    {
      name: "plant nested folders",
      script: "cd /v; for i in $(seq 60); do mkdir d && cd d; done; pwd | wc -c",
      prints: /^123$/m,
    },
    {
      name: "open more files than the VM's process may",
      script: "/a/hostile descriptors /v/capable 1100",
      prints: /ok|EMFILE/,
    },
    // Its own disk.
    {
      name: "rewrite its own overlay",
      script:
        "mkdir /disk; mount /dev/vda /disk; ls /disk; ln -s /etc /disk/upper/up; echo x >/disk/upper/planted; cat /planted",
      prints: /upper/,
    },
    {
      name: "fill its disk",
      script: "fallocate -l 400M /big; rm -f /big; echo ok",
      prints: /No space left[\s\S]*ok/,
    },
    // The host's processors and memory.
    {
      name: "start 50 processes",
      script: "for i in $(seq 50); do sleep 30 & done; kill $(jobs -p); echo ok",
      prints: /ok/,
    },
    {
      name: "take its processors offline",
      script: "for f in /sys/devices/system/cpu/cpu*/online; do echo 0 >$f; done; echo ok",
      prints: /ok/,
    },
    // Its own PID 1, and the agent, which is outside its PID namespace.
    { name: "kill PID 1", script: "kill -9 1; kill -STOP 1; kill -SEGV 1; echo ok", prints: /ok/ },
    { name: "take all memory", script: "(tail /dev/zero); echo ok", prints: /ok/ },
    {
      name: "connect to the agent's port and others",
      script: "/a/hostile vsock 7070",
      // libkrun accepts a connection to the agent's port, but nothing serves it.
      prints: /^(hostile: vsock (\d+:\d+: E[A-Z]+|2:7070: ok)\n+)+$/,
    },
    // The network.
    { name: "connect to the host's loopback", script: `nc -w 2 127.0.0.1 ${port}`, prints: NO },
    { name: "ask the VM's process for a network", script: `/a/hostile network ${port}`, prints: /hostile: network/ },
    {
      name: "connect to neighbors",
      script: "nc -w 2 10.0.2.2 22; nc -w 2 169.254.169.254 80",
      prints: /(unreachable[\s\S]*){2}/,
    },
    {
      name: "make an interface",
      script: "ip link add d0 type dummy; ip link add v0 type vlan id 1; ip tuntap add t0 mode tap; echo ok",
      prints: /ok/,
    },
    { name: "send raw packets", script: "ping -c 1 -W 1 10.0.2.2", prints: NO },
    // Output and names.
    {
      name: "flood the console",
      script: "yes flood | head -c 8000 >/dev/console; echo ok",
      prints: /ok/,
    },
    {
      name: "flood the kernel log",
      script: 'for i in $(seq 40); do echo "<0>flood $i" >/dev/kmsg; done; echo ok',
      prints: /ok/,
    },
    {
      name: "name itself with control characters",
      script: "hostname \"$(printf 'a\\033[2Jb')\"; echo ok",
      prints: /ok/,
    },
    { name: "set the exit code of the VM's process", script: "/a/hostile exit-code 77", prints: /exit-code/ },
    { name: "set the clock back", script: "date -s 1971-01-01 >/dev/null; date +%Y", prints: /^1971$/m },
    // Files that the agent and its tools need.
    {
      name: "unmount everything",
      script: "umount -l /again /disk; umount /v /r /; mount | grep -c virtiofs",
      prints: /./,
    },
    { name: "remove all programs", script: "rm -rf /bin/wc /usr /var; echo ok", prints: /ok/ },
  ];
}

/** An attempt after which the machine may be gone or hang: `stop --force` must be able to stop it. */
export interface LastAction {
  name: string;
  script: string;
  /** Whether the agent does not restrict root, because the attempt would fail with its restrictions. */
  isOpen: boolean;
}

export const LAST: LastAction[] = [
  { name: "crash its kernel", script: "echo 2 >/proc/sys/vm/panic_on_oom; tail /dev/zero", isOpen: false },
  {
    name: "make the kernel kill its PID 1",
    script: "echo 1000 >/proc/1/oom_score_adj; (tail /dev/zero); echo ok",
    isOpen: false,
  },
  { name: "write garbage to the host as the agent", script: "/a/hostile agent", isOpen: true },
  {
    name: "break everything that it can",
    script: `dd if=/dev/urandom of=/dev/vda bs=64k count=200; bomb() { bomb | bomb & }; bomb
      for f in $(find /proc/sys /sys -type f -perm -200); do echo 1 >$f; done`,
    isOpen: false,
  },
  {
    name: "send garbage to its disk, its socket and its random number generator",
    script: "exec /a/vfs_escape garbage=block garbage=vsock garbage=rng",
    isOpen: true,
  },
  {
    name: "return memory that it never had",
    script: "exec /a/vfs_escape garbage=balloon garbage=console map=-4096 map=-65536",
    isOpen: true,
  },
];
