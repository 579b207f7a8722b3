import { directly } from "./direct.ts";
import { EXEC_OPTIONS, execLine } from "./exec_line.ts";

/** Runs this process's `smolvm exec` and returns its exit code; `undefined` for a command line that is not ordinary. */
export const execDirectly = () =>
  directly(EXEC_OPTIONS, ({ options, operands: [name, ...argv] }) => {
    return name === undefined || argv.length === 0 ? undefined : execLine(name, argv, options);
  });
