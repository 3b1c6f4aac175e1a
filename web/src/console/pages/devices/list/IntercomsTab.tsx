import { Anchor, Button } from "@mantine/core";
import { IconSettings, IconTrash, IconUsers } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { type DeviceRow, fresh, listDevices, type ListDevicesData } from "../../../../api";
import { type Column, PagedList, useListQuery } from "../../../../ui/PagedList";
import { RowAction } from "../../../../ui/RowAction";
import { Search } from "../../../../ui/Search";
import { NoData } from "../../../../ui/States";
import { Machine, Time } from "../../../../ui/Text";
import { DeleteDeviceDialog } from "../one/DeleteDeviceDialog";
import { useKindText } from "../kinds";
import { MacText } from "../MacText";
import { OnlineDot } from "../OnlineDot";
import { OwnerLink } from "./OwnerLink";

type DeviceSearchKey = NonNullable<NonNullable<ListDevicesData["query"]>["key"]>;

const searchKeys = ["mac", "owner", "name"] as const satisfies DeviceSearchKey[];

/** Devices are added where they belong: at a household. */
export function ToUsers() {
  const { t } = useTranslation();
  return (
    <Button component={Link} to="/user" leftSection={<IconUsers size={17} aria-hidden />}>
      {t("devices.toUsers")}
    </Button>
  );
}

export function IntercomsTab() {
  const { t } = useTranslation();
  const kindText = useKindText();
  const [query, setQuery] = useListQuery();
  const [deleting, setDeleting] = useState<DeviceRow | null>(null);
  const result = useQuery({
    queryKey: ["devices", query],
    queryFn: ({ signal }) => listDevices({ query: fresh({ ...query, key: query.key as DeviceSearchKey }), signal }),
    placeholderData: keepPreviousData,
  });

  const columns: Column<DeviceRow>[] = [
    { key: "mac", label: t("devices.mac"), width: 140, render: (device) => <MacText value={device.mac} /> },
    { key: "owner", label: t("devices.owner"), render: (device) => <OwnerLink of={device} /> },
    { key: "sip", label: t("devices.sip"), width: 110, render: (device) => <Machine value={device.sip} /> },
    {
      key: "name",
      label: t("devices.name"),
      lead: true,
      render: (device) => (
        <Anchor component={Link} to={`/device/${device.device_id}`} inherit fw={600}>
          <bdi>{device.name}</bdi>
        </Anchor>
      ),
    },
    { key: "kind", label: t("devices.type"), width: 150, render: (device) => kindText(device.kind) },
    { key: "model", label: t("devices.model"), optional: true, render: (device) => <Machine value={device.model} /> },
    {
      key: "firmware",
      label: t("devices.firmware"),
      optional: true,
      render: (device) => <Machine value={device.firmware} />,
    },
    { key: "status", label: t("devices.status"), width: 100, render: (device) => <OnlineDot online={device.online} /> },
    {
      key: "last",
      label: t("devices.lastConnected"),
      width: 110,
      render: (device) => <Time value={device.last_connected_at} />,
    },
  ];

  return (
    <>
      <PagedList
        name="devices"
        label={t("devices.tabIntercom")}
        columns={columns}
        rowKey={(device) => device.device_id}
        actionsWidth={90}
        query={query}
        onQuery={setQuery}
        result={result}
        toolbar={
          <Search
            keys={searchKeys.map((key) => ({ value: key, label: t(`devices.${key}`) }))}
            query={query}
            onQuery={setQuery}
          />
        }
        empty={
          query.q ? (
            <NoData hint={t("devices.noneFound")} />
          ) : (
            <NoData hint={t("devices.noneYet")} action={<ToUsers />} />
          )
        }
        actions={(device) => (
          <>
            <RowAction label={t("devices.open")} name={device.name} to={`/device/${device.device_id}`}>
              <IconSettings size={18} stroke={1.7} />
            </RowAction>
            <RowAction label={t("action.delete")} name={device.name} onClick={() => setDeleting(device)}>
              <IconTrash size={18} stroke={1.7} />
            </RowAction>
          </>
        )}
      />
      {deleting && <DeleteDeviceDialog device={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}
