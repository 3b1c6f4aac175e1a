// Every language says everything: the keys of English, the same placeholders, and the plural forms its grammar needs.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../src/locales");
const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const plural = /_(zero|one|two|few|many|other)$/;

function flatten(node, prefix = "") {
  return Object.entries(node).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value]] : flatten(value, `${prefix}${key}.`),
  );
}

/** Keys without their plural endings, each with the endings and placeholders it has. */
function concepts(entries) {
  const found = new Map();
  for (const [key, text] of entries) {
    const ending = key.match(plural)?.[1];
    const concept = found.get(key.replace(plural, "")) ?? { endings: new Set(), placeholders: new Set() };
    if (ending) concept.endings.add(ending);
    for (const [, name] of text.matchAll(/{{\s*(\w+)/g)) concept.placeholders.add(name);
    found.set(key.replace(plural, ""), concept);
  }
  return found;
}

const problems = [];
const declared = Object.keys(read("languages.json")).sort();
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".json") && name !== "languages.json")
  .map((name) => name.slice(0, -5))
  .sort();
if (declared.join() !== files.join()) problems.push(`languages.json declares ${declared}, the files are ${files}`);

const english = concepts(flatten(read("en.json")));
for (const language of files) {
  const entries = flatten(read(`${language}.json`));
  const own = concepts(entries);
  const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  for (const [key, text] of entries) if (text.trim() === "") problems.push(`${language}: ${key} is empty`);
  for (const key of english.keys()) if (!own.has(key)) problems.push(`${language}: ${key} is missing`);
  for (const [key, concept] of own) {
    const original = english.get(key);
    if (!original) {
      problems.push(`${language}: ${key} is not in English`);
      continue;
    }
    if (original.endings.size > 0) {
      const missing = needed.filter((form) => !concept.endings.has(form));
      const needless = [...concept.endings].filter((form) => !needed.includes(form));
      if (missing.length > 0) problems.push(`${language}: ${key} lacks the plural ${missing}`);
      if (needless.length > 0) problems.push(`${language}: ${key} has a plural its grammar does not know: ${needless}`);
    } else if (concept.endings.size > 0) problems.push(`${language}: ${key} is plural only here`);
    const unknown = [...concept.placeholders].filter((name) => !original.placeholders.has(name));
    const forgotten = [...original.placeholders].filter((name) => name !== "count" && !concept.placeholders.has(name));
    if (unknown.length + forgotten.length > 0) {
      problems.push(
        `${language}: ${key} has the placeholders {${[...concept.placeholders]}}, English {${[...original.placeholders]}}`,
      );
    }
  }
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(`${files.length} languages (${files.join(", ")}), ${english.size} texts each`);
