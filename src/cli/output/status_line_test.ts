import assert from "node:assert/strict";
import { mock } from "node:test";
import { DELAY_MS, formatStatus, StatusLine } from "./status_line.ts";

/** Runs a test with a status line and the list of texts it draws, on a mocked clock. */
function statusTest(name: string, test: (status: StatusLine, told: string[]) => void): void {
  Deno.test(name, () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const told: string[] = [];
      const line = {
        isDrawn: false,
        draw(format: (columns: number) => string) {
          this.isDrawn = true;
          told.push(format(80));
        },
        erase() {
          if (this.isDrawn) told.push("");
          this.isDrawn = false;
        },
      };
      const wait = (ms: number, act: () => void): Disposable => {
        const timer = setTimeout(act, ms);
        return { [Symbol.dispose]: () => clearTimeout(timer) };
      };
      test(new StatusLine(line, wait), told);
    } finally {
      mock.timers.reset();
    }
  });
}

statusTest("StatusLine shows nothing for a quick operation", (status, told) => {
  status.show("prepare", "alpine");
  mock.timers.tick(DELAY_MS - 1);
  status[Symbol.dispose]();
  mock.timers.tick(DELAY_MS);
  assert.deepEqual(told, []);
});

statusTest(
  "StatusLine shows the latest operation once the delay has passed, and erases it at the end",
  (status, told) => {
    status.show("prepare", "alpine");
    mock.timers.tick(DELAY_MS / 2);
    status.show("pull", "alpine");
    mock.timers.tick(DELAY_MS / 2);
    assert.deepEqual(told, ["Pulling alpine\u2026"]);
    status.show("boot", "alpine");
    status[Symbol.dispose]();
    mock.timers.tick(DELAY_MS);
    assert.deepEqual(told, ["Pulling alpine\u2026", "Booting alpine\u2026", ""]);
  },
);

statusTest("StatusLine stays erased after clear() until another operation takes long", (status, told) => {
  status.show("pull", "alpine");
  mock.timers.tick(DELAY_MS);
  status.clear();
  status.clear();
  mock.timers.tick(DELAY_MS);
  assert.deepEqual(told.splice(0), ["Pulling alpine\u2026", ""]);
  status.show("boot", "alpine");
  mock.timers.tick(DELAY_MS - 1);
  assert.deepEqual(told, []);
  mock.timers.tick(1);
  assert.deepEqual(told, ["Booting alpine\u2026"]);
});

Deno.test("formatStatus() fits any terminal, and shows no escape sequences in names", () => {
  assert.equal(formatStatus("load", "oci-archive:app.tar", 80), "Loading oci-archive:app.tar\u2026");
  assert.equal(formatStatus("pull", "localhost:5000/app", 20), "Pulling localhost:\u2026");
  for (let columns = 2; columns < 30; columns++) {
    assert.ok(formatStatus("pull", "localhost:5000/app", columns).length < columns);
  }
  assert.ok(!formatStatus("boot", "a\x1b[2Jb", 80).includes("\x1b"));
});
