// What a device was told, and what became of it.
import { Button, Stack, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import {
  type Accepted,
  cancelDeviceCommand,
  type DeviceCommandRow,
  fresh,
  listDeviceCommands,
  once,
} from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { useCommand } from "../../../../api/useCommand";
import { type Column, PagedList, useListQuery } from "../../../../ui/PagedList";
import { toastDone, toastRefused } from "../../../../ui/refusals";
import { NoData } from "../../../../ui/States";
import { Time } from "../../../../ui/Text";
import classes from "./device.module.css";
import { CommandState, isOpen, reasonText } from "./states";

export function CommandsList({ deviceId }: { deviceId: string }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const [query, setQuery] = useListQuery();
  const result = useQuery({
    queryKey: ["device-commands", deviceId, query],
    queryFn: ({ signal }) =>
      listDeviceCommands({
        path: { device_id: deviceId },
        query: fresh({ page: query.page, per_page: query.per_page }),
        signal,
      }),
    placeholderData: keepPreviousData,
  });
  const cancel = useCommand<string, Accepted>(
    (device_command_id, key) => cancelDeviceCommand({ path: { device_command_id }, headers: once(key) }),
    {
      onSuccess: () => toastDone(t("device.cancelled")),
      onError: toastRefused,
      onSettled: () => void changed("device-command"),
    },
  );
  const columns: Column<DeviceCommandRow>[] = [
    {
      key: "kind",
      label: t("device.command"),
      lead: true,
      render: (command) => (
        <Stack gap={4}>
          <Text span inherit fw={600}>
            {t(`device.commandKind.${command.kind}`)}
            {command.relay !== null && ` · ${t("device.relay", { number: command.relay })}`}
          </Text>
          {command.lines.length > 0 && (
            <details>
              <summary>{t("autop.lines", { count: command.lines.length })}</summary>
              <pre className={classes.lines} style={{ marginBlockStart: 6 }}>
                {command.lines.join("\n")}
              </pre>
            </details>
          )}
        </Stack>
      ),
    },
    {
      key: "state",
      label: t("device.state"),
      width: 260,
      render: (command) => (
        <Stack gap={2}>
          <CommandState of={command.state} />
          {command.reason && (
            <Text span size="xs" c="dimmed">
              <bdi>{reasonText(command.reason)}</bdi>
            </Text>
          )}
          {command.state === "queued" && (
            <Text span size="xs" c="dimmed">
              {t("device.waitsUntil")} <Time value={command.expires_at} />
            </Text>
          )}
          {command.state === "unknown" && (
            <Text span size="xs" c="dimmed">
              {t("device.unknownHint")}
            </Text>
          )}
        </Stack>
      ),
    },
    { key: "created", label: t("device.given"), width: 170, render: (command) => <Time value={command.created_at} /> },
    {
      key: "changed",
      label: t("device.changed"),
      width: 170,
      render: (command) => <Time value={command.changed_at} />,
    },
  ];
  return (
    <PagedList
      name="device-commands"
      label={t("device.commands")}
      columns={columns}
      rowKey={(command) => command.device_command_id}
      query={query}
      onQuery={setQuery}
      result={result}
      empty={<NoData hint={t("device.noCommands")} />}
      actionsWidth={120}
      actions={(command) =>
        isOpen(command.state) && command.state !== "delivered" ? (
          <Button
            size="xs"
            variant="default"
            loading={cancel.isPending && cancel.variables === command.device_command_id}
            onClick={() => cancel.mutate(command.device_command_id)}
          >
            {t("action.cancel")}
          </Button>
        ) : null
      }
    />
  );
}
