import assert from "node:assert/strict";
import { optionValue, parseCall, withOption } from "./command_line.ts";

Deno.test("parseCall() parses the calls of podman, containerd and people", () => {
  assert.deepEqual(
    parseCall(["--log-format=json", "--log", "/l", "create", "--bundle", "/b", "--pid-file", "/p", "id"]),
    {
      command: "create",
      global: ["--log-format=json", "--log=/l"],
      options: ["--bundle=/b", "--pid-file=/p"],
      operands: ["id"],
    },
  );
  assert.deepEqual(parseCall(["--root", "/r", "exec", "-p", "/j", "-d", "--no-subreaper", "-t", "id"]), {
    command: "exec",
    global: ["--root=/r"],
    options: ["--process=/j", "--detach", "--no-subreaper", "--tty"],
    operands: ["id"],
  });
  assert.deepEqual(parseCall(["exec", "id", "ls", "-l"]).operands, ["id", "ls", "-l"]);
});

Deno.test("parseCall() refuses a call without a container or a value", () => {
  assert.throws(() => parseCall(["create", "--bundle", "/b"]), {
    code: "usage",
    message: '"create" needs a container',
  });
  assert.throws(() => parseCall(["create", "--bundle"]), { code: "usage", message: 'Option "--bundle" needs a value' });
});

Deno.test("withOption() replaces all values of an option", () => {
  const options = withOption(["--bundle=/a", "--detach", "--bundle=/b"], "--bundle", "/c");
  assert.deepEqual(options, ["--detach", "--bundle=/c"]);
  assert.equal(optionValue(options, "--bundle"), "/c");
});
