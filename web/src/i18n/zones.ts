// Times as the clocks of a household show them, wherever the browser is.

const dayMs = 86_400_000;

/** How far the clocks of `zone` are ahead of UTC at that moment, in milliseconds. */
function offsetOf(zone: string, at: number): number {
  const format = new Intl.DateTimeFormat("en-US-u-nu-latn-ca-gregory", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/**
 * When the clocks of `zone` show `local` (`2026-11-27T08:00`), as an ISO time in UTC; null for an empty one.
 * Of an hour that comes twice it is the first; of one that is left out, as if the clocks had not been changed yet.
 */
export function instantIn(zone: string, local: string): string | null {
  if (!local) return null;
  const shown = Date.parse(`${local}Z`);
  const before = shown - offsetOf(zone, shown - dayMs);
  const after = shown - offsetOf(zone, shown + dayMs);
  const found = [before, after].sort((one, other) => one - other).find((at) => at + offsetOf(zone, at) === shown);
  return new Date(found ?? before).toISOString();
}

/** `2026-11-27 08:00:00`, as the clocks of `zone` show that moment. */
export function timestampIn(zone: string, value: string): string {
  const at = Date.parse(value);
  return new Date(at + offsetOf(zone, at)).toISOString().slice(0, 19).replace("T", " ");
}
