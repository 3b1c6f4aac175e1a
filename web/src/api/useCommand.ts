// A command from the console: one key per submit, kept while nobody knows whether the gateway heard it.
import { useMutation, type UseMutationOptions } from "@tanstack/react-query";
import { useRef } from "react";
import { Problem } from "./answers";

interface Pending {
  key: string;
  body: string;
}

/**
 * `perform` receives what is submitted and the idempotency key. A submit of the same content after a lost answer repeats
 * the key, so the command is done once; any answer, yes or no, ends the key.
 */
export function useCommand<Input, Result>(
  perform: (input: Input, key: string) => Promise<Result>,
  options: Omit<UseMutationOptions<Result, Problem, Input>, "mutationFn" | "retry"> = {},
) {
  const pending = useRef<Pending>(null);
  return useMutation<Result, Problem, Input>({
    ...options,
    retry: (failures, problem) => problem instanceof Problem && problem.indeterminate && failures < 2,
    retryDelay: (failures) => 400 * 2 ** failures,
    mutationFn: async (input) => {
      const body = JSON.stringify(input) ?? "";
      if (pending.current?.body !== body) pending.current = { key: crypto.randomUUID(), body };
      try {
        const result = await perform(input, pending.current.key);
        pending.current = null;
        return result;
      } catch (reason) {
        if (!(reason instanceof Problem && reason.indeterminate)) pending.current = null;
        throw reason;
      }
    },
  });
}
