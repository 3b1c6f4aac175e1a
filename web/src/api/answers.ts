// What the gateway's answers mean to the console: a no, and the position of a yes.

export interface FieldRefusal {
  field: string;
  code: string;
  detail?: string;
}

/** An answer that says no (RFC 9457), or `code: "unreachable"` when there was no answer at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors: readonly FieldRefusal[] = [],
    readonly waitS?: number,
  ) {
    super(detail || code);
  }

  /** Nobody knows whether the command was done: repeat it with the same key. */
  get indeterminate(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

const newest = new Map<string, number>();

/** Remembers a position such as `ACCOUNTS.512`, so that later questions wait for it. */
export function learnPosition(position: string | null | undefined): void {
  const [stream, seq] = position?.split(".") ?? [];
  if (stream && Number(seq) > (newest.get(stream) ?? 0)) newest.set(stream, Number(seq));
}

/** A query with the newest positions known here: whoever just wrote never sees the rows from before. */
export function fresh<Query extends object>(query?: Query): Query & { after?: string } {
  const after = [...newest].map(([stream, seq]) => `${stream}.${seq}`).join(",");
  return { ...(query as Query), after: after || undefined };
}

/** Another account's positions mean nothing to this one. */
export function forgetPositions(): void {
  newest.clear();
}

/** The header under which a command is done once, however often it arrives. */
export function once(key: string): { "Idempotency-Key": string } {
  return { "Idempotency-Key": key };
}
