import { Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type CameraRow, once, removeCamera } from "../../../api";
import { useCommand } from "../../../api/useCommand";
import { ConfirmDialog } from "../../../ui/Dialog";
import { toastDone, useRefusalText } from "../../../ui/refusals";

interface DeleteCameraDialogProps {
  camera: Pick<CameraRow, "camera_id" | "name">;
  onClose: () => void;
}

export function DeleteCameraDialog({ camera, onClose }: DeleteCameraDialogProps) {
  const { t } = useTranslation();
  const text = useRefusalText();
  const queries = useQueryClient();
  const remove = useCommand((camera_id: string, key) => removeCamera({ path: { camera_id }, headers: once(key) }), {
    onSuccess: async () => {
      toastDone(t("devices.cameraDeleted"));
      onClose();
      await Promise.all(["cameras", "device"].map((root) => queries.invalidateQueries({ queryKey: [root] })));
    },
  });
  return (
    <ConfirmDialog
      title={t("devices.deleteCameraTitle")}
      opened
      onClose={onClose}
      busy={remove.isPending}
      refusal={remove.error && text(remove.error)}
      onConfirm={() => remove.mutate(camera.camera_id)}
    >
      <Text size="sm">
        {t("user.deleteWhose")} <bdi style={{ fontWeight: 600 }}>{camera.name}</bdi>
      </Text>
      <Text size="sm" c="dimmed" mt={6}>
        {t("devices.deleteCameraExplain")}
      </Text>
    </ConfirmDialog>
  );
}
