// Search devices and select up to 500 of them, page by page or all that were found.
import { Button, Checkbox, Group, SegmentedControl, Switch, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type DeviceRow, fresh, listDevices, type ListDevicesData, Problem } from "../../../../api";
import { type Column, type ListQuery, PagedList } from "../../../../ui/PagedList";
import { toastRefused } from "../../../../ui/refusals";
import { Search } from "../../../../ui/Search";
import { NoData } from "../../../../ui/States";
import { UserText } from "../../../../ui/Text";
import { useKindText } from "../kinds";
import { MacText } from "../MacText";
import { OnlineDot } from "../OnlineDot";

export const devicesMax = 500;

type DeviceSearchKey = NonNullable<ListDevicesData["query"]>["key"];
const searchKeys = ["name", "owner", "mac"] as const satisfies DeviceSearchKey[];

export type Selected = ReadonlyMap<string, DeviceRow>;

interface DevicePickerProps {
  /** Shown first: the household that the installer came from. */
  household?: { user_id: string; name: string };
  selected: Selected;
  onSelect: (selected: Selected) => void;
}

const firstPage: ListQuery = { page: 1, per_page: 10 };

export function DevicePicker({ household, selected, onSelect }: DevicePickerProps) {
  const { t } = useTranslation();
  const kindText = useKindText();
  const [view, setView] = useState<"found" | "selected">("found");
  const [query, setQuery] = useState<ListQuery>(firstPage);
  const [within, setWithin] = useState(true);
  const [taking, setTaking] = useState(false);
  const user = household && within ? household.user_id : undefined;
  const asked = { key: (query.q ? query.key : "") as DeviceSearchKey, q: query.q, user };
  const found = useQuery({
    queryKey: ["devices", "picker", asked, query.page, query.per_page],
    queryFn: ({ signal }) =>
      listDevices({ query: fresh({ ...asked, page: query.page, per_page: query.per_page }), signal }),
    placeholderData: keepPreviousData,
  });

  const select = (rows: DeviceRow[], on: boolean) => {
    const next = new Map(selected);
    for (const row of rows) {
      if (on) next.set(row.device_id, row);
      else next.delete(row.device_id);
    }
    onSelect(next);
  };
  const selectAllFound = async () => {
    setTaking(true);
    try {
      const next = new Map(selected);
      for (let page = 1; next.size <= devicesMax; page++) {
        const { rows, total } = await listDevices({ query: fresh({ ...asked, page, per_page: 100 }) });
        for (const row of rows) next.set(row.device_id, row);
        if (page * 100 >= total) break;
      }
      onSelect(next);
    } catch (reason) {
      if (reason instanceof Problem) toastRefused(reason);
      else throw reason;
    } finally {
      setTaking(false);
    }
  };

  const chosen = [...selected.values()];
  const start = (query.page - 1) * query.per_page;
  const result =
    view === "found"
      ? found
      : {
          data: { rows: chosen.slice(start, start + query.per_page), total: chosen.length },
          error: null,
          isPlaceholderData: false,
          refetch: () => undefined,
        };
  const rows = result.data?.rows ?? [];
  const here = rows.filter(({ device_id }) => selected.has(device_id)).length;
  const columns: Column<DeviceRow>[] = [
    {
      key: "name",
      label: t("device.name"),
      lead: true,
      render: (device) => (
        <Checkbox
          checked={selected.has(device.device_id)}
          onChange={(event) => select([device], event.currentTarget.checked)}
          label={<bdi style={{ fontWeight: 600 }}>{device.name}</bdi>}
        />
      ),
    },
    { key: "mac", label: t("device.mac"), width: 140, render: (device) => <MacText value={device.mac} /> },
    { key: "owner", label: t("device.owner"), render: (device) => <UserText value={device.owner} /> },
    { key: "kind", label: t("device.kind"), render: (device) => kindText(device.kind) },
    { key: "status", label: t("device.status"), width: 110, render: (device) => <OnlineDot online={device.online} /> },
  ];
  const total = found.data?.total ?? 0;
  return (
    <PagedList
      name="autop-devices"
      label={t("autop.devices")}
      columns={columns}
      rowKey={(device) => device.device_id}
      query={query}
      onQuery={(change) => setQuery((before) => ({ ...before, page: 1, ...change }))}
      result={result}
      toolbar={
        <>
          <Group justify="space-between" gap="sm" mb="sm">
            <SegmentedControl
              size="xs"
              aria-label={t("autop.devices")}
              value={view}
              onChange={(value) => {
                setView(value as "found" | "selected");
                setQuery({ ...query, page: 1 });
              }}
              data={[
                { value: "found", label: t("autop.found") },
                { value: "selected", label: t("autop.selectedOnly") },
              ]}
            />
            <Text
              size="sm"
              fw={600}
              c={selected.size > devicesMax ? "var(--mantine-color-error)" : undefined}
              role="status"
            >
              {t("autop.selected", { selected: selected.size, most: devicesMax })}
            </Text>
          </Group>
          {view === "found" && (
            <Search
              keys={searchKeys.map((key) => ({ value: key, label: t(`autop.search.${key}`) }))}
              query={query}
              onQuery={(change) => setQuery((before) => ({ ...before, page: 1, ...change }))}
            />
          )}
          <Group gap="sm" mt="sm">
            {view === "found" && household && (
              <Switch
                checked={within}
                onChange={(event) => {
                  setWithin(event.currentTarget.checked);
                  setQuery({ ...query, page: 1 });
                }}
                label={
                  <>
                    {t("autop.onlyOf")} <bdi>{household.name}</bdi>
                  </>
                }
                me="auto"
              />
            )}
            {view === "found" && (
              <>
                <Checkbox
                  checked={rows.length > 0 && here === rows.length}
                  indeterminate={here > 0 && here < rows.length}
                  disabled={rows.length === 0}
                  onChange={(event) => select(rows, event.currentTarget.checked)}
                  label={t("autop.thisPage")}
                />
                <Button
                  size="xs"
                  variant="default"
                  loading={taking}
                  disabled={total === 0}
                  onClick={() => void selectAllFound()}
                >
                  {t("autop.selectAll", { count: total })}
                </Button>
              </>
            )}
            <Button size="xs" variant="default" disabled={selected.size === 0} onClick={() => onSelect(new Map())}>
              {t("autop.selectNone")}
            </Button>
          </Group>
        </>
      }
      empty={<NoData hint={t(view === "selected" ? "autop.noneSelected" : "device.noneFound")} />}
    />
  );
}
