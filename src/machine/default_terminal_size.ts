/** The size of a command's terminal that no user sees. */
export const DEFAULT_TERMINAL_SIZE = { rows: 24, columns: 80 };
