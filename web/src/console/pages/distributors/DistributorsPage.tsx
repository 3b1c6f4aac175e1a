import { Button, Switch, Text } from "@mantine/core";
import { IconHistory, IconPlus } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Accepted,
  createDistributor,
  type DistributorRow,
  fresh,
  listDistributors,
  once,
  switchOfflineSolution,
} from "../../../api";
import { useChanged } from "../../../api/changes";
import { useTimeZones } from "../../../api/reference";
import { useCommand } from "../../../api/useCommand";
import { CreateAccountDialog } from "../../../ui/CreateAccountDialog";
import { type Credential, credentialIn, CredentialDialog } from "../../../ui/Credential";
import { Page } from "../../../ui/Page";
import { type Column, PagedList, useListQuery } from "../../../ui/PagedList";
import { toastDone, toastRefused } from "../../../ui/refusals";
import { RowAction } from "../../../ui/RowAction";
import { Search } from "../../../ui/Search";
import { Count, Email, Time } from "../../../ui/Text";

export function DistributorsPage() {
  const { t } = useTranslation();
  const zones = useTimeZones().data;
  const changed = useChanged();
  const [query, setQuery] = useListQuery();
  const [creating, setCreating] = useState(false);
  const [issued, setIssued] = useState<{ name: string; credential: Credential } | null>(null);
  const result = useQuery({
    queryKey: ["distributors", query],
    queryFn: ({ signal }) => listDistributors({ query: fresh({ ...query, key: undefined }), signal }),
    placeholderData: keepPreviousData,
  });
  const columns: Column<DistributorRow>[] = [
    {
      key: "name",
      label: t("field.name"),
      lead: true,
      render: (distributor) => (
        <Text span inherit fw={600}>
          <bdi>{distributor.name}</bdi>
        </Text>
      ),
    },
    { key: "email", label: t("field.email"), render: (distributor) => <Email value={distributor.email} /> },
    {
      key: "installers",
      label: t("module.installers"),
      width: 100,
      render: (distributor) => <Count value={distributor.installers} />,
    },
    {
      key: "offline",
      label: t("distributor.offline"),
      width: 220,
      render: (distributor) => <OfflineSwitch distributor={distributor} />,
    },
    {
      key: "created",
      label: t("user.created"),
      width: 160,
      render: (distributor) => <Time value={distributor.created_at} />,
    },
  ];
  return (
    <Page
      title={t("module.distributors")}
      actions={
        <Button leftSection={<IconPlus size={17} aria-hidden />} onClick={() => setCreating(true)}>
          {t("action.new")}
        </Button>
      }
    >
      <Text c="dimmed" size="sm" mb="md" maw={720}>
        {t("distributor.offlineExplain")}
      </Text>
      <PagedList
        name="distributors"
        label={t("distributor.list")}
        columns={columns}
        rowKey={(distributor) => distributor.distributor_id}
        query={query}
        onQuery={setQuery}
        result={result}
        actionsWidth={72}
        actions={({ distributor_id, name }) => (
          <RowAction label={t("audit.title")} name={name} to={`/distributors/${distributor_id}/audit`} state={{ name }}>
            <IconHistory size={18} stroke={1.7} />
          </RowAction>
        )}
        toolbar={<Search query={query} onQuery={setQuery} />}
      />
      {creating && (
        <CreateAccountDialog
          title={t("distributor.addTitle")}
          explain={t("distributor.addExplain")}
          zones={zones ?? []}
          perform={(body, key) => createDistributor({ body, headers: once(key) })}
          onClose={() => setCreating(false)}
          onDone={({ name, email }, accepted) => {
            toastDone(t("distributor.added"));
            setCreating(false);
            const credential = credentialIn(accepted, email);
            if (credential) setIssued({ name, credential });
            void changed("distributor");
          }}
        />
      )}
      {issued && <CredentialDialog {...issued} onClose={() => setIssued(null)} />}
    </Page>
  );
}

function OfflineSwitch({ distributor }: { distributor: DistributorRow }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const path = { distributor_id: distributor.distributor_id };
  const set = useCommand<boolean, Accepted>(
    (enabled, key) => switchOfflineSolution({ path, body: { enabled }, headers: once(key) }),
    {
      onSuccess: async (_, enabled) => {
        toastDone(enabled ? t("distributor.offlineOn") : t("distributor.offlineOff"));
        await changed("distributor");
      },
      onError: toastRefused,
    },
  );
  return (
    <Switch
      checked={set.isPending ? set.variables : distributor.offline_solution}
      disabled={set.isPending}
      onChange={(event) => set.mutate(event.currentTarget.checked)}
      aria-label={`${t("distributor.offline")}: ${distributor.name}`}
    />
  );
}
