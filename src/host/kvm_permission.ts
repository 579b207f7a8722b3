/** Facts about why a process may not open `/dev/kvm`. They are separate from the advice, so that tests need no KVM. */
export interface KvmPermission {
  /** Owner of the device. */
  uid: number;
  /** Group of the device. */
  gid: number;
  /** Its permissions. */
  mode: number;
  /** User of the process. */
  processUid: number;
  /** Groups of the process. */
  processGids: readonly number[];
  /** Name of that user. */
  userName: string | undefined;
  /** Text of `/etc/group`. */
  groups: string;
}

const READ_WRITE = 6;
const DEVICE = "/dev/kvm";

/** Advice for a process that may not open the device. */
export function kvmPermissionHint(facts: KvmPermission): string {
  const { gid, mode, userName } = facts;
  if (isAllowed(facts)) {
    return "Its permissions let you use it: give the device to the container, if this is one " +
      `(\`docker run --device ${DEVICE}\`), or ask the security module (SELinux, AppArmor).`;
  }
  const groups = parseGroups(facts.groups);
  if (gid === 0 || !allows(mode >> 3)) {
    const add = groups.some(({ name }) => name === "kvm") ? "" : "`sudo groupadd --system kvm`, then ";
    const rule = `echo 'KERNEL=="kvm", GROUP="kvm", MODE="0660"' | sudo tee /etc/udev/rules.d/65-kvm.rules`;
    return `Until the next boot: \`sudo setfacl -m u:$USER:rw ${DEVICE}\`; for good: ${add}\`${rule}\`, ` +
      "`sudo usermod -aG kvm $USER`, and boot again.";
  }
  const group = groups.find((group) => group.gid === gid);
  if (group === undefined) {
    const name = groups.some(({ name }) => name === "kvm") ? `kvm${gid}` : "kvm";
    return `Its group ${gid} has no name here: give it one and join it with \`sudo groupadd --gid ${gid} ${name}\` and ` +
      `\`sudo usermod -aG ${name} $USER\`, and log in again.`;
  }
  if (userName !== undefined && group.members.includes(userName)) {
    return `You are in the ${group.name} group, but not yet in this session: log in again.`;
  }
  return `Join the ${group.name} group with \`sudo usermod -aG ${group.name} $USER\` and log in again.`;
}

/** Whether the file mode of the device allows this process to use it. */
function isAllowed({ uid, gid, mode, processUid, processGids }: KvmPermission): boolean {
  if (processUid === uid) return allows(mode >> 6);
  return allows(processGids.includes(gid) ? mode >> 3 : mode);
}

function allows(bits: number): boolean {
  return (bits & READ_WRITE) === READ_WRITE;
}

function parseGroups(text: string): { name: string; gid: number; members: string[] }[] {
  return text.split("\n").flatMap((line) => {
    const [name, , gid, members] = line.split(":");
    return name && gid && members !== undefined ? [{ name, gid: Number(gid), members: members.split(",") }] : [];
  });
}

/** Collects the facts for this process. */
export function readKvmPermission(): KvmPermission {
  const { uid, gid, mode } = Deno.statSync(DEVICE);
  const [, gids = ""] = /^Groups:\s*(.*)$/m.exec(readText("/proc/self/status")) ?? [];
  return {
    uid: uid ?? 0,
    gid: gid ?? 0,
    mode: mode ?? 0,
    processUid: Deno.uid() ?? 0,
    processGids: [Deno.gid() ?? 0, ...gids.split(" ").filter((gid) => gid !== "").map(Number)],
    userName: Deno.env.get("USER"),
    groups: readText("/etc/group"),
  };
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // It only makes a hint more precise.
  }
}
