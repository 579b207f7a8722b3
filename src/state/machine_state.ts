/** The states of a machine. */
export type MachineState = "created" | "starting" | "running" | "stopping" | "stopped" | "failed";
/** All states, in the order in which a machine passes through them. */
export const STATES: readonly MachineState[] = ["created", "starting", "running", "stopping", "stopped", "failed"];
/** The states of a warm machine that no client has taken yet: see `warm.ts`. */
export const WARM_STATES = ["booting", "warm"] as const;
/** All states that a list of machines shows; `unreadable` stands for a machine whose files cannot be read. */
export const LISTED_STATES: readonly string[] = [...STATES, ...WARM_STATES, "unreadable"];
