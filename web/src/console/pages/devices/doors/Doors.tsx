// A device's relays, each with what triggers it and a button that opens its door: it says what is known, and no more.
import { Alert, Badge, Button, Group, Loader, Text, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconHelpCircle, IconLock, IconLockOpen, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Accepted,
  type DeviceCommandRow,
  type DeviceDetail,
  fresh,
  getDeviceCommand,
  once,
  type Problem,
  type RelayView,
  switchArming,
  unlockDoor,
} from "../../../../api";
import { useCommand } from "../../../../api/useCommand";
import { ConfirmDialog } from "../../../../ui/Dialog";
import { useRefusalText } from "../../../../ui/refusals";
import { useSession } from "../../../session";
import classes from "../one/device.module.css";
import { isOpen, reasonText } from "../one/states";

const askAgainMs = 1000;

/** What became of a command that was just given, until it is over. */
function useOutcome(id: string | null) {
  return useQuery({
    queryKey: ["device-commands", "one", id],
    queryFn: ({ signal }) => getDeviceCommand({ path: { device_command_id: id ?? "" }, query: fresh(), signal }),
    enabled: id !== null,
    staleTime: 0,
    // News of it comes by itself; this is for the moment in which it does not.
    refetchInterval: ({ state }) => (state.data && !isOpen(state.data.state) ? false : askAgainMs),
  }).data;
}

type Said = "opened" | "done";

function Outcome({ refusal, command, waiting, said }: OutcomeProps) {
  const { t } = useTranslation();
  const text = useRefusalText();
  let shown: ReactNode = null;
  let icon: ReactNode = null;
  let color = "gray";
  const state = command?.state;
  if (refusal) {
    [color, icon, shown] = ["red", <IconX key="no" aria-hidden />, text(refusal)];
  } else if (state === "done") {
    [color, icon, shown] = ["green", <IconCheck key="yes" aria-hidden />, t(`device.outcome.${said}`)];
  } else if (state === "failed") {
    const reason = command?.reason;
    color = "red";
    icon = <IconX aria-hidden />;
    shown = (
      <>
        {t("device.outcome.failed")} {reason && <bdi>{reasonText(reason)}</bdi>}
      </>
    );
  } else if (state === "unknown") {
    [color, icon, shown] = ["orange", <IconHelpCircle key="?" aria-hidden />, t("device.outcome.unknown")];
  } else if (state === "expired" || state === "cancelled") {
    [color, icon, shown] = ["orange", <IconAlertTriangle key="!" aria-hidden />, t("device.outcome.expired")];
  } else if (waiting) {
    [icon, shown] = [<Loader key="wait" size={16} aria-hidden />, t("device.outcome.waiting")];
  }
  return (
    <div role="status" aria-live="polite">
      {shown && (
        <Alert color={color} variant="light" icon={icon} p="xs" mt={8}>
          {shown}
        </Alert>
      )}
    </div>
  );
}

interface OutcomeProps {
  refusal: Problem | null;
  command: DeviceCommandRow | undefined;
  waiting: boolean;
  said: Said;
}

/** A command that never waits for a device: given now, done or not within seconds. */
function useImmediate<Input>(perform: (input: Input, key: string) => Promise<Accepted>) {
  const [id, setId] = useState<string | null>(null);
  const give = useCommand<Input, Accepted>(perform, { onSuccess: (accepted) => setId(accepted.id) });
  const command = useOutcome(id);
  const waiting = give.isPending || (id !== null && (!command || isOpen(command.state)));
  return {
    give: (input: Input) => {
      setId(null);
      give.mutate(input);
    },
    waiting,
    outcome: { refusal: give.error, command: id ? command : undefined, waiting },
  };
}

function Door({ device, relay, security }: { device: DeviceDetail; relay: RelayView; security: boolean }) {
  const { t } = useTranslation();
  const { impersonator_id } = useSession();
  const unlock = useImmediate<number>((number, key) =>
    unlockDoor({ path: { device_id: device.device_id }, body: { relay: number }, headers: once(key) }),
  );
  const [asking, setAsking] = useState(false);
  const title = t(security ? "device.securityRelay" : "device.relay", { number: relay.number });
  return (
    <li className={classes.door}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="sm">
        <div style={{ minWidth: 0 }}>
          <Text fw={600}>
            <bdi>{relay.name}</bdi>{" "}
            <Text span size="sm" c="dimmed" fw={400}>
              {relay.name !== title && title}
              {relay.dtmf && (
                <>
                  {relay.name !== title && " · "}
                  <span dir="ltr" className="machine">
                    DTMF {relay.dtmf}
                  </span>
                </>
              )}
            </Text>
          </Text>
          <Group gap={5} mt={6}>
            {relay.enabled ? (
              relay.methods.map((method) => (
                <Badge key={method} color="gray" tt="none" fw={500} variant="default">
                  {t(`device.method.${method}`)}
                </Badge>
              ))
            ) : (
              <Text size="sm" c="dimmed">
                {t("device.relayOff")}
              </Text>
            )}
            {relay.enabled && relay.methods.length === 0 && (
              <Text size="sm" c="dimmed">
                {t("device.noMethods")}
              </Text>
            )}
          </Group>
        </div>
        {relay.enabled && !security && (
          <Tooltip label={t("refusal.not-while-impersonating")} disabled={!impersonator_id}>
            <Button
              variant="default"
              leftSection={<IconLockOpen size={16} aria-hidden />}
              loading={unlock.waiting}
              disabled={!!impersonator_id}
              aria-label={`${t("device.unlock")}: ${relay.name}`}
              onClick={() => setAsking(true)}
              style={{ flex: "none" }}
            >
              {t("device.unlock")}
            </Button>
          </Tooltip>
        )}
      </Group>
      <Outcome {...unlock.outcome} said="opened" />
      {asking && (
        <ConfirmDialog
          title={t("device.unlockTitle")}
          opened
          onClose={() => setAsking(false)}
          busy={false}
          refusal={null}
          destructive={false}
          onConfirm={() => {
            setAsking(false);
            unlock.give(relay.number);
          }}
        >
          <Text size="sm">
            {t("device.unlockWhich")} <bdi style={{ fontWeight: 600 }}>{relay.name}</bdi>
          </Text>
        </ConfirmDialog>
      )}
    </li>
  );
}

export function Doors({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation();
  if (device.relays.length + device.security_relays.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t("device.noRelays")}
      </Text>
    );
  }
  return (
    <ul className={classes.doors}>
      {device.relays.map((relay) => (
        <Door key={relay.number} device={device} relay={relay} security={false} />
      ))}
      {device.security_relays.map((relay) => (
        <Door key={`security-${relay.number}`} device={device} relay={relay} security />
      ))}
    </ul>
  );
}

export function Arming({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation();
  const { impersonator_id } = useSession();
  const arm = useImmediate<boolean>((armed, key) =>
    switchArming({ path: { device_id: device.device_id }, body: { armed }, headers: once(key) }),
  );
  const state = device.armed === null ? "armedUnknown" : device.armed ? "armed" : "disarmed";
  return (
    <>
      <Group justify="space-between" gap="sm">
        <Text>{t(`device.${state}`)}</Text>
        <Button
          variant="default"
          leftSection={device.armed ? <IconLockOpen size={16} aria-hidden /> : <IconLock size={16} aria-hidden />}
          loading={arm.waiting}
          disabled={!!impersonator_id}
          onClick={() => arm.give(!device.armed)}
        >
          {t(device.armed ? "device.disarm" : "device.arm")}
        </Button>
      </Group>
      <Outcome {...arm.outcome} said="done" />
    </>
  );
}
