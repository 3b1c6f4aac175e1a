// How the generated client speaks to the gateway: CSRF token, refusals as `Problem`, and reading one's own writes.
import type { CreateClientConfig } from "./generated/client.gen";
import { learnTime } from "./clock";
import { dropPositions, learnPosition, Problem, type FieldRefusal } from "./answers";

function cookie(name: string): string | undefined {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found && decodeURIComponent(found.slice(name.length + 1));
}

/** What stands on every request that changes something: proof that the page itself sends it. */
export function proof(): Record<string, string> {
  const token = cookie("csrftoken");
  return token ? { "x-csrf-token": token } : {};
}

async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => undefined);
  const { code, detail, errors } = (body ?? {}) as { code?: string; detail?: string; errors?: FieldRefusal[] };
  const wait = Number(response.headers.get("retry-after"));
  return new Problem(response.status, code ?? "failed", detail ?? "", errors ?? [], wait > 0 ? wait : undefined);
}

async function speak(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const url = new URL(request.url);
  const sent = url.searchParams.get("after")?.split(",") ?? [];
  try {
    return await understood(await answered(request), sent);
  } catch (reason) {
    if (!sent.length || !(reason instanceof Problem) || !reason.errors.some(({ code }) => code === "position-invalid"))
      throw reason;
    // What this page knows was given by a gateway that is gone, such as one from before a deploy: ask without it.
    dropPositions(sent);
    url.searchParams.delete("after");
    return understood(await answered(new Request(url, request)));
  }
}

async function answered(request: Request): Promise<Response> {
  if (request.method !== "GET") for (const [name, value] of Object.entries(proof())) request.headers.set(name, value);
  let response: Response;
  const asked = Date.now();
  try {
    response = await fetch(request);
  } catch (reason) {
    if (request.signal.aborted) throw reason;
    throw new Problem(0, "unreachable", "");
  }
  learnTime(response.headers.get("date"), asked);
  return response;
}

/** The answer itself, and its position learnt, which contains those `sent`. Throws the `Problem` when it says no. */
export async function understood(response: Response, sent: readonly string[] = []): Promise<Response> {
  if (!response.ok) throw await problemOf(response);
  learnPosition(response.headers.get("smartplus-position"), sent);
  return response;
}

export const createClientConfig: CreateClientConfig = (config) => ({ ...config, baseUrl: "", fetch: speak });
