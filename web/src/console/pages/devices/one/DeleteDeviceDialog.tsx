import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type Accepted, type DeviceRow, once, unbindDevice } from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { Confirmed } from "../../../../ui/Confirmed";
import { useCommand } from "../../../../api/useCommand";
import { toastDone } from "../../../../ui/refusals";
import { MacText } from "../MacText";

interface DeleteDeviceDialogProps {
  device: Pick<DeviceRow, "device_id" | "name" | "mac">;
  onClose: () => void;
  onDone?: () => void | Promise<void>;
}

export function DeleteDeviceDialog({ device, onClose, onDone }: DeleteDeviceDialogProps) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const changed = useChanged();
  const remove = useCommand<void, Accepted>(
    (_, key) => unbindDevice({ path: { device_id: device.device_id }, headers: once(key) }),
    {
      onSuccess: async () => {
        toastDone(t("device.deleted"));
        onClose();
        // Forgotten once nobody shows it: its page stays until the next one is there.
        await onDone?.();
        queries.removeQueries({ queryKey: ["device", device.device_id] });
        void changed("device", "camera");
      },
    },
  );
  return (
    <Confirmed
      title={t("device.deleteTitle")}
      command={remove}
      input={undefined}
      asks={t("user.deleteWhose")}
      name={device.name}
      more={<MacText value={device.mac} />}
      explain={t("device.deleteExplain")}
      onClose={onClose}
    />
  );
}
