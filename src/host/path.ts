/** By its full name, as no import map of ours reaches whoever imports the runtime module. */
export { resolve } from "npm:deno-std@1.4.0/path/posix/resolve.js";
