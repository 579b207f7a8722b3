import assert from "node:assert/strict";
import { setEnv } from "../../tests/helpers/env.ts";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import { cacheCompiledRunner } from "./compiled_runner.ts";

Deno.test({
  name: "cacheCompiledRunner() starts a runner once for each bundle, if it can record that in the cache",
  ignore: Deno.build.os !== "linux",
}, async () => {
  using folder = makeTempFolder();
  const [cache, main, runner] = ["cache", "main.js", "runner.js"].map((name) => `${folder.path}/${name}`) as [
    string,
    string,
    string,
  ];
  const starts = `${folder.path}/starts`;
  Deno.writeTextFileSync(starts, "");
  Deno.writeTextFileSync(runner, "");
  const command = { argv: ["sh", "-c", `echo "$ROLE" >>"$0"`, starts, main], env: { ROLE: "runner" } };
  const count = () => Deno.readTextFileSync(starts).split("runner\n").length - 1;
  using _ = setEnv({ DENO_DIR: cache });
  cacheCompiledRunner(command); // There is no such folder.
  Deno.mkdirSync(cache);
  cacheCompiledRunner(command);
  cacheCompiledRunner(command);
  await until(() => count() > 0);
  Deno.writeTextFileSync(runner, "// another one");
  cacheCompiledRunner(command);
  await until(() => count() > 1);
  assert.equal(count(), 2);
  assert.equal([...Deno.readDirSync(cache)].length, 2);
});
