// The console's languages: one JSON file each, loaded when chosen. `lang` and `dir` stand on the document before anything is drawn.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { part } from "../api/parts";
import languages from "../locales/languages.json";

export type Language = keyof typeof languages;

export const fallback: Language = "en";
const stored = "smartplus.language";
const files = import.meta.glob<Record<string, unknown>>(["../locales/*.json", "!../locales/languages.json"], {
  import: "default",
});

export const choices = Object.entries(languages).map(([code, { name }]) => ({ code: code as Language, name }));

function supported(tag: string | null | undefined): Language | undefined {
  const code = tag?.toLowerCase().split("-")[0]?.replace(/^iw$/, "he");
  return code && code in languages ? (code as Language) : undefined;
}

function remembered(): string | null {
  try {
    return localStorage.getItem(stored);
  } catch {
    return null;
  }
}

/** What was chosen in the header wins; else the browser's languages in their order. */
function preferred(): Language {
  return supported(remembered()) ?? navigator.languages.map(supported).find(Boolean) ?? fallback;
}

export function directionOf(language: string): "ltr" | "rtl" {
  return languages[supported(language) ?? fallback].direction === "rtl" ? "rtl" : "ltr";
}

async function load(language: Language): Promise<void> {
  if (i18next.hasResourceBundle(language, "translation")) return;
  const file = files[`../locales/${language}.json`];
  if (file) i18next.addResourceBundle(language, "translation", await part(file));
}

function markDocument(language: Language): void {
  document.documentElement.lang = language;
  document.documentElement.dir = directionOf(language);
}

export async function startLanguages(): Promise<void> {
  const language = preferred();
  markDocument(language);
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: fallback,
    resources: {},
    partialBundledLanguages: true,
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  // Every language has every text: the build checks it. So one file is enough.
  await load(language);
  await i18next.changeLanguage(language);
}

/** Throws the `Problem` "part-missing" when the texts do not come; the language stays what it was. */
export async function switchLanguage(language: Language): Promise<void> {
  await load(language);
  try {
    localStorage.setItem(stored, language);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
  markDocument(language);
  await i18next.changeLanguage(language);
}

/** Without its texts a page can only say, in the words that came with it, that it has none. */
export function sayUnloaded(root: HTMLElement | null): void {
  if (root) root.textContent = languages[preferred()].unloaded;
}

/** Without a remembered choice the console follows the browser when its language changes. */
export function followBrowser(): void {
  addEventListener("languagechange", () => {
    if (supported(remembered())) return;
    const language = preferred();
    const follow = () => {
      markDocument(language);
      return i18next.changeLanguage(language);
    };
    // Without the texts the language stays what it was.
    load(language).then(follow, () => undefined);
  });
}
