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

/** Tokens that the gateway gave, oldest first; what stands in them only the gateway can read. */
const known = new Set<string>();
/** As many as the gateway takes. */
const knownMax = 32;

/** Remembers a position, so that later questions wait for it, in place of those that it contains. */
export function learnPosition(position: string | null | undefined, contained: readonly string[] = []): void {
  if (!position) return;
  for (const each of [...contained, position]) known.delete(each);
  known.add(position);
  for (const oldest of [...known].slice(0, -knownMax)) known.delete(oldest);
}

/** A query with the positions known here: whoever just wrote never sees the rows from before. */
export function fresh<Query extends object>(query?: Query): Query & { after?: string } {
  return { ...(query as Query), after: [...known].join(",") || undefined };
}

/** These mean nothing to the gateway, which may be another one than gave them. */
export function dropPositions(positions: readonly string[]): void {
  for (const each of positions) known.delete(each);
}

/** Another account's positions mean nothing to this one. */
export function forgetPositions(): void {
  known.clear();
}

/** The header under which a command is done once, however often it arrives. */
export function once(key: string): { "Idempotency-Key": string } {
  return { "Idempotency-Key": key };
}
