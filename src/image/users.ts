import { SmolvmError } from "../errors.ts";
import { isReadable, listMachines, type ReadableMachine } from "../state/lookup.ts";
import { isLive } from "../state/status.ts";
import { listWarmMachines } from "../state/warm.ts";

/** Maps each image's id to the machines that use it. */
export function imageUsers(): Map<string, ReadableMachine[]> {
  const images = listMachines().filter(isReadable).flatMap((machine) => {
    const { source } = machine.record;
    return "image" in source ? [{ machine, imageId: source.image.imageId }] : [];
  });
  const users = Map.groupBy(images, ({ imageId }) => imageId);
  return new Map([...users].map(([imageId, group]) => [imageId, group.map(({ machine }) => machine)]));
}

/** Returns the ids of the images that machines use, warm machines included. */
export function usedImages(): Set<string> {
  return new Set([...imageUsers().keys(), ...warmImages()]);
}

function warmImages(): string[] {
  return listWarmMachines().flatMap(({ image }) => image === null ? [] : [image.imageId]);
}

/** Whether a machine has a VM: its image must stay. */
export function isRunning({ ephemeral, status }: Pick<ReadableMachine, "ephemeral" | "status">): boolean {
  return ephemeral || isLive(status.state);
}

/**
 * Refuses to remove an image that machines use.
 *
 * @param name the name of the image in error messages
 * @throws {SmolvmError} `machine-state`, with the names of the machines unless they are warm.
 */
export function checkUnused(imageId: string, name: string, { force }: { force: boolean }): void {
  if (warmImages().includes(imageId)) {
    throw new SmolvmError("machine-state", `Cannot remove image "${name}": warm machines use it`, {
      hint: "Stop the warm machines: smolvm warm --count 0",
    });
  }
  const users = imageUsers().get(imageId) ?? [];
  const running = users.filter(isRunning);
  const inTheWay = running.length > 0 ? running : force ? [] : users;
  if (inTheWay.length === 0) return;
  const [noun, verb] = inTheWay.length === 1 ? ["machine", "uses"] : ["machines", "use"];
  const names = inTheWay.map(({ record }) => `"${record.name}"`).join(", ");
  const state = running.length > 0 ? ` and ${running.length === 1 ? "is" : "are"} running` : "";
  throw new SmolvmError("machine-state", `Cannot remove image "${name}": ${noun} ${names} ${verb} it${state}`, {
    hint: running.length > 0
      ? "Stop the machines first."
      : "Delete the machines first, or use --force: they cannot start until the image is back.",
  });
}
