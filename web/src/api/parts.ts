// Parts of the console (pages, languages) that are fetched when they are needed, and what happens after a release.
import { Problem } from "./answers";

const reloadedAt = "smartplus.reloaded";
/** Two releases that answer in turn would have a page reload for ever; within this time, in ms, it does so once. */
const onceInMs = 60_000;

/** Fetches a part; throws the `Problem` "part-missing" when it does not come. */
export async function part<Module>(fetchPart: () => Promise<Module>): Promise<Module> {
  try {
    return await fetchPart();
  } catch (reason) {
    console.warn("a part of the console did not come", reason);
    throw new Problem(0, "part-missing", "");
  }
}

export function isPartMissing(reason: unknown): boolean {
  return reason instanceof Problem && reason.code === "part-missing";
}

/** Whether the gateway serves another release than this page is of: its files have other names. */
async function isReplaced(): Promise<boolean> {
  const own = document.querySelector("script[type=module][src]")?.getAttribute("src");
  try {
    const answer = await fetch("/", { headers: { accept: "text/html" }, cache: "no-cache" });
    return answer.ok && !!own && !(await answer.text()).includes(own);
  } catch {
    return false;
  }
}

function mayReload(): boolean {
  try {
    const last = Number(sessionStorage.getItem(reloadedAt));
    if (Date.now() - last < onceInMs) return false;
    sessionStorage.setItem(reloadedAt, String(Date.now()));
    return true;
  } catch {
    return false; // without storage nobody would know of the first time
  }
}

/** Reloads this page when a release has replaced it. False when that would not help. */
export async function reloadedForRelease(): Promise<boolean> {
  if (!(await isReplaced()) || !mayReload()) return false;
  location.reload();
  return true;
}
