// A file goes to the gateway as it is, with its progress: the one request that the generated client cannot make.
import { once, Problem } from "./answers";
import { proof, understood } from "./client";
import type { Accepted } from "./generated/types.gen";

/** Half a pair is no text, and a file may be called so. */
const wellFormed = (name: string) => name.replace(/\p{Cs}/gu, "\ufffd");

interface Upload {
  path: string;
  file: File;
  key: string;
  signal: AbortSignal;
  /** How much has left this computer, from 0 to 1. */
  onProgress: (share: number) => void;
}

/** Ends as a command does: accepted, or with a `Problem`; an `AbortError` when the signal was given. */
export async function upload({ path, file, key, signal, onProgress }: Upload): Promise<Accepted> {
  signal.throwIfAborted();
  const response = await new Promise<Response>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    const headers = {
      ...proof(),
      ...once(key),
      "content-type": "application/octet-stream",
      "smartplus-file-name": encodeURIComponent(wellFormed(file.name.normalize("NFC"))),
    };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total, lengthComputable }) => {
      if (lengthComputable && total > 0) onProgress(loaded / total);
    };
    request.onload = () => {
      const named = ["content-type", "retry-after", "smartplus-position"].flatMap((name) => {
        const value = request.getResponseHeader(name);
        return value === null ? [] : [[name, value] as [string, string]];
      });
      resolve(new Response(request.responseText, { status: request.status, headers: named }));
    };
    request.onerror = () => reject(new Problem(0, "unreachable", ""));
    request.onabort = () => reject(new DOMException("The upload was ended", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
  return (await understood(response)).json() as Promise<Accepted>;
}
