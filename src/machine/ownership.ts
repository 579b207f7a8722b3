import { SmolvmError } from "../errors.ts";

/** A folder and the user who wants to boot it. */
export interface Ownership {
  path: string;
  /** The folder's owner. */
  owner: number | null;
  /** The user. */
  uid: number | null;
  os: string;
}

/**
 * Refuses a folder that an ordinary user cannot boot because another user owns it. The guest's overlay opens files with
 * `O_NOATIME`, which Linux allows only to a file's owner.
 *
 * @throws {SmolvmError} `source`.
 */
export function checkOwnership({ path, owner, uid, os }: Ownership): void {
  if (os !== "linux" || uid === 0 || owner === uid) return;
  throw new SmolvmError(
    "source",
    `Cannot boot "${path}" as an ordinary user: it belongs to the user with id ${owner}`,
    {
      hint: "Make a copy of your own with `cp -r`, or run smolvm as root.",
    },
  );
}
