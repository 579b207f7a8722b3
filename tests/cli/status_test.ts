// Status lines on a terminal during slow operations, with a buildah that the test delays.
import assert from "node:assert/strict";
import { buildImage } from "../fixtures/images.ts";
import { type Cli, makeCli } from "../helpers/cli.ts";
import { assertCode, type Process, runProcess } from "../helpers/process.ts";
import { onTerminal } from "../helpers/terminal.ts";

/** A buildah whose pull waits for a file, prints a word, and fails. */
const BUILDAH = `#!/bin/sh
case "$*" in
*info) echo '{"store": {"GraphRoot": "/none", "GraphDriverName": "vfs"}}' ;;
*pull*) until [ -e "$HOME/go" ]; do sleep 0.1; done; echo Trying >&2; echo "Error: denied" >&2; exit 1 ;;
*) exit 1 ;;
esac
`;
/** The real buildah, which waits for a file before it makes a container. */
const SLOW_BUILDAH = `#!/bin/sh
case "$*" in *" from "*) until [ -e "$HOME/go" ]; do sleep 0.1; done ;; esac
PATH=\${PATH#*:} exec buildah "$@"
`;
const FAILED = 'Trying\r\nsmolvm: Cannot pull image "docker.io/library/app:latest": denied\r\n';
const ERASE = "\\r\\x1b\\[K";

/** Runs a script on a terminal. */
function onTerminalWithBuildah(cli: Cli, script: string, buildah = BUILDAH): Process {
  Deno.mkdirSync(`${cli.folder}/bin`);
  Deno.writeTextFileSync(`${cli.folder}/bin/buildah`, buildah, { mode: 0o755 });
  const env = {
    HOME: cli.folder,
    XDG_STATE_HOME: cli.state,
    SMOLVM_STORAGE: cli.storage,
    PATH: `${cli.folder}/bin:${Deno.env.get("PATH")}`,
    NO_COLOR: "1",
  };
  return onTerminal({ env, rootfs: "" }, script);
}

const go = (cli: Cli) => Deno.writeTextFile(`${cli.folder}/go`, "");

Deno.test("smolvm create prints a status line on a terminal, and erases it for buildah's output", async () => {
  using cli = makeCli();
  await using terminal = onTerminalWithBuildah(cli, '"$SMOLVM" create app; echo "code $?"');
  await terminal.untilStdout(new RegExp(`\\r\\n${ERASE}Pulling app\u2026$`));
  await go(cli);
  const { stdout } = await terminal.finish();
  assert.ok(stdout.endsWith(`\u2026\r\x1b[K${FAILED}code 125\r\nrestored\r\n`), JSON.stringify(stdout));
});

Deno.test("smolvm create erases the status line when interrupted, and shortens it on a narrow terminal", async () => {
  using cli = makeCli();
  await using terminal = onTerminalWithBuildah(cli, 'trap : INT; stty cols 10; "$SMOLVM" create app; echo "code $?"');
  await terminal.untilStdout(new RegExp(`${ERASE}Pulling \u2026$`));
  await terminal.write("\x03");
  await terminal.untilStdout(new RegExp(`^\\^C${ERASE}smolvm: Interrupted by SIGINT\r\ncode 130\r\n`));
});

Deno.test("smolvm create prints no status line with --quiet or without a terminal", async () => {
  using cli = makeCli();
  const script = `(sleep 3; touch "$HOME/go") & "$SMOLVM" create -q app; rm "$HOME/go"
    (sleep 3; touch "$HOME/go") & "$SMOLVM" create app 2>&1 | cat`;
  await using terminal = onTerminalWithBuildah(cli, script);
  const { stdout } = await terminal.finish();
  const [, error] = FAILED.split(/(?<=\n)/);
  assert.equal(stdout.replace(/^.*\r\n/, ""), `${error}${FAILED}restored\r\n`);
});

Deno.test("smolvm create erases the status line before it prints the name", async () => {
  using cli = makeCli();
  const buildah = async (...args: string[]) => {
    const options = ["--root", `${cli.storage}/root`, "--runroot", `${cli.storage}/runroot`];
    const outcome = await runProcess("buildah", { args: [...options, ...args] });
    assertCode(outcome, 0);
    return outcome.stdout.trim();
  };
  await Deno.mkdir(`${cli.folder}/rootfs/bin`, { recursive: true });
  await buildImage({ buildah }, { name: "localhost/app:latest", rootfs: `${cli.folder}/rootfs` });
  await using terminal = onTerminalWithBuildah(cli, '"$SMOLVM" create --name web app', SLOW_BUILDAH);
  await terminal.untilStdout(new RegExp(`\\r\\n${ERASE}Preparing app\u2026$`));
  await go(cli);
  const { stdout } = await terminal.finish();
  await buildah("rm", "--all");
  assert.ok(stdout.endsWith("\u2026\r\x1b[Kweb\r\nrestored\r\n"), JSON.stringify(stdout));
});
