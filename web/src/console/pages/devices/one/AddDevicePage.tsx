import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import {
  type NewDeviceAccepted,
  bindDevice,
  type BindDevice,
  fresh,
  getUser,
  listModels,
  once,
  Problem,
} from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { useCommand } from "../../../../api/useCommand";
import { WaitsDialog } from "../../../../ui/Handover";
import { Page } from "../../../../ui/Page";
import { toastDone } from "../../../../ui/refusals";
import { Failure, NoData } from "../../../../ui/States";
import { useSession } from "../../../session";
import { macDigits } from "../mac";
import { DeviceFields, newDevice } from "./DeviceFields";
import { type DeviceKey, KeyDialog, keyIn } from "./KeyDialog";

/** Nobody knows the model of a device that never connected: what can be chosen counts once it turns out to be one of these. */
function useUnknownGate() {
  const { data } = useQuery({
    queryKey: ["reference", "models"],
    queryFn: ({ signal }) => listModels({ signal }),
    staleTime: Infinity,
  });
  const needs = (data?.rows ?? []).flatMap(({ model, methods_from }) =>
    (methods_from ?? "")
      .split(", ")
      .filter((band) => band && !band.startsWith("!"))
      .map((band) => `${model} ${band}`),
  );
  return { state: "not-yet-known", needs };
}

export function AddDevicePage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const changed = useChanged();
  const session = useSession();
  const { id = "" } = useParams();
  const user = useQuery({
    queryKey: ["user", id],
    queryFn: ({ signal }) => getUser({ path: { user_id: id }, query: fresh(), signal }),
  });
  const [initial] = useState(() => newDevice(t("device.relay", { number: 1 })));
  const [issued, setIssued] = useState<DeviceKey | null>(null);
  const [waiting, setWaiting] = useState<string | null>(null);
  const gate = useUnknownGate();
  const list = `/user/${id}/devices`;
  const bind = useCommand<BindDevice, NewDeviceAccepted>(
    (body, key) => bindDevice({ path: { user_id: id }, body, headers: once(key) }),
    {
      onSuccess: (accepted, { name, mac }) => {
        toastDone(t("device.added"));
        void changed("device");
        const key = keyIn(accepted);
        if (key) setIssued({ name, mac: macDigits(mac) ?? mac, key });
        else if (session.impersonator_id) setWaiting(name);
        else navigate(list);
      },
    },
  );
  const unknown = user.error instanceof Problem && user.error.status === 404;
  return (
    <Page title={t("device.addTitle")} back={{ to: list, label: user.data?.name ?? t("user.tabDevices") }}>
      {user.error && !user.data ? (
        <section className="card">
          {unknown ? (
            <NoData hint={t("user.unknown")} />
          ) : (
            <Failure problem={user.error} retry={() => void user.refetch()} />
          )}
        </section>
      ) : (
        <DeviceFields
          initial={initial}
          owner={user.data}
          gate={gate}
          offlineSolution={session.offline_solution}
          busy={bind.isPending}
          problem={bind.error}
          onSubmit={(body) => bind.mutate(body)}
          onCancel={() => navigate(list)}
        />
      )}
      {issued && <KeyDialog name={issued.name} mac={issued.mac} secret={issued.key} onClose={() => navigate(list)} />}
      {waiting !== null && <WaitsDialog what="key" name={waiting} onClose={() => navigate(list)} />}
    </Page>
  );
}
