// One batch: how far each of its devices is, live, and another try for those that failed.
import { Anchor, Button, Group, Progress, SegmentedControl, Stack, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import {
  type Accepted,
  type DeviceCommandState,
  fresh,
  getProvisioning,
  once,
  Problem,
  type ProvisionedDevice,
  type ProvisioningDetail,
  retryProvisioning,
} from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { useCommand } from "../../../../api/useCommand";
import { Page } from "../../../../ui/Page";
import { type Column, PagedList, useListQuery } from "../../../../ui/PagedList";
import { toastDone, toastRefused } from "../../../../ui/refusals";
import { Failure, NoData, Waiting } from "../../../../ui/States";
import { Time } from "../../../../ui/Text";
import classes from "../one/device.module.css";
import { CommandState, isOpen, reasonText } from "../one/states";
import { MacText } from "../MacText";
import own from "./autop.module.css";

export function BatchPage() {
  const { t } = useTranslation();
  const { id = "" } = useParams();
  const { data, error, refetch } = useQuery({
    queryKey: ["provisioning", id],
    queryFn: ({ signal }) => getProvisioning({ path: { provisioning_id: id }, query: fresh(), signal }),
  });
  const unknown = error instanceof Problem && error.status === 404;
  return (
    <Page
      title={t("autop.batch")}
      back={{ to: "/device/autop", label: t("autop.title") }}
      actions={data && <Retry batch={data} />}
    >
      {data ? (
        <Batch batch={data} />
      ) : (
        <section className="card" style={{ padding: error ? 0 : 20 }}>
          {!error && <Waiting lines={4} />}
          {error && unknown && <NoData hint={t("autop.unknown")} />}
          {error && !unknown && <Failure problem={error} retry={() => void refetch()} />}
        </section>
      )}
    </Page>
  );
}

function Retry({ batch }: { batch: ProvisioningDetail }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const retry = useCommand<void, Accepted>(
    (_, key) => retryProvisioning({ path: { provisioning_id: batch.provisioning_id }, headers: once(key) }),
    {
      onSuccess: () => toastDone(t("autop.retried")),
      onError: toastRefused,
      onSettled: () => void changed("provisioning"),
    },
  );
  return (
    <Button
      variant="default"
      leftSection={<IconRefresh size={17} aria-hidden />}
      disabled={batch.failed === 0}
      loading={retry.isPending}
      onClick={() => retry.mutate()}
    >
      {t("autop.retry")}
    </Button>
  );
}

type Filter = "all" | "waiting" | "failed" | "done";

function isShown(state: DeviceCommandState, filter: Filter): boolean {
  if (filter === "all") return true;
  if (filter === "waiting") return isOpen(state);
  if (filter === "done") return state === "done";
  return !isOpen(state) && state !== "done";
}

function Batch({ batch }: { batch: ProvisioningDetail }) {
  const { t } = useTranslation();
  const [query, setQuery] = useListQuery();
  const [filter, setFilter] = useState<Filter>("all");
  const shown = batch.rows.filter(({ state }) => isShown(state, filter));
  const start = (query.page - 1) * query.per_page;
  const share = (count: number) => (batch.devices > 0 ? (100 * count) / batch.devices : 0);
  const columns: Column<ProvisionedDevice>[] = [
    {
      key: "name",
      label: t("device.name"),
      lead: true,
      render: (row) => (
        <Anchor component={Link} to={`/device/${row.device_id}`} inherit fw={600}>
          <bdi>{row.device_name}</bdi>
        </Anchor>
      ),
    },
    { key: "mac", label: t("device.mac"), width: 150, render: (row) => <MacText value={row.mac} /> },
    {
      key: "state",
      label: t("device.state"),
      render: (row) => (
        <Stack gap={2}>
          <CommandState of={row.state} />
          {row.reason && (
            <Text span size="xs" c="dimmed">
              <bdi>{reasonText(row.reason)}</bdi>
            </Text>
          )}
        </Stack>
      ),
    },
    { key: "changed", label: t("device.changed"), width: 180, render: (row) => <Time value={row.changed_at} /> },
  ];
  return (
    <Stack gap="md">
      <section className="card" aria-label={t("autop.progress")}>
        <div className={classes.cardBody}>
          <Group justify="space-between" gap="sm" mb="xs">
            <Text fw={600}>{t(`autop.kinds.${batch.kind}`)}</Text>
            <Text size="sm" c="dimmed">
              <Time value={batch.created_at} />
            </Text>
          </Group>
          <Progress.Root size="lg" aria-hidden>
            <Progress.Section value={share(batch.done)} color="petrol" />
            <Progress.Section value={share(batch.failed)} color="red" />
          </Progress.Root>
          <div className={own.numbers} role="status" style={{ marginBlockStart: 10 }}>
            <span>{t("autop.doneOf", { done: batch.done, of: batch.devices })}</span>
            <span>{t("autop.waitingCount", { count: batch.waiting })}</span>
            <span>{t("autop.failedCount", { count: batch.failed })}</span>
          </div>
          <details style={{ marginBlockStart: 12 }}>
            <summary>
              {t("autop.lines", { count: batch.lines.length })}
              {batch.dropped > 0 && ` · ${t("autop.droppedCount", { count: batch.dropped })}`}
              {batch.overridden > 0 && ` · ${t("autop.overriddenCount", { count: batch.overridden })}`}
            </summary>
            <pre className={classes.lines} style={{ marginBlockStart: 8 }}>
              {batch.lines.join("\n")}
            </pre>
          </details>
        </div>
      </section>
      <PagedList
        name="provisioned"
        label={t("autop.devices")}
        columns={columns}
        rowKey={(row) => row.device_id}
        query={query}
        onQuery={setQuery}
        result={{
          data: { rows: shown.slice(start, start + query.per_page), total: shown.length },
          error: null,
          isPlaceholderData: false,
          refetch: () => undefined,
        }}
        toolbar={
          <SegmentedControl
            aria-label={t("autop.filter")}
            value={filter}
            onChange={(value) => {
              setFilter(value as Filter);
              setQuery({ page: 1 });
            }}
            data={(["all", "waiting", "failed", "done"] as const).map((value) => ({
              value,
              label: t(`autop.filters.${value}`),
            }))}
          />
        }
        empty={<NoData />}
      />
    </Stack>
  );
}
