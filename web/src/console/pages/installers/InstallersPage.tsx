import { Button, Switch, Text, Tooltip } from "@mantine/core";
import { IconHistory, IconLogin2, IconPlus } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Accepted,
  createInstaller,
  fresh,
  type InstallerRow,
  listInstallers,
  once,
  switchAccountAccess,
} from "../../../api";
import { useChanged } from "../../../api/changes";
import { useCommand } from "../../../api/useCommand";
import { CreateAccountDialog } from "../../../ui/CreateAccountDialog";
import { type Credential, credentialIn, CredentialDialog } from "../../../ui/Credential";
import { Page } from "../../../ui/Page";
import { type Column, PagedList, useListQuery } from "../../../ui/PagedList";
import { toastDone, toastRefused } from "../../../ui/refusals";
import { RowAction } from "../../../ui/RowAction";
import { Search } from "../../../ui/Search";
import { Count, Email, Time } from "../../../ui/Text";
import { useTimeZones } from "../../../api/reference";
import { SwitchIntoDialog } from "./SwitchIntoDialog";

export function InstallersPage() {
  const { t } = useTranslation();
  const zones = useTimeZones().data;
  const changed = useChanged();
  const [query, setQuery] = useListQuery();
  const [creating, setCreating] = useState(false);
  const [entering, setEntering] = useState<InstallerRow | null>(null);
  const [issued, setIssued] = useState<{ name: string; credential: Credential } | null>(null);
  const result = useQuery({
    queryKey: ["installers", query],
    queryFn: ({ signal }) => listInstallers({ query: fresh({ ...query, key: undefined }), signal }),
    placeholderData: keepPreviousData,
  });

  const columns: Column<InstallerRow>[] = [
    {
      key: "name",
      label: t("field.name"),
      lead: true,
      render: (installer) => (
        <Text span inherit fw={600}>
          <bdi>{installer.name}</bdi>
        </Text>
      ),
    },
    { key: "email", label: t("field.email"), render: (installer) => <Email value={installer.email} /> },
    {
      key: "users",
      label: t("installer.users"),
      width: 90,
      render: (installer) => <Count value={installer.households} />,
    },
    {
      key: "access",
      label: t("installer.access"),
      width: 130,
      render: (installer) => <AccessSwitch installer={installer} />,
    },
    {
      key: "permission",
      label: t("accountSetting.permission"),
      width: 140,
      render: (installer) => (installer.permission_granted ? t("value.on") : t("value.off")),
    },
    {
      key: "created",
      label: t("user.created"),
      width: 92,
      render: (installer) => <Time value={installer.created_at} />,
    },
  ];

  return (
    <Page
      title={t("module.installers")}
      actions={
        <Button leftSection={<IconPlus size={17} aria-hidden />} onClick={() => setCreating(true)}>
          {t("action.new")}
        </Button>
      }
    >
      <PagedList
        name="installers"
        label={t("installer.list")}
        columns={columns}
        rowKey={(installer) => installer.installer_id}
        actionsWidth={180}
        query={query}
        onQuery={setQuery}
        result={result}
        toolbar={<Search query={query} onQuery={setQuery} />}
        actions={(installer) => {
          const open = installer.account_access_offered && installer.permission_granted;
          return (
            <>
              <RowAction
                label={t("audit.title")}
                name={installer.name}
                to={`/installers/${installer.installer_id}/audit`}
                state={{ name: installer.name }}
              >
                <IconHistory size={18} stroke={1.7} />
              </RowAction>
              <Tooltip label={t("installer.notPermitted")} disabled={open}>
                <Button
                  size="compact-sm"
                  variant="default"
                  data-disabled={!open || undefined}
                  aria-disabled={!open}
                  leftSection={<IconLogin2 size={16} className="mirrored" aria-hidden />}
                  onClick={() => open && setEntering(installer)}
                  aria-label={`${t("installer.switchInto")}: ${installer.name}`}
                >
                  {t("installer.switchInto")}
                </Button>
              </Tooltip>
            </>
          );
        }}
      />
      {creating && (
        <CreateAccountDialog
          title={t("installer.addTitle")}
          explain={t("installer.addExplain")}
          zones={zones ?? []}
          perform={(body, key) => createInstaller({ body, headers: once(key) })}
          onClose={() => setCreating(false)}
          onDone={({ name, email }, accepted) => {
            toastDone(t("installer.added"));
            setCreating(false);
            const credential = credentialIn(accepted, email);
            if (credential) setIssued({ name, credential });
            void changed("installer");
          }}
        />
      )}
      {entering && <SwitchIntoDialog installer={entering} onClose={() => setEntering(null)} />}
      {issued && <CredentialDialog {...issued} onClose={() => setIssued(null)} />}
    </Page>
  );
}

function AccessSwitch({ installer }: { installer: InstallerRow }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const path = { installer_id: installer.installer_id };
  const set = useCommand<boolean, Accepted>(
    (enabled, key) => switchAccountAccess({ path, body: { enabled }, headers: once(key) }),
    {
      onSuccess: async (_, enabled) => {
        toastDone(enabled ? t("installer.accessOn") : t("installer.accessOff"));
        await changed("installer");
      },
      onError: toastRefused,
    },
  );
  return (
    <Switch
      checked={set.isPending ? set.variables : installer.account_access_offered}
      disabled={set.isPending}
      onChange={(event) => set.mutate(event.currentTarget.checked)}
      aria-label={`${t("installer.access")}: ${installer.name}`}
    />
  );
}
