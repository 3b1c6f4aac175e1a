import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import { type Accepted, type DeviceDetail, editDevice, type EditDevice, once, Problem } from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { useCommand } from "../../../../api/useCommand";
import { Page } from "../../../../ui/Page";
import { toastDone } from "../../../../ui/refusals";
import { Failure, NoData, Waiting } from "../../../../ui/States";
import { DeviceFields, formOf } from "./DeviceFields";
import { useDevice } from "./useDevice";

export function EditDevicePage() {
  const { t } = useTranslation();
  const { id = "" } = useParams();
  const { data: device, error, refetch } = useDevice(id);
  const unknown = error instanceof Problem && error.status === 404;
  return (
    <Page
      title={t("device.editTitle")}
      back={device ? { to: `/device/${id}`, label: device.name } : { to: "/user", label: t("module.user") }}
    >
      {device ? (
        <Form device={device} />
      ) : (
        <section className="card" style={{ padding: error ? 0 : 20 }}>
          {!error && <Waiting lines={7} />}
          {error && unknown && <NoData hint={t("device.unknown")} />}
          {error && !unknown && <Failure problem={error} retry={() => void refetch()} />}
        </section>
      )}
    </Page>
  );
}

function Form({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const changed = useChanged();
  const initial = useMemo(() => formOf(device), [device]);
  const path = { device_id: device.device_id };
  const save = useCommand<{ body: EditDevice; revision: string }, Accepted>(
    ({ body, revision }, key) => editDevice({ path, body, headers: { ...once(key), "If-Match": `"${revision}"` } }),
    {
      onSuccess: () => {
        toastDone(t("device.saved"));
        void changed("device");
        navigate(`/device/${device.device_id}`);
      },
      onError: ({ status }) => {
        if (status === 412) void changed("device");
      },
    },
  );
  return (
    <DeviceFields
      initial={initial}
      revision={device.revision}
      owner={{ uid: device.uid, name: device.owner }}
      gate={device.methods_gate}
      maxRelays={device.max_relays}
      offlineSolution={device.offline_solution}
      bound
      busy={save.isPending}
      problem={save.error}
      onSubmit={({ mac: _, connection_type: __, ...body }, revision) => save.mutate({ body, revision })}
      onCancel={() => navigate(`/device/${device.device_id}`)}
    />
  );
}
