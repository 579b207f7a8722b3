/** Lines and columns of a terminal that nobody looks at. */
export const UNSEEN_TERMINAL = { rows: 24, columns: 80 };
