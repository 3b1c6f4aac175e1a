// The form of a camera. Its password goes in and never comes back: on Edit an empty field keeps the present one.
import { Alert, PasswordInput, Select, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Accepted, addCamera, type CameraRow, editCamera, fresh, listDevices, once } from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { useCommand } from "../../../../api/useCommand";
import { FormDialog } from "../../../../ui/Dialog";
import { sortRefusals, toastDone } from "../../../../ui/refusals";

interface CameraForm {
  name: string;
  rtsp_address: string;
  user_name: string;
  password: string;
  linked_device_id: string | null;
}

interface CameraDialogProps {
  owner: { user_id: string; uid: string; name: string };
  camera: CameraRow | null;
  onClose: () => void;
}

export function CameraDialog({ owner, camera, onClose }: CameraDialogProps) {
  const { t } = useTranslation();
  const changed = useChanged();
  const [refusal, setRefusal] = useState<string | null>(null);
  const devices = useQuery({
    queryKey: ["devices", "of", owner.user_id, "all"],
    queryFn: ({ signal }) => listDevices({ query: fresh({ per_page: 100, user: owner.user_id }), signal }),
  }).data?.rows;
  const form = useForm<CameraForm>({
    initialValues: {
      name: camera?.name ?? "",
      rtsp_address: camera?.rtsp_address ?? "",
      user_name: camera?.user_name ?? "",
      password: "",
      linked_device_id: camera?.linked_device_id ?? null,
    },
  });
  const { values } = form;
  const save = useCommand<CameraForm, Accepted>(
    (body, key) => {
      const headers = once(key);
      if (!camera) return addCamera({ path: { user_id: owner.user_id }, body, headers });
      return editCamera({
        path: { camera_id: camera.camera_id },
        body: { ...body, password: body.password || null },
        headers,
      });
    },
    {
      onSuccess: () => {
        toastDone(t(camera ? "camera.saved" : "camera.added"));
        void changed("camera");
        onClose();
      },
      onError: (problem) => {
        const { byField, general } = sortRefusals(problem, Object.keys(values));
        form.setErrors(byField);
        setRefusal(general);
      },
    },
  );
  const linked = devices?.find(({ device_id }) => device_id === values.linked_device_id);
  const complete =
    values.name.trim() !== "" &&
    values.rtsp_address.trim() !== "" &&
    values.user_name.trim() !== "" &&
    (camera !== null || values.password !== "");
  return (
    <FormDialog
      title={t(camera ? "camera.editTitle" : "camera.addTitle")}
      opened
      onClose={onClose}
      size={560}
      busy={save.isPending}
      refusal={refusal}
      ready={complete}
      onSubmit={() => {
        setRefusal(null);
        save.mutate({
          ...values,
          name: values.name.trim(),
          rtsp_address: values.rtsp_address.trim(),
          user_name: values.user_name.trim(),
        });
      }}
    >
      <TextInput
        label={t("device.owner")}
        value={owner.uid}
        description={<bdi>{owner.name}</bdi>}
        inputWrapperOrder={["label", "input", "description", "error"]}
        readOnly
        dir="ltr"
      />
      <TextInput
        label={t("device.name")}
        withAsterisk
        required
        className="typed"
        autoComplete="off"
        data-autofocus
        {...form.getInputProps("name")}
      />
      <TextInput
        label={t("camera.rtsp")}
        description={t("camera.rtspHint")}
        placeholder="rtsp://ip:port or rtsp://domain:port"
        withAsterisk
        required
        dir="ltr"
        autoComplete="off"
        spellCheck={false}
        {...form.getInputProps("rtsp_address")}
      />
      <TextInput
        label={t("camera.userName")}
        withAsterisk
        required
        dir="ltr"
        autoComplete="off"
        {...form.getInputProps("user_name")}
      />
      <PasswordInput
        label={t("login.password")}
        description={camera ? t("camera.passwordStays") : undefined}
        withAsterisk={!camera}
        required={!camera}
        dir="ltr"
        autoComplete="new-password"
        visibilityToggleButtonProps={{ "aria-label": t("login.show") }}
        {...form.getInputProps("password")}
      />
      <Select
        label={t("camera.linkDevice")}
        description={t("camera.linkHelp")}
        placeholder={t("camera.linkNone")}
        data={
          devices?.map(({ device_id, name, mac }) => ({ value: device_id, label: `${name} (\u2066${mac}\u2069)` })) ??
          []
        }
        searchable
        clearable
        nothingFoundMessage={t("list.noData")}
        clearButtonProps={{ "aria-label": t("search.clear") }}
        {...form.getInputProps("linked_device_id")}
      />
      {linked && linked.kind !== "indoor_monitor" && (
        <Alert color="blue" variant="light" p="xs" icon={<IconInfoCircle aria-hidden />}>
          {t("camera.sameLan")}
        </Alert>
      )}
    </FormDialog>
  );
}
