/**
 * A gateway without rules, whose guest has a UDP server at PORT:
 *
 *     deno run --unstable-net serving_gateway.ts SOCKET PORT
 *
 * @module
 */

import { Gateway } from "../../src/network/gateway.ts";
import { GUEST_LINK } from "../../src/network/guest_link.ts";

const [path = "", port] = Deno.args;
const listener = Deno.listen({ transport: "unix", path });
const options = { link: GUEST_LINK, allow: [], deny: [], nameservers: [], peers: [], onDenied: () => {} };
const limits = { bytesPerSecond: null, connections: null };
const gateway = new Gateway({ ...options, limits }, await listener.accept());
gateway.serveDatagrams(new Set([Number(port)]));
await gateway.run();
Deno.exit(0);
