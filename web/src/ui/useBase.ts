// What an open form was filled from, while others may save the same thing.
import { useEffect, useRef } from "react";
import type { Problem } from "../api";

interface Present<Form> {
  /** The form as the thing is now, and the revision that says so; a new thing has none. */
  initial: Form;
  revision?: string;
  /** Why the last submit was refused. */
  problem: Problem | null;
  /** What is in the form, in the order of `initial`. */
  values: Form;
  follow: (initial: Form) => void;
}

/**
 * Answers the revision that a submit replaces. The form follows what others save until somebody types. Then it stays on
 * what they saw: saving is refused (412) rather than undo what they never saw, and after that refusal it replaces what is
 * there now. What changes beside the form is no conflict.
 */
export function useBase<Form>({ initial, revision, problem, values, follow }: Present<Form>): () => string {
  const base = useRef({ initial, revision });
  const refused = useRef(false);
  useEffect(() => {
    if (problem?.status === 412) refused.current = true;
  }, [problem]);
  useEffect(() => {
    if (base.current.revision === revision && base.current.initial === initial) return;
    const before = JSON.stringify(base.current.initial);
    if (before !== JSON.stringify(initial)) {
      const typed = before !== JSON.stringify(values);
      if (typed && !refused.current) return;
      if (!typed) follow(initial);
    }
    if (base.current.revision !== revision) refused.current = false;
    base.current = { initial, revision };
  });
  return () => base.current.revision ?? "";
}
