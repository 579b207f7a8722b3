import { Command } from "@commander-js/extra-typings";
import { SmolvmError } from "../errors.ts";
import { formatEndpoint } from "../host/ip_address.ts";
import { getMachine } from "./get_machine.ts";
import { parsePortNumber } from "./parse.ts";
import { forEachTarget } from "./targets.ts";

const EXAMPLES = `
Examples:
  smolvm port web
  curl http://$(smolvm port web 80)/`;

/** `smolvm port`. */
export function portCommand(setExitCode: (code: number) => void) {
  return new Command("port")
    .summary("List where ports of a machine are published")
    .description("List where ports of a machine are published on the host")
    .argument("<name>", "machine, by name or the beginning of its id")
    .argument("[port]", "port of the guest, whose address alone is printed", parsePortNumber)
    .addHelpText("after", EXAMPLES)
    .action(async (name, guestPort) => {
      setExitCode(await forEachTarget([name], (name) => printPorts(name, guestPort)));
    });
}

async function printPorts(name: string, only: number | undefined): Promise<void> {
  const machine = await getMachine(name);
  const ports = (await machine.info()).ports.filter(({ guestPort }) => only === undefined || guestPort === only);
  if (only !== undefined && ports.length === 0) {
    throw new SmolvmError("port", `Machine "${machine.name}" does not publish port ${only}`);
  }
  for (const { address, hostPort, guestPort } of ports) {
    const endpoint = formatEndpoint(address, hostPort);
    console.log(only === undefined ? `${guestPort}/tcp -> ${endpoint}` : endpoint);
  }
}
