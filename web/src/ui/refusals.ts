// A refusal in the reader's language: by its stable code, else the sentence the gateway sent.
import { notifications } from "@mantine/notifications";
import i18next, { type ParseKeys } from "i18next";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/answers";

export function refusalText(code: string, detail: string | undefined): string {
  const key = `refusal.${code}`;
  if (i18next.exists(key)) return i18next.t(key as ParseKeys);
  return detail || i18next.t("refusal.failed");
}

export function useRefusalText(): (problem: unknown) => string {
  const { i18n } = useTranslation();
  return useCallback(
    (problem: unknown) =>
      problem instanceof Problem ? refusalText(problem.code, problem.detail) : refusalText("failed", undefined),
    // The texts follow the language.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [i18n.language],
  );
}

/** Each refusal at its field; what has no field in this form comes back as one sentence, or null. */
export function sortRefusals(
  problem: Problem,
  fields: readonly string[],
): { byField: Record<string, string>; general: string | null } {
  const byField: Record<string, string> = {};
  const rest: string[] = [];
  for (const refusal of problem.errors) {
    const field = refusal.field.replace(/^\/|^body\./, "").replaceAll("/", ".");
    const own = fields.find((name) => name === field) ?? fields.find((name) => name === field.split(".")[0]);
    if (own) byField[own] ??= refusalText(refusal.code, refusal.detail);
    else rest.push(refusalText(refusal.code, refusal.detail));
  }
  if (Object.keys(byField).length === 0 && rest.length === 0) rest.push(refusalText(problem.code, problem.detail));
  return { byField, general: rest.length > 0 ? rest.join(" ") : null };
}

function toast(message: string, color: string, autoClose: number): void {
  notifications.show({ message, color, autoClose, closeButtonProps: { "aria-label": i18next.t("action.close") } });
}

export function toastDone(message: string): void {
  toast(message, "petrol", 4000);
}

export function toastRefused(problem: Problem): void {
  toast(refusalText(problem.code, problem.detail), "red", 8000);
}
