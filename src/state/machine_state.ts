/** What a machine can be. */
export type MachineState = "created" | "starting" | "running" | "stopping" | "stopped" | "failed";
/** All of them, in the order in which a machine becomes them. */
export const STATES: readonly MachineState[] = ["created", "starting", "running", "stopping", "stopped", "failed"];
