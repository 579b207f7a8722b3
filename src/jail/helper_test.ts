import assert from "node:assert/strict";
import { makeTempFolder } from "../../tests/helpers/temp_folder.ts";
import { JAIL_FAILED, jailProgram } from "./prefix.ts";

const ignore = Deno.build.os !== "linux";

/** Runs a shell script behind `smolvm-jail`; `$DIR` is the folder. */
async function jailed(script: string, { args = [], folder = "/", env = {}, path = jailProgram() }: {
  args?: string[];
  folder?: string;
  env?: Record<string, string>;
  path?: string;
} = {}) {
  const output = await new Deno.Command(path, {
    args: [...args, "sh", "-c", script.replaceAll("$DIR", folder)],
    env: { HOME: folder, ...env },
  }).output();
  const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code: output.code, signal: output.signal, stdout: stdout!, stderr: stderr! };
}

/** A shell command that sends orders, each a list of texts. */
function order(...orders: string[][]): string {
  const text = orders.map((words) => words.map((word) => `${word}\\0`).join("")).join("");
  return `printf '${text}' >&3; exec 3>&-`;
}

function namesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test({
  name: "smolvm-jail starts its command in new namespaces, with no_new_privs and without core dumps",
  ignore,
  async fn() {
    const kinds = ["ipc", "mnt", "net", "user", "uts"];
    const script = `for kind in ${kinds.join(" ")}; do readlink /proc/self/ns/$kind; done
      grep NoNewPrivs /proc/self/status; ulimit -c`;
    const { code, stdout, stderr } = await jailed(script);
    assert.equal(code, 0, stderr);
    const [privileges, core, ...inside] = stdout.trim().split("\n").reverse();
    assert.deepEqual([core, privileges], ["NoNewPrivs:\t1", "0"]);
    const outside = kinds.map((kind) => Deno.readLinkSync(`/proc/self/ns/${kind}`)).reverse();
    for (const [index, namespace] of inside.entries()) assert.notEqual(namespace, outside[index]);
    // A machine with published ports keeps the host's network, and so does one without a jail.
    const network = `readlink /proc/self/ns/net`;
    for (const args of [["--host-network"], ["--unjailed"]]) {
      assert.equal((await jailed(network, { args })).stdout.trim(), Deno.readLinkSync("/proc/self/ns/net"), `${args}`);
    }
  },
});

Deno.test({
  name: "smolvm-jail hides unneeded variables and open files from its command, and makes Deno's cache read-only",
  ignore,
  async fn() {
    using folder = makeTempFolder();
    Deno.mkdirSync(`${folder.path}/cache`);
    const env = {
      SECRET: "s3cret",
      AWS_SECRET_ACCESS_KEY: "s3cret",
      SMOLVM_LOG: "debug",
      DENO_DIR: `${folder.path}/cache`,
    };
    const { stdout } = await jailed("env; ls /proc/self/fd; touch $DENO_DIR/x || echo refused", {
      folder: folder.path,
      env,
    });
    assert.doesNotMatch(stdout, /s3cret/);
    assert.match(stdout, /^SMOLVM_LOG=debug$/m);
    assert.match(stdout, /^refused$/m);
    // The standard streams, the pipes to smolvm-jail, and the folder that ls reads.
    assert.deepEqual(stdout.match(/^\d+$/gm), ["0", "1", "2", "3", "4", "5", "6"]);
    assert.deepEqual(namesBelow(`${folder.path}/cache`), []);
  },
});

Deno.test({
  name: "smolvm-jail lets a thread that changes to a guest's user create files in folders of the user's groups",
  ignore: ignore || Deno.uid() !== 0,
  fn: async () => {
    using folder = makeTempFolder();
    Deno.chmodSync(folder.path, 0o770);
    // Like libkrun, change only the effective group and user.
    const script = `perl -e '$) = "1000 1000"; $> = 1000; mkdir "$ENV{HOME}/made" or die $!; $> = 0; print "back $>"'`;
    for (const args of [[], ["--unjailed"]]) {
      const { stdout, stderr } = await jailed(script, { args, folder: folder.path });
      assert.deepEqual([stdout, stderr], ["back 0", ""]);
      assert.deepEqual(Deno.statSync(`${folder.path}/made`).uid, 1000);
      Deno.removeSync(`${folder.path}/made`);
    }
  },
});

Deno.test({
  name: "smolvm-jail exits like its command, or prints a line with the reason why it cannot start it",
  ignore,
  async fn() {
    assert.equal((await jailed("exit 42")).code, 42);
    assert.equal((await jailed("kill -9 $$")).signal, "SIGKILL");
    const { code, stderr } = await new Deno.Command(jailProgram(), { args: ["/none"] }).output();
    assert.equal(code, JAIL_FAILED);
    assert.equal(new TextDecoder().decode(stderr), "smolvm-jail: /none: No such file or directory\n");
    assert.equal((await new Deno.Command(jailProgram(), { args: ["--unknown", "true"] }).output()).code, JAIL_FAILED);
  },
});

