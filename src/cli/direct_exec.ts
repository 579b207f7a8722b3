import { runWithoutCommander } from "./direct.ts";
import { EXEC_OPTIONS, execLine } from "./exec_line.ts";

/** Runs this process's `smolvm exec` and returns its exit code; `undefined` if the full program must run it. */
export const execDirectly = () =>
  runWithoutCommander(EXEC_OPTIONS, ({ options, operands: [name, ...argv] }) => {
    return name === undefined || argv.length === 0 ? undefined : execLine(name, argv, options);
  });
