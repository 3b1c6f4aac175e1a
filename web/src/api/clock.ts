// The server's time. What ends, ends by its clock, however the clock of this machine is set.
import { useEffect, useState } from "react";

/** How far the server's clock is ahead of this machine's, in milliseconds. */
let ahead = 0;

/** Learns from an answer to what was asked at `asked` (by this machine's clock); `date` is its header of that name. */
export function learnTime(date: string | null, asked: number): void {
  const server = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(server)) return;
  const now = Date.now();
  // The header leaves out what is below a second, and was written at any moment between question and answer.
  const measured = server + 500 - (asked + now) / 2;
  const unsure = 500 + (now - asked) / 2;
  if (Math.abs(measured - ahead) > unsure) ahead = measured;
}

export function serverNow(): number {
  return Date.now() + ahead;
}

/** The server's time, again and again while something counts down. */
export function useServerNow(everyMs: number, ticking = true): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    if (!ticking) return;
    setNow(serverNow());
    const timer = window.setInterval(() => setNow(serverNow()), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs, ticking]);
  return now;
}
