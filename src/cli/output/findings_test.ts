import assert from "node:assert/strict";
import type { Finding } from "../../doctor/mod.ts";
import { formatFindings } from "./findings.ts";

const FINE: Finding = { name: "kvm", status: "ok", found: "usable", hint: null };
const SLOW: Finding = { name: "image-storage", status: "warning", found: "vfs", hint: "Use overlay." };
const MISSING: Finding = { name: "buildah", status: "error", found: "none\x1b[2J", hint: "Install it." };

Deno.test("formatFindings() prints a line for each finding, its hint below, and a summary", () => {
  assert.equal(
    formatFindings([FINE, SLOW, MISSING], { colour: false }),
    "ok        kvm             usable\n" +
      "warning   image-storage   vfs\n  Use overlay.\n" +
      "error     buildah         none?[2J\n  Install it.\n" +
      "\n1 error, 1 warning.",
  );
  assert.match(formatFindings([MISSING, MISSING], { colour: false }), /\n2 errors, 0 warnings\.$/);
  assert.equal(formatFindings([FINE], { colour: false }), "ok   kvm   usable\n\nNo problems found.");
});

Deno.test("formatFindings() colours only the status", () => {
  const [line] = formatFindings([FINE], { colour: true }).split("\n");
  assert.equal(line, "\x1b[32mok\x1b[0m   kvm   usable");
});

Deno.test("formatFindings() wraps the text beside the name, or below it on a narrow terminal", () => {
  const finding: Finding = {
    name: "kvm",
    status: "error",
    found: "no permission ".repeat(4).trim(),
    hint: "Join the group.",
  };
  assert.equal(
    formatFindings([finding], { colour: false, width: 50 }),
    "error   kvm   no permission no permission no\n              permission no permission\n  Join the group.\n\n1 error, 0 warnings.",
  );
  assert.equal(
    formatFindings([finding], { colour: false, width: 40 }),
    "error   kvm\n  no permission no permission no\n  permission no permission\n  Join the group.\n\n1 error, 0 warnings.",
  );
});
