// What shows a kind of thing: one table for what is changed here and for what is heard of from elsewhere.
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

/** The first element of every query key that shows a kind of thing. */
const shownBy = {
  household: ["users", "user", "members", "user-audit", "audit", "devices", "cameras", "macs"],
  installer: ["installers", "session", "customer-service", "account-access"],
  distributor: ["distributors", "session"],
  session: ["session", "sessions", "audit", "user-audit"],
  audit: ["audit", "user-audit"],
  mac: ["macs"],
  import: ["mac-import", "mac-imports"],
  device: ["devices", "macs", "device", "device-audit", "credentials", "provisioning", "provisionings"],
  camera: ["cameras", "device"],
  "device-command": ["device-commands", "device", "provisioning", "provisionings"],
  provisioning: ["provisioning", "provisionings", "regular-autop"],
  credential: ["credentials"],
  "door-event": ["door-events"],
  // These two are told by nobody: who is signed in here, and what a budget was set to.
  "who-is-here": ["session"],
  budget: ["budgets"],
} as const satisfies Record<string, readonly string[]>;

export type Thing = keyof typeof shownBy;

/** The roots that show the thing; none for a kind that this console does not know yet. */
export function rootsOf(thing: string): readonly string[] {
  return Object.hasOwn(shownBy, thing) ? shownBy[thing as Thing] : [];
}

export const allRoots: readonly string[] = Object.values(shownBy).flat();

/** Asks again what stands on the screen under these roots; resolves when it is answered. */
export async function askAgain(queries: QueryClient, roots: readonly string[]): Promise<void> {
  await Promise.all([...new Set(roots)].map((root) => queries.invalidateQueries({ queryKey: [root] })));
}

/** After a command: `changed("camera")` asks again what shows cameras; what is not on the screen is asked when it is. */
export function useChanged(): (...things: Thing[]) => Promise<void> {
  const queries = useQueryClient();
  return useCallback((...things) => askAgain(queries, things.flatMap(rootsOf)), [queries]);
}
