// What happened at the doors: who came in how, who was refused, and what a device raised an alarm for. Newest first.
import { Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconDoorEnter, IconHandStop } from "@tabler/icons-react";
import i18next, { type ParseKeys } from "i18next";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { DoorEventKind, DoorEventRow } from "../../../../api";
import type { Column } from "../../../../ui/PagedList";
import { Time, UserText } from "../../../../ui/Text";
import { type ListLines, TimeLine } from "../../../../ui/TimeLine";

const icons = { opened: IconDoorEnter, refused: IconHandStop, alarm: IconAlertTriangle } as const;

function Kind({ of }: { of: DoorEventKind }) {
  const { t } = useTranslation();
  const Icon = icons[of];
  return (
    <Group gap={8} wrap="nowrap" component="span">
      <Icon
        size={17}
        stroke={1.7}
        aria-hidden
        style={{ flex: "none" }}
        color={of === "opened" ? "var(--mantine-primary-color-filled)" : "var(--mantine-color-error)"}
      />
      <span>{t(`access.kind.${of}`)}</span>
    </Group>
  );
}

/** A device with a wrong clock does not know when it was: then it is shown when its message came. */
function Moment({ of: row }: { of: DoorEventRow }) {
  const { t } = useTranslation();
  return (
    <Stack gap={1}>
      <Time value={row.happened_at} />
      {row.clock_wrong && (
        <Text span inherit c="dimmed" fw={400}>
          {t("access.clockWrong")}
        </Text>
      )}
    </Stack>
  );
}

/** A device may tell of ways that the console has no word for. */
export function methodText(method: string): string {
  const key = `access.method.${method}`;
  return i18next.exists(key) ? i18next.t(key as ParseKeys) : method;
}

interface AccessLogProps {
  queryKey: readonly string[];
  list: ListLines<DoorEventRow>;
  withDevice?: boolean;
}

export function AccessLog({ queryKey, list, withDevice = true }: AccessLogProps) {
  const { t } = useTranslation();
  const columns: Column<DoorEventRow>[] = [
    { key: "at", label: t("audit.at"), width: 170, render: (row) => <Moment of={row} /> },
    {
      key: "kind",
      label: t("access.what"),
      lead: true,
      render: (row) => (
        <Stack gap={1}>
          <Kind of={row.kind} />
          {row.detail && (
            <Text span inherit c="dimmed" fw={400}>
              <bdi>{row.detail}</bdi>
            </Text>
          )}
        </Stack>
      ),
    },
    { key: "who", label: t("audit.who"), render: (row) => <UserText value={row.who} /> },
    {
      key: "method",
      label: t("access.by"),
      render: (row) => <UserText value={row.method && methodText(row.method)} />,
    },
    ...(withDevice
      ? [
          {
            key: "device",
            label: t("access.device"),
            render: (row: DoorEventRow) => (
              <Link to={`/device/${row.device_id}`} style={{ color: "var(--mantine-color-anchor)" }}>
                <UserText value={row.device_name} />
              </Link>
            ),
          },
        ]
      : []),
    {
      key: "relay",
      label: t("access.door"),
      render: (row) => (
        <UserText value={row.relay_name ?? (row.relay === null ? null : t("device.relay", { number: row.relay }))} />
      ),
    },
  ];
  return (
    <TimeLine
      label={t("access.log")}
      queryKey={queryKey}
      list={list}
      columns={columns}
      rowKey={(row) => row.door_event_id}
      none={t("access.logNone")}
    />
  );
}
