/**
 * A process that enters its jail like the runner of a VM, and stays there. It starts no VM, so that it needs no KVM.
 *
 * Its arguments are the specification of a runner, and the agent and the root filesystem of its guest. It prints a line
 * when the jail is closed. When it reads a line from standard input, it narrows the jail as at a guest's hello.
 *
 * @module
 */

import { Libc } from "../../src/host/libc.ts";
import { runnerFilters } from "../../src/jail/filter.ts";
import { bindBootFolder } from "../../src/runner/boot_folder.ts";
import { confine } from "../../src/runner/confinement.ts";
import { agentSocket, bootFolder, controlSocket, parseRunnerSpec } from "../../src/runner_interface/spec.ts";

const spec = parseRunnerSpec(Deno.args[0]!);
const libc = new Libc();
const confinement = confine(spec, { libc, filters: runnerFilters() });
const folder = `${confinement.root}${bootFolder(spec)}`;
Deno.mkdirSync(folder, { recursive: true });
bindBootFolder(libc, { folder, agent: Deno.args[1]!, rootfs: Deno.args[2]!, volumes: spec.machine.volumes });
const listeners = [agentSocket(spec), controlSocket(spec)].map((path) => Deno.listen({ transport: "unix", path }));
// The runtime creates what it needs for signals now, while it may still create sockets.
Deno.addSignalListener("SIGUSR2", () => {});
await new Promise((resolve) => setTimeout(resolve));
confinement.enterJail();
Deno.stdout.writeSync(new TextEncoder().encode("closed\n"));
Deno.stdin.readSync(new Uint8Array(100));
confinement.restrictToGuest();
Deno.stdout.writeSync(new TextEncoder().encode("narrowed\n"));
await Promise.all(listeners.map((listener) => listener.accept()));
