// Submitting AutoP lines to devices from anywhere: the answer, the refused lines, and the confirmation of dangerous ones.
import { useState } from "react";
import { type Accepted, once, submitAutop, type SubmitAutop } from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { useCommand } from "../../../../api/useCommand";
import { useRefusalText } from "../../../../ui/refusals";
import { refusedLines, useConfirmed } from "./CommandBox";

type Lines = Pick<SubmitAutop, "kind" | "text" | "device_ids">;

export function useAutop(onDone: (accepted: Accepted) => void) {
  const text = useRefusalText();
  const changed = useChanged();
  const [typed, setTyped] = useState("");
  const confirmed = useConfirmed(typed);
  const [asked, setAsked] = useState(false);
  const send = useCommand<SubmitAutop, Accepted>((body, key) => submitAutop({ body, headers: once(key) }), {
    onSuccess: (accepted) => {
      setAsked(false);
      setTyped("");
      void changed("provisioning", "device-command");
      onDone(accepted);
    },
    onError: (problem) => setAsked(problem.code === "autop-dangerous"),
  });
  const { error } = send;
  return {
    submit: (lines: Lines) => send.mutate({ ...lines, confirmed }),
    busy: send.isPending,
    problem: error,
    /** The refusal as a sentence, unless it is told line by line or by the question to confirm. */
    refusal: error && error.code !== "autop-dangerous" && !refusedLines(error) ? text(error) : null,
    danger: asked,
    typed,
    setTyped,
    confirmed,
    /** Something else is typed now: what was said about the former lines is over. */
    forget: () => {
      setAsked(false);
      setTyped("");
      send.reset();
    },
  };
}
