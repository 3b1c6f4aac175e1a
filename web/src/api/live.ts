// What changed elsewhere arrives as server-sent events; the queries that show it are asked again.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { learnPosition } from "./answers";
import { allRoots, askAgain, rootsOf } from "./changes";
import type { Change } from "./generated/types.gen";

/** Notices of one burst (an import, a campaign) are answered with one round of questions. */
const gatherMs = 80;
/** A round that takes longer, such as one without a network, does not hold up the next. */
const roundMs = 3000;

export function useLive(active: boolean): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!active) return;
    const changed = new Set<string>();
    let gathering: number | undefined;
    let opening: number | undefined;
    let source: EventSource | undefined;
    let failures = 0;
    let told: string | undefined;
    let closed = false;

    // One round at a time: asking again ends the question before, and under steady news none would be answered.
    const flush = async () => {
      const roots = [...changed];
      changed.clear();
      // Asked for the first time and not answered yet: that goes on as it is, and may be answered from before the change.
      const underWay = queries
        .getQueryCache()
        .findAll({ fetchStatus: "fetching", predicate: ({ state }) => state.data === undefined })
        .flatMap(({ queryKey: [root] }) => roots.filter((each) => each === root));
      const asked = askAgain(queries, roots);
      await Promise.race([asked, new Promise((resolve) => window.setTimeout(resolve, roundMs))]);
      underWay.forEach((root) => changed.add(root));
      gathering = undefined;
      if (changed.size > 0) note([]);
    };
    const note = (roots: readonly string[]) => {
      roots.forEach((root) => changed.add(root));
      if (!closed) gathering ??= window.setTimeout(() => void flush(), gatherMs);
    };
    const everything = () => note(allRoots);

    const hear = (message: MessageEvent<string>) => {
      const notice = JSON.parse(message.data) as Change;
      // Each position of one stream contains those before it.
      learnPosition(notice.position, told ? [told] : []);
      told = notice.position;
      note(rootsOf(notice.thing));
    };

    // The browser comes back by itself after a cut; after an answer that is no stream it gives up, and we begin anew.
    const open = () => {
      source = new EventSource("/api/v1/live");
      source.onmessage = hear;
      source.addEventListener("resync", everything);
      source.onopen = () => {
        failures = 0;
        told = undefined;
        // What was answered before may lack what was told while nobody listened, at the first time too.
        everything();
      };
      source.onerror = () => {
        failures += 1;
        if (source?.readyState !== EventSource.CLOSED) return;
        note(rootsOf("who-is-here"));
        opening = window.setTimeout(open, Math.min(30_000, 1000 * 2 ** failures));
      };
    };
    open();
    return () => {
      closed = true;
      source?.close();
      window.clearTimeout(gathering);
      window.clearTimeout(opening);
    };
  }, [active, queries]);
}
