import { SmolvmError } from "../errors.ts";
import { makeFolder, removeIfThere } from "../host/files.ts";
import { acquireLock, type Lock } from "../state/lock.ts";

/** How often a process that waits for another one looks again. Nobody notices it beside a pull. */
const POLL_MS = 50;

/**
 * Runs `work` while no other process runs work of the same name, and leaves no file behind, even when it is killed.
 *
 * @param name path without extension of the lock's file
 * @throws {SmolvmError} `interrupted` while it waits; `storage`; and what `work` throws
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
    // While it is held: those who wait for it notice that it is gone, and make a new one.
    await removeIfThere(lock.path);
  }
}

/**
 * Like {@linkcode exclusively}, with a folder for temporary files that is removed afterwards, as are those that a crash
 * of the host left beside it.
 */
export async function withWorkFolder<T>(
  name: string,
  signal: AbortSignal | undefined,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const parent = name.slice(0, name.lastIndexOf("/"));
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
 * A shell that removes the files of the work when this process cannot: it waits for the end of a pipe that the kernel
 * closes with us. The lock keeps it from what another process is at by then. Without one the next work removes them, as
 * on macOS, which has no `flock` command.
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
      // Ctrl-C at the terminal is not for it.
      detached: true,
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined; // No sh in PATH; that buildah is not there either is the better thing to say.
  }
}

async function waitForLock(path: string, signal: AbortSignal | undefined): Promise<Lock> {
  // Not by a blocking lock, which no signal could end.
  while (true) {
    if (signal?.aborted) {
      throw new SmolvmError("interrupted", "Cannot wait for another smolvm: interrupted", { cause: signal.reason });
    }
    const lock = await acquireLock(path, { exclusive: true, wait: false });
    if (lock !== undefined) return lock;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".lock")) continue;
    using lock = await acquireLock(`${folder}/${name}`, { exclusive: true, wait: false });
    if (lock === undefined) continue; // Its owner is alive.
    await removeIfThere(`${folder}/${name.slice(0, -".lock".length)}.tmp`);
    await removeIfThere(lock.path);
  }
}
