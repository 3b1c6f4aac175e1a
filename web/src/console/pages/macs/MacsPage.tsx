import { Anchor, Box, Button, Group, SegmentedControl } from "@mantine/core";
import { IconFileImport, IconPlus, IconTrash } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { fresh, listInstallers, listMacs, type ListMacsData, type MacRow } from "../../../api";
import { Page } from "../../../ui/Page";
import { type Column, PagedList, useListQuery } from "../../../ui/PagedList";
import { RowAction } from "../../../ui/RowAction";
import { Search } from "../../../ui/Search";
import { NoData } from "../../../ui/States";
import { Time, UserText } from "../../../ui/Text";
import { useSession } from "../../session";
import { MacText } from "../devices/MacText";
import { OwnerLink } from "../devices/list/OwnerLink";
import { ForeignPrefix } from "./ForeignPrefix";
import { NewMacDialog } from "./NewMacDialog";
import { OngoingImports } from "./OngoingImports";
import { RemoveMacDialog } from "./RemoveMacDialog";
import classes from "./macs.module.css";

type MacUse = NonNullable<NonNullable<ListMacsData["query"]>["use"]>;

const uses = ["all", "bound", "unbound"] as const satisfies MacUse[];

/** The names of a distributor's installers by their ids; an installer needs none. */
function useInstallerNames(wanted: boolean): Map<string, string> {
  const { data } = useQuery({
    queryKey: ["installers", "names"],
    queryFn: ({ signal }) => listInstallers({ query: fresh({ per_page: 100 }), signal }),
    enabled: wanted,
    staleTime: 60_000,
  });
  return new Map(data?.rows.map(({ installer_id, name }) => [installer_id, name]));
}

export function MacsPage() {
  const { t } = useTranslation();
  const { role } = useSession();
  const [query, setQuery] = useListQuery(uses);
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<MacRow | null>(null);
  const ofDistributor = role === "distributor";
  const installers = useInstallerNames(ofDistributor);
  const use = uses.find((choice) => choice === query.filter) ?? "all";
  const { page, per_page, q } = query;
  const result = useQuery({
    queryKey: ["macs", { page, per_page, q, use }],
    queryFn: ({ signal }) => listMacs({ query: fresh({ page, per_page, q, use }), signal }),
    placeholderData: keepPreviousData,
  });

  const columns: Column<MacRow>[] = [
    {
      key: "mac",
      label: t("macs.mac"),
      lead: true,
      width: 210,
      render: (row) => (
        <Group gap={4} wrap="nowrap" mih={31}>
          <MacText value={row.mac} fw={600} />
          {row.is_foreign_prefix && <ForeignPrefix mac={row.mac} />}
        </Group>
      ),
    },
    {
      key: "use",
      label: t("macs.use"),
      width: 130,
      render: (row) => (
        <span className={classes.use} data-bound={!!row.device_id || undefined}>
          {row.device_id && !ofDistributor ? (
            <Anchor component={Link} to={`/device/${row.device_id}`} inherit>
              {t("macs.bound")}
            </Anchor>
          ) : (
            t(row.device_id ? "macs.bound" : "macs.unbound")
          )}
        </span>
      ),
    },
    // A household is its installer's business; which installer has a MAC is the distributor's.
    ...(ofDistributor
      ? [
          {
            key: "installer",
            label: t("role.installer"),
            render: (row: MacRow) =>
              row.installer_id ? <UserText value={installers.get(row.installer_id)} /> : t("macs.anyInstaller"),
          },
          {
            key: "label",
            label: t("macs.labelCode"),
            width: 150,
            render: (row: MacRow) => t(row.has_label ? "macs.labelStored" : "macs.labelNone"),
          },
        ]
      : [
          {
            key: "owner",
            label: t("macs.owner"),
            render: (row: MacRow) => <OwnerLink of={{ user_id: row.user_id ?? "", owner: row.owner ?? "" }} />,
          },
          {
            key: "registered_by",
            label: t("macs.registeredBy"),
            width: 150,
            render: (row: MacRow) => t(row.installer_id ? "macs.bySelf" : "role.distributor"),
          },
        ]),
    {
      key: "registered",
      label: t("macs.registeredAt"),
      width: 180,
      render: (row) => <Time value={row.registered_at} />,
    },
  ];

  const imports = (
    <Button
      component={Link}
      to="/mac-library/import"
      variant="default"
      leftSection={<IconFileImport size={17} aria-hidden className="mirrored" />}
    >
      {t("macs.import")}
    </Button>
  );
  const create = (
    <Button leftSection={<IconPlus size={17} aria-hidden />} onClick={() => setAdding(true)}>
      {t("action.new")}
    </Button>
  );

  return (
    <Page
      title={t("module.macLibrary")}
      actions={
        <>
          {imports}
          {create}
        </>
      }
    >
      <OngoingImports />
      <PagedList
        name="macs"
        label={t("macs.list")}
        columns={columns}
        rowKey={(row) => row.mac}
        actionsWidth={80}
        query={query}
        onQuery={setQuery}
        result={result}
        toolbar={
          <Group gap="sm" justify="space-between">
            <Box flex="1 1 300px">
              <Search query={query} onQuery={setQuery} />
            </Box>
            <SegmentedControl
              className={classes.filter}
              aria-label={t("macs.use")}
              value={use}
              onChange={(value) => setQuery({ filter: value === "all" ? undefined : value })}
              data={uses.map((value) => ({ value, label: t(`macs.filter.${value}`) }))}
            />
          </Group>
        }
        empty={
          q || use !== "all" ? (
            <NoData hint={t(q ? "macs.noneFound" : use === "bound" ? "macs.noneBound" : "macs.noneUnbound")} />
          ) : (
            <NoData
              hint={t("macs.noneYet")}
              action={
                <Group gap="sm" justify="center">
                  {imports}
                  {create}
                </Group>
              }
            />
          )
        }
        actions={(row) => (
          <RowAction label={t("macs.remove")} name={row.mac} onClick={() => setRemoving(row)}>
            <IconTrash size={18} stroke={1.7} />
          </RowAction>
        )}
      />
      {adding && <NewMacDialog onClose={() => setAdding(false)} />}
      {removing && <RemoveMacDialog row={removing} onClose={() => setRemoving(null)} />}
    </Page>
  );
}
