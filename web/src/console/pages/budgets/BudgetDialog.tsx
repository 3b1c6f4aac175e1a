// One budget: as everybody's or a number of its own, with the reason that the audit log keeps.
import { List, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Accepted, once, setBudget } from "../../../api";
import { useChanged } from "../../../api/changes";
import { useCommand } from "../../../api/useCommand";
import { latinDigits } from "../../../i18n/format";
import { FormDialog } from "../../../ui/Dialog";
import { sortRefusals, toastDone } from "../../../ui/refusals";
import type { Budget } from "./budgets";

const most = 100_000_000;

interface Wish {
  events: number | null;
  reason: string;
}

export function BudgetDialog({ budget, onClose }: { budget: Budget; onClose: () => void }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const { service, kind, payer_id } = budget;
  const [asEverybody, setAsEverybody] = useState(false);
  const [typed, setTyped] = useState(String(budget.limit));
  const [reason, setReason] = useState("");
  const set = useCommand<Wish, Accepted>(
    ({ events, reason }, key) =>
      setBudget({
        path: { service, kind, payer_id },
        body: { events_per_day: events, reason },
        headers: once(key),
      }),
    {
      onSuccess: async () => {
        toastDone(t("budget.changed"));
        onClose();
        await changed("budget");
      },
    },
  );
  const digits = latinDigits(typed).replace(/[\s,.٬'’]/gu, "");
  const number = /^\d{1,9}$/.test(digits) ? Number(digits) : null;
  const isNumber = number !== null && number <= most;
  const refused = set.error && sortRefusals(set.error, ["events_per_day", "reason"]);
  return (
    <FormDialog
      title={t("budget.change")}
      opened
      onClose={onClose}
      busy={set.isPending}
      refusal={refused?.general ?? null}
      ready={reason.trim() !== "" && (asEverybody || isNumber)}
      onSubmit={() => set.mutate({ events: asEverybody ? null : number, reason: reason.trim() })}
    >
      <Text size="sm">
        {t("budget.whose", { module: t(`budget.module.${service}`) })}{" "}
        <bdi style={{ fontWeight: 600 }}>{budget.name ?? budget.mac ?? payer_id}</bdi>
      </Text>
      <Switch
        checked={asEverybody}
        onChange={(event) => setAsEverybody(event.currentTarget.checked)}
        label={t("budget.asEverybody")}
        description={t("budget.asEverybodyHint", { limit: budget.setting })}
      />
      {!asEverybody && (
        <TextInput
          label={t("budget.events")}
          description={t("budget.eventsHint")}
          withAsterisk
          required
          inputMode="numeric"
          dir="ltr"
          data-autofocus
          value={typed}
          error={isNumber ? refused?.byField.events_per_day : t("budget.eventsWrong", { most })}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
      <Textarea
        label={t("budget.reason")}
        description={t(kind === "tenant" ? "budget.reasonTenantHint" : "budget.reasonDeviceHint")}
        withAsterisk
        required
        autosize
        minRows={2}
        maxRows={5}
        maxLength={256}
        className="typed"
        value={reason}
        error={refused?.byField.reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <List size="sm" c="dimmed" spacing={4}>
        <List.Item>{t(kind === "tenant" ? "budget.tenantSpent" : "budget.deviceSpent")}</List.Item>
        <List.Item>{t("budget.always")}</List.Item>
        <List.Item>{t("budget.soon")}</List.Item>
      </List>
    </FormDialog>
  );
}
