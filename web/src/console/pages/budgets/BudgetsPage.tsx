// Who used most of what a day allows, in each module; and how full the modules' logs are, which is the same worry.
import { Alert, Badge, Group, Progress, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconAdjustments, IconCloudOff } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type BudgetList, fresh, listBudgets, listDeviceBudgets } from "../../../api";
import { Page } from "../../../ui/Page";
import { type Column, PagedList, useListQuery } from "../../../ui/PagedList";
import { RowAction } from "../../../ui/RowAction";
import { Search } from "../../../ui/Search";
import { NoData } from "../../../ui/States";
import { Count, Machine, UserText } from "../../../ui/Text";
import { BudgetDialog } from "./BudgetDialog";
import { type Budget, everything, isSpent, part, type ServiceName, services } from "./budgets";

// Services save their counts every five seconds.
const askedAgainMs = 10_000;
const ask = { accounts: listBudgets, devices: listDeviceBudgets };

export function BudgetsPage() {
  const { t, i18n } = useTranslation();
  const [query, setQuery] = useListQuery();
  const [changing, setChanging] = useState<Budget | null>(null);
  const result = useQuery({
    queryKey: ["budgets", query.q],
    queryFn: ({ signal }) =>
      everything((service) => ask[service]({ query: fresh({ q: query.q }), signal }) as Promise<BudgetList>),
    placeholderData: keepPreviousData,
    refetchInterval: askedAgainMs,
  });
  const shown = result.data;
  const start = (query.page - 1) * query.per_page;
  const columns: Column<Budget>[] = [
    { key: "who", label: t("budget.who"), lead: true, render: (row) => <Who row={row} /> },
    { key: "where", label: t("budget.where"), width: 110, render: (row) => t(`budget.module.${row.service}`) },
    { key: "used", label: t("budget.used"), width: 280, render: (row) => <Used row={row} /> },
    {
      key: "limit",
      label: t("budget.limit"),
      width: 200,
      render: (row) => (
        <Group gap={8} component="span">
          <span>
            <Count value={row.limit} />
          </span>
          {row.is_own && (
            <Badge variant="light" tt="none">
              {t("budget.own")}
            </Badge>
          )}
        </Group>
      ),
    },
  ];
  const time = new Date(Date.UTC(2000, 0, 1)).toLocaleTimeString(i18n.language, {
    timeZone: "UTC",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (
    <Page title={t("module.budgets")}>
      <Text c="dimmed" size="sm" mb="md" maw={720}>
        {t("budget.explain", { time })}
      </Text>
      {shown?.away.map((service) => (
        <Alert key={service} color="red" variant="light" icon={<IconCloudOff aria-hidden />} role="alert" mb="md">
          {t("budget.away", { module: t(`budget.module.${service}`) })}
        </Alert>
      ))}
      {shown && <Rooms rooms={shown.rooms} />}
      <PagedList
        name="budgets"
        label={t("budget.list")}
        columns={columns}
        rowKey={(row) => `${row.service} ${row.kind} ${row.payer_id}`}
        query={query}
        onQuery={setQuery}
        result={{
          ...result,
          data: shown && { rows: shown.rows.slice(start, start + query.per_page), total: shown.rows.length },
        }}
        empty={<NoData hint={query.q ? t("budget.notFound") : t("budget.empty")} />}
        actionsWidth={72}
        actions={(row) => (
          <RowAction
            label={t("budget.change")}
            name={`${row.name ?? row.mac ?? row.payer_id}, ${t(`budget.module.${row.service}`)}`}
            onClick={() => setChanging(row)}
          >
            <IconAdjustments size={18} stroke={1.7} />
          </RowAction>
        )}
        toolbar={<Search query={query} onQuery={setQuery} />}
      />
      {changing && <BudgetDialog budget={changing} onClose={() => setChanging(null)} />}
    </Page>
  );
}

function Who({ row }: { row: Budget }) {
  const { t } = useTranslation();
  return (
    <Stack gap={0}>
      {row.name ? (
        <UserText value={row.name} fw={600} />
      ) : (
        <Machine value={row.mac ?? row.payer_id} fw={600} truncate={row.mac ? undefined : "end"} />
      )}
      <Text span size="xs" c="dimmed" fw={400}>
        {t(`budget.${row.kind}`)}
        {!row.name && !row.mac && ` · ${t("budget.gone")}`}
      </Text>
    </Stack>
  );
}

function Used({ row }: { row: Budget }) {
  const { t, i18n } = useTranslation();
  const spent = isSpent(row);
  const share = part(row).toLocaleString(i18n.language, {
    style: "percent",
    // Few events are some part too.
    maximumFractionDigits: part(row) < 0.01 ? 3 : 0,
  });
  return (
    <Stack gap={5} miw={180} maw={260}>
      <Group gap={8} justify="space-between" wrap="nowrap">
        <Text span inherit>
          {t("budget.usage", { used: row.used, part: share })}
        </Text>
        {spent && (
          <Badge color="red" variant="filled" tt="none">
            {t("budget.spent")}
          </Badge>
        )}
      </Group>
      <Progress
        value={Math.min(100, part(row) * 100)}
        color={spent ? "red" : part(row) >= 0.8 ? "orange" : undefined}
        size="sm"
        aria-hidden
      />
    </Stack>
  );
}

function Rooms({ rooms }: { rooms: Partial<Record<ServiceName, BudgetList["room"]>> }) {
  const { t, i18n } = useTranslation();
  const bytes = (value: number) => {
    const [amount, unit] = value >= 2 ** 30 ? [value / 2 ** 30, "gigabyte"] : [value / 2 ** 20, "megabyte"];
    return amount.toLocaleString(i18n.language, { style: "unit", unit, maximumFractionDigits: 1 });
  };
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" mb="md">
      {services.map((service) => {
        const room = rooms[service];
        if (!room) return null;
        const used = room.max_bytes > 0 ? room.used_bytes / room.max_bytes : 0;
        const text = t("budget.room", {
          module: t(`budget.module.${service}`),
          part: used.toLocaleString(i18n.language, { style: "percent", maximumFractionDigits: 1 }),
          used: bytes(room.used_bytes),
          max: bytes(room.max_bytes),
        });
        const isSoon = room.days_left !== null && room.days_left < 1000;
        return (
          <Stack key={service} className="card" p="md" gap={8}>
            <Text size="sm">
              {text}
              {isSoon && ` · ${t("budget.days", { count: Math.floor(room.days_left ?? 0) })}`}
            </Text>
            <Progress value={used * 100} color={used >= 0.8 ? "red" : undefined} size="sm" aria-hidden />
          </Stack>
        );
      })}
    </SimpleGrid>
  );
}
