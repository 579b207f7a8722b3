import { SmolvmError } from "../errors.ts";
import { osReason } from "./os_error.ts";

/** A lock that is held until it is disposed of or the process ends. */
export interface Lock extends Disposable {
  /** The locked file. */
  readonly path: string;
}

/** How {@linkcode acquireLock} takes the lock. */
export interface LockOptions {
  /** Whether it excludes all other holders, or only exclusive ones. */
  exclusive: boolean;
  /** Whether to wait for other holders; otherwise returns `undefined` at once when the lock is taken. */
  wait: boolean;
}

/**
 * Takes an advisory lock (`flock`) on a file, which is created when missing. The kernel releases it when the process
 * ends, so locks are never stale.
 *
 * @throws {SmolvmError} `storage` when the file cannot be opened or locked.
 */
export async function acquireLock(path: string, options: LockOptions & { wait: true }): Promise<Lock>;
export async function acquireLock(path: string, options: LockOptions): Promise<Lock | undefined>;
export async function acquireLock(path: string, { exclusive, wait }: LockOptions): Promise<Lock | undefined> {
  try {
    while (true) {
      // Synchronous unless it must wait, because this delays the start of every machine.
      const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
      let kept = false;
      try {
        if (!file.tryLockSync(exclusive)) {
          if (!wait) return undefined;
          await file.lock(exclusive);
        }
        if (isStillAt(path, file)) {
          kept = true;
          return { path, [Symbol.dispose]: () => file.close() };
        }
        // The file or its folder was removed while we waited: this lock excludes no process that opens the path now.
      } finally {
        if (!kept) file.close();
      }
    }
  } catch (error) {
    throw new SmolvmError("storage", `Cannot lock "${path}": ${osReason(error)}`, { cause: error });
  }
}

/**
 * Takes a lock like {@linkcode acquireLock}, but blocks the whole process until it is free. Use it at start-up, where
 * there is nothing else to do and every await costs, on a file that is never removed while processes may wait for it.
 */
export function acquireLockSync(path: string, { exclusive }: Pick<LockOptions, "exclusive">): Lock {
  try {
    const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
    file.lockSync(exclusive);
    return { path, [Symbol.dispose]: () => file.close() };
  } catch (error) {
    throw new SmolvmError("storage", `Cannot lock "${path}": ${osReason(error)}`, { cause: error });
  }
}

/**
 * Takes a lock on a folder, without waiting; `undefined` when it is taken or there is no such folder. The lock does not
 * apply to a folder that replaces this one.
 *
 * @throws {SmolvmError} `storage` when it cannot be opened or locked.
 */
export function lockFolderSync(path: string, { exclusive }: Pick<LockOptions, "exclusive">): Lock | undefined {
  try {
    const folder = Deno.openSync(path);
    if (folder.tryLockSync(exclusive)) return { path, [Symbol.dispose]: () => folder.close() };
    folder.close();
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new SmolvmError("storage", `Cannot lock "${path}": ${osReason(error)}`, { cause: error });
  }
}

/** Whether another process holds the lock exclusively. Takes it for a moment if not. */
export function isLocked(path: string): boolean {
  try {
    using file = Deno.openSync(path);
    return !file.tryLockSync(false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new SmolvmError("storage", `Cannot look at the lock "${path}": ${osReason(error)}`, { cause: error });
  }
}

function isStillAt(path: string, file: Deno.FsFile): boolean {
  try {
    const [there, held] = [Deno.statSync(path), file.statSync()];
    return there.ino === held.ino && there.dev === held.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
