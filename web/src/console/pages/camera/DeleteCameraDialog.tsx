import { Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type Accepted, type CameraRow, once, removeCamera } from "../../../api";
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
  const remove = useCommand<void, Accepted>(
    (_, key) => removeCamera({ path: { camera_id: camera.camera_id }, headers: once(key) }),
    {
      onSuccess: () => {
        toastDone(t("camera.deleted"));
        onClose();
        for (const root of ["cameras", "device"]) void queries.invalidateQueries({ queryKey: [root] });
      },
    },
  );
  return (
    <ConfirmDialog
      title={t("camera.deleteTitle")}
      opened
      onClose={onClose}
      busy={remove.isPending}
      refusal={remove.error && text(remove.error)}
      onConfirm={() => remove.mutate()}
    >
      <Text size="sm">
        {t("user.deleteWhose")} <bdi style={{ fontWeight: 600 }}>{camera.name}</bdi>
      </Text>
      <Text size="sm" c="dimmed" mt={6}>
        {t("camera.deleteExplain")}
      </Text>
    </ConfirmDialog>
  );
}
