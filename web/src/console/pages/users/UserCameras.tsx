// The cameras of other makers that a household has: part of the premium plan.
import { Alert, Box, Button, Group, Text } from "@mantine/core";
import { IconInfoCircle, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Accepted, type CameraRow, editUser, fresh, listCameras, once, type UserDetail } from "../../../api";
import { useChanged } from "../../../api/changes";
import { Confirmed } from "../../../ui/Confirmed";
import { useCommand } from "../../../api/useCommand";
import { type Column, PagedList, useListQuery } from "../../../ui/PagedList";
import { toastDone } from "../../../ui/refusals";
import { RowAction } from "../../../ui/RowAction";
import { Search } from "../../../ui/Search";
import { NoData } from "../../../ui/States";
import { Machine, Time, UserText } from "../../../ui/Text";
import { CameraDialog } from "../devices/cameras/CameraDialog";
import { DeleteCameraDialog } from "../devices/cameras/DeleteCameraDialog";

export function UserCameras({ userId, user }: { userId: string; user: UserDetail | undefined }) {
  const { t } = useTranslation();
  const [query, setQuery] = useListQuery();
  const [editing, setEditing] = useState<CameraRow | "new" | null>(null);
  const [deleting, setDeleting] = useState<CameraRow | null>(null);
  const result = useQuery({
    queryKey: ["cameras", "of", userId, query],
    queryFn: ({ signal }) =>
      listCameras({
        query: fresh({ page: query.page, per_page: query.per_page, q: query.q, user: userId }),
        signal,
      }),
    placeholderData: keepPreviousData,
  });
  const without = user !== undefined && user.premium !== "normal";
  const columns: Column<CameraRow>[] = [
    { key: "name", label: t("device.name"), lead: true, render: (camera) => <bdi>{camera.name}</bdi> },
    {
      key: "rtsp",
      label: t("camera.rtsp"),
      render: (camera) => <Machine value={camera.rtsp_address} style={{ overflowWrap: "anywhere" }} />,
    },
    { key: "user", label: t("camera.userName"), render: (camera) => <Machine value={camera.user_name} /> },
    {
      key: "linked",
      label: t("camera.linkDevice"),
      render: (camera) => <UserText value={camera.linked_device_name} />,
    },
    { key: "created", label: t("user.created"), width: 104, render: (camera) => <Time value={camera.created_at} /> },
  ];
  const create = (
    <Button
      leftSection={<IconPlus size={17} aria-hidden />}
      onClick={() => setEditing("new")}
      disabled={!user || without}
    >
      {t("action.new")}
    </Button>
  );
  return (
    <>
      {without && <PremiumNeeded user={user} />}
      <PagedList
        name="user-cameras"
        label={t("device.tabThirdParty")}
        columns={columns}
        rowKey={(camera) => camera.camera_id}
        query={query}
        onQuery={setQuery}
        result={result}
        toolbar={
          <Group justify="space-between" gap="sm">
            <Box flex="1 1 320px" miw={0}>
              <Search query={query} onQuery={setQuery} />
            </Box>
            {create}
          </Group>
        }
        empty={
          query.q ? (
            <NoData hint={t("camera.noneFound")} />
          ) : (
            <NoData hint={without ? undefined : t("camera.noneYet")} action={without ? undefined : create} />
          )
        }
        actionsWidth={92}
        actions={(camera) => (
          <>
            <RowAction label={t("user.edit")} name={camera.name} onClick={() => setEditing(camera)}>
              <IconPencil size={18} stroke={1.7} />
            </RowAction>
            <RowAction label={t("action.delete")} name={camera.name} onClick={() => setDeleting(camera)}>
              <IconTrash size={18} stroke={1.7} />
            </RowAction>
          </>
        )}
      />
      {editing && user && (
        <CameraDialog
          owner={{ user_id: user.user_id, uid: user.uid, name: user.name }}
          camera={editing === "new" ? null : editing}
          onClose={() => setEditing(null)}
        />
      )}
      {deleting && <DeleteCameraDialog camera={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}

/** Says what is missing, and switches it on here, unless Home Automation stands in the way. */
function PremiumNeeded({ user }: { user: UserDetail }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const [asking, setAsking] = useState(false);
  const switchOn = useCommand<void, Accepted>(
    (_, key) =>
      editUser({
        path: { user_id: user.user_id },
        headers: { ...once(key), "If-Match": `"${user.revision}"` },
        body: {
          name: user.name,
          room: user.room,
          email: user.email,
          country: user.country,
          address: user.address,
          mobile: user.mobile,
          call_type: user.call_type,
          time_zone: user.time_zone,
          language: user.language,
          landlines: user.landlines,
          home_automation: user.home_automation,
          premium: true,
          landline_service: true,
          with_indoor_monitor: user.with_indoor_monitor,
        },
      }),
    {
      onSuccess: () => {
        setAsking(false);
        toastDone(t("camera.premiumOn"));
        void changed("household");
      },
    },
  );
  return (
    <Alert color="yellow" variant="light" icon={<IconInfoCircle aria-hidden />} mb="md">
      <Group justify="space-between" gap="sm">
        <Text size="sm" flex="1 1 260px">
          {t("camera.premiumNeeded")} {user.home_automation && t("field.premiumDimmed")}
        </Text>
        {!user.home_automation && user.premium === "off" && (
          <Button size="xs" onClick={() => setAsking(true)}>
            {t("camera.premiumSwitchOn")}
          </Button>
        )}
      </Group>
      {asking && (
        <Confirmed
          title={t("camera.premiumSwitchOn")}
          command={switchOn}
          input={undefined}
          name={user.name}
          explain={t("camera.premiumExplain")}
          destructive={false}
          onClose={() => setAsking(false)}
        />
      )}
    </Alert>
  );
}
