import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { formatEndpoint } from "../host/ip_address.ts";
import { formatGuestPort, type GuestPort } from "../config/values.ts";
import { getMachine } from "./get_machine.ts";
import { machineArgument } from "./machine_argument.ts";
import { printLine } from "./output/print.ts";
import { parseGuestPort } from "./parse.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm port web
  curl http://$(smolvm port web 80)/`;

/** `smolvm port`. */
export function portCommand(setExitCode: (code: number) => void) {
  return new Command("port")
    .summary("List the published ports of a machine")
    .description("List the published ports of a machine and their addresses on the host")
    .addArgument(machineArgument())
    .argument("[port]", "port of the guest, such as 80 or 53/udp: print only its address", parseGuestPort)
    .addHelpText("after", EXAMPLES)
    .action(async (name, port) => {
      setExitCode(await forEachTarget([name], (name) => printPorts(name, port)));
    });
}

async function printPorts(name: string, only: GuestPort | undefined): Promise<void> {
  const machine = await getMachine(name);
  const wanted = only && formatGuestPort(only);
  const ports = (await machine.info()).ports.filter((port) => wanted === undefined || formatGuestPort(port) === wanted);
  if (wanted !== undefined && ports.length === 0) {
    throw new SmolvmError("port", `Machine "${machine.name}" does not publish port ${wanted}`);
  }
  for (const port of ports) {
    const endpoint = formatEndpoint(port.address, port.hostPort);
    printLine(wanted === undefined ? `${formatGuestPort(port)} -> ${endpoint}` : endpoint);
  }
}
