import { SmolvmError } from "../errors.ts";
import { makeFolder, removeIfThere } from "../host/files.ts";
import { acquireLock, type Lock } from "../host/lock.ts";
import { dirname } from "../host/path.ts";
import { sleep } from "../host/sleep.ts";

/** How often a waiting process tries the lock; short compared with a pull. */
const POLL_MS = 50;

/**
 * Runs `work` while no other process runs work of the same name; leaves no file behind, even when killed.
 *
 * @param name the path of the lock file without its extension
 * @throws {SmolvmError} `interrupted` while waiting for the lock; `storage`; what `work` throws
 */
export async function exclusively<T>(
  name: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  await using _ = startJanitor(name);
  using lock = await waitForLock(`${name}.lock`, signal);
  try {
    return await work();
  } finally {
    // Remove the lock file while holding the lock: waiting processes notice that it is gone and make a new one.
    await removeIfThere(lock.path);
  }
}

/**
 * Like {@linkcode exclusively}, with a folder for temporary files that is removed afterwards. Also removes folders that
 * a crash of the host left behind.
 */
export async function withWorkFolder<T>(
  name: string,
  signal: AbortSignal | undefined,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const parent = dirname(name);
  await makeFolder(parent);
  await removeAbandoned(parent);
  return await exclusively(name, signal, async () => {
    const folder = `${name}.tmp`;
    await removeIfThere(folder);
    await makeFolder(folder);
    try {
      return await work(folder);
    } finally {
      await removeIfThere(folder);
    }
  });
}

/**
 * Starts a shell that removes the work's files if this process is killed: it waits for the end of a pipe that the
 * kernel closes with this process. The lock protects the files of other processes from it. Without the shell, the next
 * work removes the files; this is the case on macOS, which has no `flock` command.
 */
function startJanitor(name: string): AsyncDisposable {
  const janitor = Deno.build.os === "linux" ? spawnJanitor(name) : undefined;
  return {
    async [Symbol.asyncDispose]() {
      await janitor?.stdin.close();
      await janitor?.status;
    },
  };
}

function spawnJanitor(name: string): Deno.ChildProcess | undefined {
  const script = 'read -r _; exec flock --nonblock "$0.lock" rm -rf "$0.tmp" "$0.lock"';
  try {
    return new Deno.Command("sh", {
      args: ["-c", script, name],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      // Ctrl-C at the terminal must not end it.
      detached: true,
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined; // There is no sh in PATH; the later error that buildah is missing is more useful.
  }
}

async function waitForLock(path: string, signal: AbortSignal | undefined): Promise<Lock> {
  // Polls, because an AbortSignal cannot end a blocking lock.
  while (true) {
    if (signal?.aborted) {
      throw new SmolvmError("interrupted", "Cannot wait for another smolvm: interrupted", { cause: signal.reason });
    }
    const lock = await acquireLock(path, { exclusive: true, wait: false });
    if (lock !== undefined) return lock;
    await sleep(POLL_MS);
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".lock")) continue;
    using lock = await acquireLock(`${folder}/${name}`, { exclusive: true, wait: false });
    if (lock === undefined) continue; // The process that holds it is alive.
    await removeIfThere(`${folder}/${name.slice(0, -".lock".length)}.tmp`);
    await removeIfThere(lock.path);
  }
}
