import { Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type Accepted, type DeviceRow, once, unbindDevice } from "../../../api";
import { useCommand } from "../../../api/useCommand";
import { ConfirmDialog } from "../../../ui/Dialog";
import { toastDone, useRefusalText } from "../../../ui/refusals";
import { MacText } from "../devices/MacText";

interface DeleteDeviceDialogProps {
  device: Pick<DeviceRow, "device_id" | "name" | "mac">;
  onClose: () => void;
  onDone?: () => void;
}

export function DeleteDeviceDialog({ device, onClose, onDone }: DeleteDeviceDialogProps) {
  const { t } = useTranslation();
  const text = useRefusalText();
  const queries = useQueryClient();
  const remove = useCommand<void, Accepted>(
    (_, key) => unbindDevice({ path: { device_id: device.device_id }, headers: once(key) }),
    {
      onSuccess: () => {
        toastDone(t("device.deleted"));
        onClose();
        onDone?.();
        queries.removeQueries({ queryKey: ["device", device.device_id] });
        for (const root of ["devices", "cameras", "credentials", "macs"]) {
          void queries.invalidateQueries({ queryKey: [root] });
        }
      },
    },
  );
  return (
    <ConfirmDialog
      title={t("device.deleteTitle")}
      opened
      onClose={onClose}
      busy={remove.isPending}
      refusal={remove.error && text(remove.error)}
      onConfirm={() => remove.mutate()}
    >
      <Text size="sm">
        {t("user.deleteWhose")} <bdi style={{ fontWeight: 600 }}>{device.name}</bdi> <MacText value={device.mac} />
      </Text>
      <Text size="sm" c="dimmed" mt={6}>
        {t("device.deleteExplain")}
      </Text>
    </ConfirmDialog>
  );
}
