// Remote maintenance of one device: how it carries SIP, reboot, reset, its own web page, and AutoP lines for it alone.
import { Alert, Button, Select, Skeleton, Text } from "@mantine/core";
import { IconInfoCircle, IconPlayerPlay, IconPower, IconRestore } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Accepted,
  chooseConnectionType,
  type ConnectionType,
  type DeviceDetail,
  once,
  rebootDevice,
} from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { Confirmed } from "../../../../ui/Confirmed";
import { useCommand } from "../../../../api/useCommand";
import { Dialog, FormDialog, useFocusBack } from "../../../../ui/Dialog";
import { toastDone, useRefusalText } from "../../../../ui/refusals";
import { Failure } from "../../../../ui/States";
import { MacText } from "../MacText";
import { OnlineDot } from "../OnlineDot";
import { CommandBox, ConfirmDanger, RefusedLines } from "../autop/CommandBox";
import classes from "./device.module.css";
import { OnceAutopDialog } from "../autop/OnceAutopDialog";
import { RemoteControl } from "./RemoteControl";
import { ResetDeviceDialog } from "./ResetDeviceDialog";
import { useAutop } from "../autop/useAutop";
import { useDevice } from "./useDevice";

export const connectionTypes = ["udp", "tcp", "tls"] as const satisfies ConnectionType[];

export function SettingsDialog({ deviceId, onClose }: { deviceId: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useDevice(deviceId);
  // The dialog that waits gives way to the one with the form, and what had the focus is behind both.
  useFocusBack();
  if (data) return <Settings device={data} onClose={onClose} />;
  return (
    <Dialog title={t("device.settings")} opened onClose={onClose} size={680}>
      {error ? <Failure problem={error} retry={() => void refetch()} /> : <Skeleton height={420} />}
    </Dialog>
  );
}

type Asking = "reboot" | "reset" | "once" | null;

function Settings({ device, onClose }: { device: DeviceDetail; onClose: () => void }) {
  const { t } = useTranslation();
  const text = useRefusalText();
  const changed = useChanged();
  const [asking, setAsking] = useState<Asking>(null);
  const [chosen, setChosen] = useState<ConnectionType | null>(null);
  const [lines, setLines] = useState("");
  const path = { device_id: device.device_id };
  const connection = chosen ?? device.connection_type;
  const refresh = () => {
    void changed("device", "device-command");
  };
  const autop = useAutop(() => {
    toastDone(t("device.regularSubmitted"));
    onClose();
  });
  const choose = useCommand<ConnectionType, Accepted>(
    (connection_type, key) => chooseConnectionType({ path, body: { connection_type }, headers: once(key) }),
    {
      onSuccess: () => {
        refresh();
        setChosen(null);
        if (lines.trim() === "") {
          toastDone(t("device.connectionChosen"));
          onClose();
        } else submitLines();
      },
    },
  );
  const reboot = useCommand<void, Accepted>((_, key) => rebootDevice({ path, headers: once(key) }), {
    onSuccess: () => {
      setAsking(null);
      toastDone(t(device.online ? "device.rebootSent" : "device.rebootQueued"));
      refresh();
    },
  });
  const submitLines = () => autop.submit({ kind: "regular", text: lines, device_ids: [device.device_id] });
  const differs = connection !== device.connection_type;

  return (
    <>
      <FormDialog
        title={t("device.settings")}
        opened
        onClose={onClose}
        // Escape is for the dialog before it.
        guarded={asking !== null}
        size={680}
        busy={choose.isPending || autop.busy}
        refusal={(choose.error && text(choose.error)) ?? autop.refusal}
        ready={(differs || lines.trim() !== "") && (!autop.danger || autop.confirmed)}
        onSubmit={() => (differs ? choose.mutate(connection) : submitLines())}
      >
        <Text size="sm">
          <bdi style={{ fontWeight: 600 }}>{device.name}</bdi> <MacText value={device.mac} c="dimmed" />{" "}
          <OnlineDot online={device.online} />
        </Text>
        {!device.online && (
          <Alert color="gray" variant="light" p="xs" icon={<IconInfoCircle aria-hidden />}>
            {t("device.offlineWaits")}
          </Alert>
        )}
        <Select
          label={t("device.connectionType")}
          description={t("device.connectionTypeHint")}
          data={connectionTypes.map((each) => ({ value: each, label: each.toUpperCase() }))}
          value={connection}
          onChange={(value) => value && setChosen(value as ConnectionType)}
          dir="ltr"
          maw={320}
        />
        <div>
          <Text size="sm" fw={500} mb={6} id="maintenance">
            {t("device.maintenance")}
          </Text>
          <div className={classes.actions} role="group" aria-labelledby="maintenance">
            <Button
              variant="default"
              leftSection={<IconPower size={16} aria-hidden />}
              onClick={() => setAsking("reboot")}
            >
              {t("device.reboot")}
            </Button>
            <Button
              variant="default"
              leftSection={<IconRestore size={16} aria-hidden />}
              onClick={() => setAsking("reset")}
            >
              {t("device.reset")}
            </Button>
            <RemoteControl device={device} />
          </div>
        </div>
        <CommandBox
          label={t("device.regularBox")}
          description={t("device.regularBoxHint")}
          value={lines}
          minRows={4}
          onChange={(typed) => {
            setLines(typed);
            autop.forget();
          }}
        />
        <RefusedLines problem={autop.problem} />
        {autop.danger && <ConfirmDanger typed={autop.typed} onType={autop.setTyped} />}
        <Button
          variant="subtle"
          leftSection={<IconPlayerPlay size={16} aria-hidden />}
          onClick={() => setAsking("once")}
          style={{ alignSelf: "flex-start" }}
        >
          {t("device.once")}
        </Button>
      </FormDialog>

      {asking === "reboot" && (
        <Confirmed
          title={t("device.reboot")}
          command={reboot}
          input={undefined}
          name={device.name}
          explain={t(device.online ? "device.rebootExplain" : "device.rebootExplainOffline")}
          destructive={false}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === "reset" && (
        <ResetDeviceDialog
          device={device}
          onClose={() => setAsking(null)}
          onDone={() => {
            setAsking(null);
            toastDone(t(device.online ? "device.resetSent" : "device.resetQueued"));
            refresh();
          }}
        />
      )}
      {asking === "once" && <OnceAutopDialog device={device} onClose={() => setAsking(null)} />}
    </>
  );
}
