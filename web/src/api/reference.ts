// Lists that hardly ever change: countries with their area codes, time zones, languages of e-mails.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { getAbout, listCountries, listLanguages, listTimeZones } from ".";

const forever = { staleTime: Infinity, gcTime: Infinity };

export function useCountries() {
  const { i18n } = useTranslation();
  const { language } = i18n;
  return useQuery({
    queryKey: ["reference", "countries", language],
    queryFn: ({ signal }) => listCountries({ query: { language }, signal }),
    ...forever,
  });
}

export function useTimeZones() {
  return useQuery({
    queryKey: ["reference", "time-zones"],
    queryFn: ({ signal }) => listTimeZones({ signal }),
    ...forever,
  });
}

export function useMailLanguages() {
  const { i18n } = useTranslation();
  const { language } = i18n;
  return useQuery({
    queryKey: ["reference", "languages", language],
    queryFn: ({ signal }) => listLanguages({ query: { language }, signal }),
    ...forever,
  });
}

export function useAbout() {
  return useQuery({ queryKey: ["about"], queryFn: ({ signal }) => getAbout({ signal }), ...forever });
}
