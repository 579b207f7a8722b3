import assert from "node:assert/strict";
import { until } from "../../tests/helpers/until.ts";
import { StopSignals } from "./stop_signals.ts";

Deno.test("StopSignals delivers each stop signal, also earlier ones, and marks the second as hurried", async () => {
  for (const signal of ["SIGTERM", "SIGHUP", "SIGQUIT"] as const) { // SIGINT ends `deno test`
    using signals = new StopSignals();
    Deno.kill(Deno.pid, signal);
    const stops: boolean[] = [];
    signals.deliver(({ isHurried }) => stops.push(isHurried));
    await until(() => stops.length === 1);
    Deno.kill(Deno.pid, "SIGTERM");
    await until(() => stops.length === 2);
    assert.deepEqual(stops, [false, true], signal);
  }
});
