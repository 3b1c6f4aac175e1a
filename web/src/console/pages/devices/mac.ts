// A MAC as people write it: the same reader as the service has (contracts/notations.py), so that a form says at once.
import { latinDigits } from "../../../i18n/format";

const unseen = /\p{Default_Ignorable_Code_Point}/gu;
const title = /^[^\p{L}\p{N}]*mac(?:[^\p{L}\p{N}]*(?:addr(?:ess|esse)?|adress[eo]?|no|nr|id)(?![\p{L}\p{N}]))?/iu;
const between = /[\p{P}\p{S}\p{Z}\s]/gu;

/** What a MAC is in any of its notations, or null while it is none. */
export function macDigits(text: string): string | null {
  const digits = latinDigits(text.normalize("NFKC").replace(unseen, ""))
    .replace(title, "")
    .replace(between, "")
    .toUpperCase();
  return /^[0-9A-F]{12}$/.test(digits) ? digits : null;
}
