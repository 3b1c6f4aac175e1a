import { List, Skeleton, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { chooseAccountAccess, fresh, getAccountAccess, once, type Problem } from "../../api";
import { useChanged } from "../../api/changes";
import { useCommand } from "../../api/useCommand";
import { Dialog, FormDialog } from "../../ui/Dialog";
import { toastDone, useRefusalText } from "../../ui/refusals";
import { Failure } from "../../ui/States";

export function AccountSettingDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery({
    queryKey: ["account-access"],
    queryFn: ({ signal }) => getAccountAccess({ query: fresh(), signal }),
    staleTime: 0,
    gcTime: 0,
  });
  if (data) return <PermissionForm granted={data.granted} onClose={onClose} />;
  return (
    <Dialog title={t("accountSetting.title")} opened onClose={onClose}>
      {error ? <Failure problem={error} retry={() => void refetch()} /> : <Skeleton height={212} />}
    </Dialog>
  );
}

function PermissionForm({ granted: now, onClose }: { granted: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const text = useRefusalText();
  const [granted, setGranted] = useState(now);
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const save = useCommand(
    (choice: { granted: boolean }, key) => chooseAccountAccess({ body: choice, headers: once(key) }),
    {
      onSuccess: async () => {
        toastDone(granted ? t("accountSetting.granted") : t("accountSetting.withdrawn"));
        onClose();
        await changed("installer");
      },
      onError: setRefusal,
    },
  );
  return (
    <FormDialog
      title={t("accountSetting.title")}
      opened
      onClose={onClose}
      busy={save.isPending}
      refusal={refusal && text(refusal)}
      onSubmit={() => save.mutate({ granted })}
    >
      <Switch
        label={t("accountSetting.permission")}
        checked={granted}
        onChange={(event) => setGranted(event.currentTarget.checked)}
        fw={600}
        data-autofocus
      />
      <List size="sm" spacing={8}>
        <List.Item>
          <Text span inherit fw={600}>
            {t("value.on")}
          </Text>
          {" — "}
          {t("accountSetting.whenOn")}
        </List.Item>
        <List.Item>
          <Text span inherit fw={600}>
            {t("value.off")}
          </Text>
          {" — "}
          {t("accountSetting.whenOff")}
        </List.Item>
      </List>
    </FormDialog>
  );
}
