// Until when something of what Reset or Delete erased may be left in copies that the stores make, in words.
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import type { AuditRow, ErasureAccepted } from "../api";
import { useAbout } from "../api/reference";
import { timestamp } from "../i18n/format";

/** `done`, and by when nothing is left, as the answer to Reset or Delete says. */
export function erasedText(done: string, { extra }: ErasureAccepted): string {
  const at = timestamp(extra.erased_by);
  return at ? `${done}. ${i18next.t("reset.erasedBy", { at })}` : done;
}

/** Within which time nothing will be left, for whoever is about to reset or delete; empty until that is known. */
export function useErasedWithin(): string {
  const { t } = useTranslation();
  const { data: about } = useAbout();
  return about ? t("reset.erasedWithin", { hours: about.erased_within_hours }) : "";
}

/** What the line of a Reset or Delete says of it; null on every other line. */
export function erasureText({ erased_by, erased_at }: AuditRow): string | null {
  const by = timestamp(erased_by);
  const at = timestamp(erased_at);
  if (at) return i18next.t("reset.erasedAt", { at });
  return by && i18next.t("reset.erasedBy", { at: by });
}
