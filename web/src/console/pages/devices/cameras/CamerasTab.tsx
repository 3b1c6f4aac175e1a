import { Anchor, Text } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { type CameraRow, fresh, listCameras } from "../../../../api";
import { type Column, PagedList, useListQuery } from "../../../../ui/PagedList";
import { RowAction } from "../../../../ui/RowAction";
import { Search } from "../../../../ui/Search";
import { NoData } from "../../../../ui/States";
import { Absent, Machine, Time, UserText } from "../../../../ui/Text";
import { DeleteCameraDialog } from "./DeleteCameraDialog";
import { ToUsers } from "../list/IntercomsTab";
import { OwnerLink } from "../list/OwnerLink";

export function CamerasTab() {
  const { t } = useTranslation();
  const [query, setQuery] = useListQuery();
  const [deleting, setDeleting] = useState<CameraRow | null>(null);
  const { page, per_page, q } = query;
  const result = useQuery({
    queryKey: ["cameras", { page, per_page, q }],
    queryFn: ({ signal }) => listCameras({ query: fresh({ page, per_page, q }), signal }),
    placeholderData: keepPreviousData,
  });

  const columns: Column<CameraRow>[] = [
    {
      key: "name",
      label: t("devices.name"),
      lead: true,
      render: (camera) => (
        <Text span inherit fw={600}>
          <bdi>{camera.name}</bdi>
        </Text>
      ),
    },
    { key: "owner", label: t("devices.owner"), render: (camera) => <OwnerLink of={camera} /> },
    {
      key: "rtsp",
      label: t("devices.rtsp"),
      render: (camera) => <Machine value={camera.rtsp_address} style={{ overflowWrap: "anywhere" }} />,
    },
    { key: "user", label: t("devices.userName"), render: (camera) => <UserText value={camera.user_name} /> },
    {
      key: "linked",
      label: t("devices.linked"),
      render: (camera) =>
        camera.linked_device_id ? (
          <Anchor component={Link} to={`/device/${camera.linked_device_id}`} inherit>
            <bdi>{camera.linked_device_name}</bdi>
          </Anchor>
        ) : (
          <Absent />
        ),
    },
    { key: "created", label: t("devices.created"), width: 110, render: (camera) => <Time value={camera.created_at} /> },
  ];

  return (
    <>
      <PagedList
        name="cameras"
        label={t("devices.tabThirdParty")}
        columns={columns}
        rowKey={(camera) => camera.camera_id}
        actionsWidth={80}
        query={query}
        onQuery={setQuery}
        result={result}
        toolbar={<Search keys={[{ value: "name", label: t("devices.name") }]} query={query} onQuery={setQuery} />}
        empty={
          query.q ? (
            <NoData hint={t("devices.noCameraFound")} />
          ) : (
            <NoData hint={t("devices.noCameraYet")} action={<ToUsers />} />
          )
        }
        actions={(camera) => (
          <RowAction label={t("action.delete")} name={camera.name} onClick={() => setDeleting(camera)}>
            <IconTrash size={18} stroke={1.7} />
          </RowAction>
        )}
      />
      {deleting && <DeleteCameraDialog camera={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}
