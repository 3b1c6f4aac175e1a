// The questions of an application to the gateway, and which of them are asked again by themselves.
import { QueryClient } from "@tanstack/react-query";
import { Problem } from "../api";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // Only what may pass by itself is asked again; a refusal stays a refusal.
      retry: (failures, problem) => problem instanceof Problem && problem.indeterminate && failures < 2,
      retryDelay: (failures) => 500 * 2 ** failures,
    },
  },
});