Deno.test({
  name: "smolvm-jail takes its command with it when it is killed",
  ignore,
  async fn() {
    using folder = makeTempFolder();
    const child = new Deno.Command(jailProgram(), {
      args: ["sh", "-c", `echo $$; exec sleep 600`],
      env: { HOME: folder.path },
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    const pid = parseInt(new TextDecoder().decode((await reader.read()).value));
    child.kill("SIGKILL");
    await child.status;
    const end = await reader.read(); // The pipe has no writers any more.
    assert.equal(end.done, true);
    assert.throws(() => Deno.statSync(`/proc/${pid}/exe`), Deno.errors.NotFound);
  },
});

Deno.test({
  name: "smolvm-jail and its command block SIGUSR1, on which Deno opens a debugger",
  ignore,
  async fn() {
    const child = new Deno.Command(jailProgram(), {
      args: ["sh", "-c", "kill -USR1 $$; echo alive; read line; echo $line"],
      env: { HOME: "/" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const [writer, reader] = [child.stdin.getWriter(), child.stdout.getReader()];
    const read = async () => new TextDecoder().decode((await reader.read()).value);
    assert.equal(await read(), "alive\n");
    for (const signal of ["SIGUSR1", "SIGTERM"] as const) child.kill(signal);
    await writer.write(new TextEncoder().encode("still\n"));
    assert.equal(await read(), "still\n");
    assert.equal((await child.status).code, 0);
    writer.close().catch(() => {});
    await reader.cancel();
  },
});

Deno.test({
  name: "smolvm-jail removes only the ordered paths, also if they are deep, without permissions or contain links",
  ignore,
  async fn() {
    using folder = makeTempFolder();
    const at = folder.path;
    for (const name of ["gone/a/b", "gone/forbidden/c", "kept", "empty"]) {
      Deno.mkdirSync(`${at}/${name}`, { recursive: true });
    }
    Deno.writeTextFileSync(`${at}/kept/file`, "");
    Deno.symlinkSync(`${at}/kept`, `${at}/gone/link`);
    Deno.symlinkSync(`${at}/kept`, `${at}/gone/a/b/link`);
    Deno.linkSync(`${at}/kept/file`, `${at}/gone/hard`);
    Deno.chmodSync(`${at}/gone/forbidden`, 0o000);
    const deep = "i=0; mkdir -p $DIR/gone/deep; cd -P $DIR/gone/deep; " +
      "while [ $i -lt 600 ]; do mkdir ddddddddddd; cd -P ddddddddddd; i=$((i+1)); done; cd /; ";
    const orders = order(["r", `${at}/gone`], ["d", `${at}/empty`], ["d", `${at}/kept`], ["r", `${at}/none`]);
    const { code, stderr } = await jailed(deep + orders, { folder: at });
    assert.equal(code, 0, stderr);
    assert.deepEqual(namesBelow(at), ["kept"]);
    assert.deepEqual(namesBelow(`${at}/kept`), ["file"]);
  },
});

Deno.test({
  name: "smolvm-jail releases only its own machine's name, and removes nothing if another process holds the lock",
  ignore,
  async fn() {
    using folder = makeTempFolder();
    const at = folder.path;
    for (const name of [".lock", "lock"]) Deno.writeTextFileSync(`${at}/${name}`, "");
    for (const [name, id] of [["mine", "abc"], ["another", "abcd"]]) Deno.writeTextFileSync(`${at}/${name}`, id!);
    Deno.mkdirSync(`${at}/runtime`);
    await jailed(order(["n", at, "mine", "abc"], ["n", at, "another", "abc"]));
    assert.deepEqual(namesBelow(at), [".lock", "another", "lock", "runtime"]);
    {
      using lock = Deno.openSync(`${at}/lock`);
      lock.lockSync(true);
      await jailed(order(["l", `${at}/lock`], ["r", `${at}/runtime`]));
      assert.ok(namesBelow(at).includes("runtime"));
    }
    await jailed(order(["l", `${at}/lock`], ["r", `${at}/runtime`]));
    assert.ok(!namesBelow(at).includes("runtime"));
  },
});

Deno.test({
  name: "smolvm-jail removes the machine, unless it ended unexpectedly and another process holds its input open",
  ignore,
  async fn() {
    using folder = makeTempFolder();
    const at = folder.path;
    const end = async (script: string, { isHeld }: { isHeld: boolean }) => {
      Deno.mkdirSync(`${at}/machine`, { recursive: true });
      const child = new Deno.Command(jailProgram(), {
        args: ["sh", "-c", `${order(["h", `${at}/machine/ended`], ["r", `${at}/machine`])}; ${script}`],
        env: { HOME: at },
        stdin: "piped",
      }).spawn();
      if (!isHeld) await child.stdin.close();
      await child.status;
      if (isHeld) await child.stdin.close();
      return namesBelow(at).length > 0;
    };
    assert.equal(await end("exit 0", { isHeld: true }), true);
    assert.equal(await end(`touch ${at}/machine/ended`, { isHeld: true }), false);
    // cat exits only when its input has ended.
    assert.equal(await end("cat", { isHeld: false }), false);
  },
});

Deno.test({
  name: "smolvm-jail kills a command that ignores the end of its input, if ordered",
  ignore,
  async fn() {
    const start = (...orders: string[][]) =>
      new Deno.Command(jailProgram(), {
        args: ["sh", "-c", `${order(...orders)}; exec sleep 5`],
        stdin: "piped",
      }).spawn();
    const [heeded, unheeded] = [start(["e"]), start()];
    for (const { stdin } of [heeded, unheeded]) await stdin.close();
    assert.deepEqual([(await heeded.status).signal, (await unheeded.status).signal], ["SIGKILL", null]);
  },
});

Deno.test({
  name: "smolvm-jail keeps the end of two logs in files of limited size, and replaces links at their paths",
  ignore,
  async fn() {
    using folder = makeTempFolder();
    const at = folder.path;
    Deno.writeTextFileSync(`${at}/kept`, "kept");
    Deno.symlinkSync(`${at}/kept`, `${at}/console.log`);
    const script = order(["c", `${at}/console.log`], ["m", `${at}/runner.log`]) +
      "; echo message >&5; head -c 9000000 /dev/zero >&4; echo last words >&4; exit 3";
    assert.equal((await jailed(script)).code, 3);
    assert.equal(Deno.readTextFileSync(`${at}/kept`), "kept");
    assert.equal(Deno.readTextFileSync(`${at}/runner.log`), "message\n");
    assert.match(Deno.readTextFileSync(`${at}/console.log`), /last words\n$/);
    assert.deepEqual(namesBelow(at), ["console.log", "console.log.1", "kept", "runner.log"]);
    for (const name of ["console.log", "console.log.1"]) {
      const { size, isSymlink, mode } = Deno.lstatSync(`${at}/${name}`);
      assert.ok(!isSymlink && size <= 4 * 1024 ** 2, `${name}: ${size}`);
      assert.equal(mode! & 0o777, 0o600);
    }
  },
});

Deno.test({
  name: "smolvm-jail logs a gateway's events, and an event when the gateway ends unexpectedly",
  ignore,
  async fn() {
    using folder = makeTempFolder();
    const log = `${folder.path}/network.log`;
    const gateway = (...words: string[]) => order(["w", log], ...words.map((word) => ["g", word]));
    const ends: [words: string[], expected: RegExp][] = [
      [["sh", "-c", "echo told; kill -9 $$"], /^told\n\{.*its gateway was ended by signal 9 \(Killed\)"\}\n$/],
      [["sh", "-c", "exit 3"], /its gateway failed with status 3/],
      [["/nowhere"], /its gateway failed with status 124/],
      // The gateway has reported the reason itself.
      [["echo", "told"], /^told\n$/],
    ];
    for (const [words, expected] of ends) {
      // The command (the runner) continues without the gateway.
      const { stdout } = await jailed(`${gateway(...words)}; sleep 0.5; echo runs`);
      assert.equal(stdout, "runs\n");
      assert.match(Deno.readTextFileSync(log), expected);
    }
    const [line] = Deno.readTextFileSync(log).split("\n");
    assert.equal(line, "told");
    await jailed(`${gateway("sh", "-c", "cat; exit 3")}; sleep 0.1`);
    assert.equal(Deno.readTextFileSync(log), "", "its end was asked for");
  },
});

Deno.test({
  name: "smolvm-jail maps all ids to themselves for root, and only the user's own id to root for other users",
  ignore: ignore || Deno.uid() !== 0,
  async fn() {
    using folder = makeTempFolder();
    const program = `${folder.path}/smolvm-jail`;
    Deno.copyFileSync(jailProgram(), program);
    Deno.chmodSync(folder.path, 0o755);
    assert.match((await jailed("cat /proc/self/uid_map")).stdout, /^\s*0\s+0\s+4294967295\s*$/);
    const user = ["--reuid", "1234", "--regid", "1234", "--clear-groups", program];
    const { stdout, stderr } = await jailed("cat /proc/self/uid_map /proc/self/gid_map; id -u", {
      path: "setpriv",
      args: user,
    });
    assert.match(stdout, /^\s*0\s+1234\s+1\n\s*0\s+1234\s+1\n0\n$/, stderr);
  },
});
