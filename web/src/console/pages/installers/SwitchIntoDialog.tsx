// A distributor enters an installer's account: only with a reason, for an hour at most, and everybody can see it.
import { List, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { type InstallerRow, once, type SessionView, startImpersonation } from "../../../api";
import { useCommand } from "../../../api/useCommand";
import { FormDialog } from "../../../ui/Dialog";
import { sortRefusals } from "../../../ui/refusals";
import { useTakeSession } from "../../session";

export function SwitchIntoDialog({ installer, onClose }: { installer: InstallerRow; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const take = useTakeSession();
  const [reason, setReason] = useState("");
  const start = useCommand<string, SessionView>(
    (reason, key) => {
      const body = { installer_id: installer.installer_id, reason };
      return startImpersonation({ body, headers: once(key) });
    },
    {
      onSuccess: (session) => {
        navigate("/");
        take(session);
      },
    },
  );
  const refused = start.error && sortRefusals(start.error, ["reason"]);
  return (
    <FormDialog
      title={t("installer.switchInto")}
      opened
      onClose={onClose}
      busy={start.isPending}
      refusal={refused?.general ?? null}
      ready={reason.trim() !== ""}
      onSubmit={() => start.mutate(reason.trim())}
    >
      <Text size="sm">
        {t("installer.switchWhose")} <bdi style={{ fontWeight: 600 }}>{installer.name}</bdi>
      </Text>
      <Textarea
        label={t("installer.reason")}
        description={t("installer.reasonHint")}
        withAsterisk
        required
        autosize
        minRows={2}
        maxRows={5}
        maxLength={256}
        className="typed"
        data-autofocus
        value={reason}
        error={refused?.byField.reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <List size="sm" c="dimmed" spacing={4}>
        <List.Item>{t("installer.switchHour")}</List.Item>
        <List.Item>{t("installer.switchNamed")}</List.Item>
        <List.Item>{t("installer.switchWithdrawn")}</List.Item>
      </List>
    </FormDialog>
  );
}
