import { Process, runProcess } from "./process.ts";
import { until } from "./until.ts";

/** The units for systemd: a D-Bus daemon, through which engines ask systemd to create cgroups. */
const UNITS = {
  "dbus.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
  "dbus.service": "[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\n[Service]\n" +
    "ExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation\n",
  "bus.target": "[Unit]\nDefaultDependencies=no\nWants=dbus.service\n",
};

/** Starts systemd with its own mounts and its own /run, which gets the units of the folder `$0`. */
const START = `
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/dbus /run/systemd/system
cp "$0"/* /run/systemd/system
exec env container=other /lib/systemd/systemd --system --unit=bus.target --log-target=console`;

/** A systemd that is process 1 of a PID namespace. */
export interface Systemd extends AsyncDisposable {
  /** The words before a command that make it run in systemd's namespaces. */
  prefix: readonly [string, ...string[]];
}

/** Starts a systemd, on a host with or without one; settles when it answers on the bus. */
export async function startSystemd(folder: string): Promise<Systemd> {
  const units = `${folder}/units`;
  await Deno.mkdir(units);
  for (const [name, text] of Object.entries(UNITS)) await Deno.writeTextFile(`${units}/${name}`, text);
  const namespaces = ["--pid", "--mount", "--cgroup", "--fork", "--kill-child", "--mount-proc"];
  const starter = new Process("unshare", { args: [...namespaces, "sh", "-ec", START, units], timeoutMs: 1_200_000 });
  const childOf = (pid: number) => Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
  await until(() => childOf(starter.pid) !== "");
  const prefix = ["nsenter", "--target", childOf(starter.pid), "--all"] as const;
  const [program, ...args] = [...prefix, "busctl", "status", "org.freedesktop.systemd1"];
  await until(async () => (await runProcess(program!, { args })).code === 0, { everyMs: 500 });
  return { prefix, [Symbol.asyncDispose]: () => starter[Symbol.asyncDispose]() };
}
