/** The size of a command's terminal that no user sees. */
export const UNSEEN_TERMINAL = { rows: 24, columns: 80 };
