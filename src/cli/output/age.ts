const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60]] as const;

/** Formats the time since `since` in its largest whole unit: `3 hours`. */
export function formatAge(since: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ["second", 1] as const;
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
