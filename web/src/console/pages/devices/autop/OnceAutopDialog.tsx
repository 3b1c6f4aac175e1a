import { Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { DeviceRow } from "../../../../api";
import { FormDialog } from "../../../../ui/Dialog";
import { toastDone } from "../../../../ui/refusals";
import { CommandBox, ConfirmDanger, RefusedLines } from "./CommandBox";
import { useAutop } from "./useAutop";

export function OnceAutopDialog({ device, onClose }: { device: Pick<DeviceRow, "device_id">; onClose: () => void }) {
  const { t } = useTranslation();
  const [lines, setLines] = useState("");
  const autop = useAutop(() => {
    toastDone(t("device.onceQueued"));
    onClose();
  });
  return (
    <FormDialog
      title={t("device.onceTitle")}
      opened
      onClose={onClose}
      size={620}
      busy={autop.busy}
      refusal={autop.refusal}
      ready={lines.trim() !== "" && (!autop.danger || autop.confirmed)}
      onSubmit={() => autop.submit({ kind: "one_time", text: lines, device_ids: [device.device_id] })}
    >
      <Text size="sm" c="dimmed">
        {t("device.onceExplain")}
      </Text>
      <CommandBox
        label={t("autop.commands")}
        value={lines}
        required
        autofocus
        onChange={(text) => {
          setLines(text);
          autop.forget();
        }}
      />
      <RefusedLines problem={autop.problem} />
      {autop.danger && <ConfirmDanger typed={autop.typed} onType={autop.setTyped} />}
    </FormDialog>
  );
}
