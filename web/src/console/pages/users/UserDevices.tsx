// The devices of a household: its intercoms, and the cameras of other makers.
import { Anchor, Box, Button, Group, Tabs } from "@mantine/core";
import { IconAdjustments, IconPencil, IconPlus, IconTerminal2, IconTrash } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { type DeviceRow, fresh, listDevices, type UserDetail } from "../../../api";
import { type Column, PagedList, useListQuery } from "../../../ui/PagedList";
import { RowAction } from "../../../ui/RowAction";
import { Search } from "../../../ui/Search";
import { NoData } from "../../../ui/States";
import { Machine, Time } from "../../../ui/Text";
import { DeleteDeviceDialog } from "../devices/one/DeleteDeviceDialog";
import { SettingsDialog } from "../devices/one/SettingsDialog";
import { Configuration } from "../devices/one/states";
import { useKindText } from "../devices/kinds";
import { MacText } from "../devices/MacText";
import { OnlineDot } from "../devices/OnlineDot";
import { UserCameras } from "./UserCameras";

export type DevicesTab = "intercom" | "third-party";

interface UserDevicesProps {
  userId: string;
  user: UserDetail | undefined;
  tab: DevicesTab;
}

export function UserDevices({ userId, user, tab }: UserDevicesProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const base = `/user/${userId}/devices`;
  return (
    <Tabs
      variant="pills"
      value={tab}
      onChange={(next) => navigate(next === "intercom" ? base : `${base}/third-party`)}
      keepMounted={false}
    >
      <Tabs.List mb="md" aria-label={t("user.tabDevices")}>
        <Tabs.Tab value="intercom">{t("device.tabIntercom")}</Tabs.Tab>
        <Tabs.Tab value="third-party">{t("device.tabThirdParty")}</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="intercom">
        <Intercoms userId={userId} />
      </Tabs.Panel>
      <Tabs.Panel value="third-party">
        <UserCameras userId={userId} user={user} />
      </Tabs.Panel>
    </Tabs>
  );
}

function Intercoms({ userId }: { userId: string }) {
  const { t } = useTranslation();
  const kindText = useKindText();
  const [query, setQuery] = useListQuery();
  const [settings, setSettings] = useState<DeviceRow | null>(null);
  const [deleting, setDeleting] = useState<DeviceRow | null>(null);
  const result = useQuery({
    queryKey: ["devices", "of", userId, query],
    queryFn: ({ signal }) =>
      listDevices({
        query: fresh({ ...query, key: query.q ? ("name" as const) : ("" as const), user: userId }),
        signal,
      }),
    placeholderData: keepPreviousData,
  });
  const columns: Column<DeviceRow>[] = [
    {
      key: "name",
      label: t("device.name"),
      lead: true,
      render: (device) => (
        <Anchor component={Link} to={`/device/${device.device_id}`} inherit fw={600}>
          <bdi>{device.name}</bdi>
        </Anchor>
      ),
    },
    { key: "mac", label: t("device.mac"), width: 132, render: (device) => <MacText value={device.mac} /> },
    { key: "sip", label: t("device.sip"), width: 112, render: (device) => <Machine value={device.sip} /> },
    { key: "kind", label: t("device.kind"), render: (device) => kindText(device.kind) },
    { key: "status", label: t("device.status"), width: 96, render: (device) => <OnlineDot online={device.online} /> },
    {
      key: "configuration",
      label: t("device.configurationTitle"),
      width: 130,
      render: (device) => <Configuration of={device.configuration} />,
    },
    {
      key: "connected",
      label: t("device.lastConnected"),
      width: 104,
      render: (device) => <Time value={device.last_connected_at} />,
    },
  ];
  const create = (
    <Button component={Link} to={`/user/${userId}/devices/new`} leftSection={<IconPlus size={17} aria-hidden />}>
      {t("action.new")}
    </Button>
  );
  return (
    <>
      <PagedList
        name="user-devices"
        label={t("device.tabIntercom")}
        columns={columns}
        rowKey={(device) => device.device_id}
        query={query}
        onQuery={setQuery}
        result={result}
        toolbar={
          <Group justify="space-between" gap="sm">
            <Box flex="1 1 320px" miw={0}>
              <Search query={query} onQuery={setQuery} />
            </Box>
            <Group gap="sm">
              <Button
                variant="default"
                component={Link}
                to={`/device/autop/new?user=${userId}`}
                leftSection={<IconTerminal2 size={17} aria-hidden />}
              >
                {t("autop.title")}
              </Button>
              {create}
            </Group>
          </Group>
        }
        empty={
          query.q ? <NoData hint={t("device.noneFound")} /> : <NoData hint={t("device.noneYet")} action={create} />
        }
        actionsWidth={118}
        actions={(device) => (
          <>
            <RowAction label={t("device.settings")} name={device.name} onClick={() => setSettings(device)}>
              <IconAdjustments size={18} stroke={1.7} />
            </RowAction>
            <RowAction label={t("user.edit")} name={device.name} to={`/device/${device.device_id}/edit`}>
              <IconPencil size={18} stroke={1.7} />
            </RowAction>
            <RowAction label={t("action.delete")} name={device.name} onClick={() => setDeleting(device)}>
              <IconTrash size={18} stroke={1.7} />
            </RowAction>
          </>
        )}
      />
      {settings && <SettingsDialog deviceId={settings.device_id} onClose={() => setSettings(null)} />}
      {deleting && <DeleteDeviceDialog device={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}
