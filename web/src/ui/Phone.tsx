// Numbers are kept with their area code (E.164); people read and type them behind it.
import { useCallback } from "react";
import { useCountries } from "../api/reference";
import { Machine } from "./Text";

/** The area codes of one and two digits (ITU-T E.164); all others have three, and none begins with another. */
const areaCodes = /^\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})/;

export function Phone({ number }: { number: string | null | undefined }) {
  return <Machine style={{ whiteSpace: "nowrap" }} value={number?.replace(areaCodes, "$& ")} />;
}

/** The area code of a country, and what stands behind it in a number. */
export function useAreaCode(country: string | null): {
  areaCode: string | undefined;
  behind: (number: string | null) => string;
} {
  const areaCode = useCountries().data?.find(({ code }) => code === country)?.area_code;
  const behind = useCallback(
    (number: string | null) =>
      number && areaCode && number.startsWith(areaCode) ? number.slice(areaCode.length) : (number ?? ""),
    [areaCode],
  );
  return { areaCode, behind };
}
