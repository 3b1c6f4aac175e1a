// Imports as pages ask for them; while one moves, the live notices move it, and now and then it is asked for anyway.
import { useQuery } from "@tanstack/react-query";
import { fresh, getMacImport, listMacImports, type MacImportView } from "../../../api";

const meanwhileMs = 5000;

const moves = ({ state }: MacImportView) => state === "running" || state === "staging";

export function useImports() {
  return useQuery({
    queryKey: ["mac-imports"],
    queryFn: ({ signal }) => listMacImports({ query: fresh(), signal }),
    refetchInterval: ({ state }) => (state.data?.rows.some(moves) ? meanwhileMs : false),
  });
}

export function useImport(importId: string) {
  return useQuery({
    queryKey: ["mac-import", importId],
    queryFn: ({ signal }) => getMacImport({ path: { import_id: importId }, query: fresh(), signal }),
    refetchInterval: ({ state }) => (state.data && moves(state.data) ? meanwhileMs : false),
  });
}

/** How much of the present step is done, from 0 to 100. */
export function shareOf({ state, rows, staged, valid, taken }: MacImportView): number {
  const [done, all] = state === "staging" ? [staged, rows] : [taken, valid];
  return all === 0 ? 100 : Math.min(100, Math.floor((100 * done) / all));
}
