// The budgets of all modules as one list: what is spent comes first.
import type { BudgetList, BudgetRow } from "../../../api";

export const services = ["accounts", "devices"] as const;
export type ServiceName = (typeof services)[number];

export interface Budget extends BudgetRow {
  service: ServiceName;
  /** What everybody has who has no budget of its own. */
  setting: number;
}

export interface Budgets {
  rows: Budget[];
  rooms: Partial<Record<ServiceName, BudgetList["room"]>>;
  /** The modules that did not answer. */
  away: ServiceName[];
}

/** How much of it is used; 1 is all. */
export function part({ used, limit }: Pick<BudgetRow, "used" | "limit">): number {
  return limit > 0 ? used / limit : 1;
}

export function isSpent(row: Pick<BudgetRow, "used" | "limit">): boolean {
  return part(row) >= 1;
}

/** Asks every module. Throws the first one's refusal when none answers. */
export async function everything(ask: (service: ServiceName) => Promise<BudgetList>): Promise<Budgets> {
  const answers = await Promise.allSettled(services.map(ask));
  const found: Budgets = { rows: [], rooms: {}, away: [] };
  answers.forEach((answer, place) => {
    const service = services[place] as ServiceName;
    if (answer.status === "rejected") {
      found.away.push(service);
      return;
    }
    const { rows, room, tenant_limit, device_limit } = answer.value;
    found.rooms[service] = room;
    for (const row of rows) {
      found.rows.push({ ...row, service, setting: row.kind === "device" ? (device_limit ?? 0) : tenant_limit });
    }
  });
  const [first] = answers;
  if (found.away.length === services.length && first?.status === "rejected") throw first.reason;
  found.rows.sort((one, other) => part(other) - part(one) || other.used - one.used);
  return found;
}
