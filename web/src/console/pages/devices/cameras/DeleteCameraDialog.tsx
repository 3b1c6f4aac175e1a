import { useTranslation } from "react-i18next";
import { type Accepted, type CameraRow, once, removeCamera } from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { Confirmed } from "../../../../ui/Confirmed";
import { useCommand } from "../../../../api/useCommand";
import { toastDone } from "../../../../ui/refusals";

interface DeleteCameraDialogProps {
  camera: Pick<CameraRow, "camera_id" | "name">;
  onClose: () => void;
}

export function DeleteCameraDialog({ camera, onClose }: DeleteCameraDialogProps) {
  const { t } = useTranslation();
  const changed = useChanged();
  const remove = useCommand<void, Accepted>(
    (_, key) => removeCamera({ path: { camera_id: camera.camera_id }, headers: once(key) }),
    {
      onSuccess: () => {
        toastDone(t("camera.deleted"));
        onClose();
        void changed("camera");
      },
    },
  );
  return (
    <Confirmed
      title={t("camera.deleteTitle")}
      command={remove}
      input={undefined}
      asks={t("user.deleteWhose")}
      name={camera.name}
      explain={t("camera.deleteExplain")}
      onClose={onClose}
    />
  );
}
