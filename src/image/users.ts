import { SmolvmError } from "../errors.ts";
import { isReadable, listMachines, type Machine } from "../state/lookup.ts";
import { isLive } from "../state/status.ts";

/** Every machine that has an image, by the image's id. */
export function imageUsers(): Map<string, Machine[]> {
  const images = listMachines().filter(isReadable).flatMap((machine) => {
    const { source } = machine.record;
    return "image" in source ? [{ machine, imageId: source.image.imageId }] : [];
  });
  const users = Map.groupBy(images, ({ imageId }) => imageId);
  return new Map([...users].map(([imageId, group]) => [imageId, group.map(({ machine }) => machine)]));
}

/** Whether a machine has a VM: what that runs on must stay. */
export function isRunning({ ephemeral, status }: Pick<Machine, "ephemeral" | "status">): boolean {
  return ephemeral || isLive(status.state);
}

/**
 * Refuses to remove an image that machines use.
 *
 * @param name the image as errors call it
 * @throws {SmolvmError} `machine-state`, with their names.
 */
export function checkUnused(imageId: string, name: string, { force }: { force: boolean }): void {
  const users = imageUsers().get(imageId) ?? [];
  const running = users.filter(isRunning);
  const inTheWay = running.length > 0 ? running : force ? [] : users;
  if (inTheWay.length === 0) return;
  const [noun, verb] = inTheWay.length === 1 ? ["machine", "uses"] : ["machines", "use"];
  const names = inTheWay.map(({ record }) => `"${record.name}"`).join(", ");
  const state = running.length > 0 ? ` and ${running.length === 1 ? "is" : "are"} running` : "";
  throw new SmolvmError("machine-state", `Cannot remove image "${name}": ${noun} ${names} ${verb} it${state}`, {
    hint: running.length > 0
      ? "Stop what runs on it first."
      : "Delete what uses it first, or use --force: nothing of that starts then until the image is back.",
  });
}
