// The device's own web page, through its link, in a tab of its own: open for a quarter of an hour, or until it is ended.
import { Alert, Anchor, Button, Group, Text, Tooltip } from "@mantine/core";
import { IconScreenShare } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import {
  type Accepted,
  closeRemoteControl,
  type DeviceDetail,
  once,
  openRemoteControl,
  type RemoteControlOffer,
} from "../../../../api";
import { useServerNow } from "../../../../api/clock";
import { useCommand } from "../../../../api/useCommand";
import { remaining } from "../../../../i18n/format";
import { GeneralRefusal } from "../../../../ui/GeneralRefusal";
import { toastDone, useRefusalText } from "../../../../ui/refusals";

const tickMs = 1000;

/** What was opened here and still lasts. Nobody else is told where it is, so only this page remembers. */
function useOpened(deviceId: string) {
  const queries = useQueryClient();
  const queryKey = ["remote-control", deviceId];
  const { data = null } = useQuery<RemoteControlOffer | null>({
    queryKey,
    queryFn: () => queries.getQueryData<RemoteControlOffer | null>(queryKey) ?? null,
    staleTime: Infinity,
    gcTime: 20 * 60_000,
  });
  return [data, (offer: RemoteControlOffer | null) => queries.setQueryData(queryKey, offer)] as const;
}

export function RemoteControl({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation();
  const text = useRefusalText();
  const path = { device_id: device.device_id };
  const [offer, setOffer] = useOpened(device.device_id);
  const now = useServerNow(tickMs, offer !== null);
  const over = offer !== null && new Date(offer.expires_at).getTime() <= now;
  useEffect(() => {
    if (over) setOffer(null);
  });
  const open = useCommand<void, RemoteControlOffer>((_, key) => openRemoteControl({ path, headers: once(key) }), {
    onSuccess: (opened) => {
      setOffer(opened);
      window.open(opened.url, "_blank", "noopener,noreferrer");
    },
  });
  const close = useCommand<void, Accepted>((_, key) => closeRemoteControl({ path, headers: once(key) }), {
    onSuccess: () => {
      setOffer(null);
      toastDone(t("device.remoteOver"));
    },
    onError: ({ status }) => {
      if (status === 404) setOffer(null);
    },
  });
  if (offer && !over) {
    return (
      <Alert
        color="petrol"
        variant="light"
        p="xs"
        style={{ gridColumn: "1 / -1" }}
        icon={<IconScreenShare aria-hidden />}
      >
        <Group justify="space-between" gap="sm">
          <div>
            <Text size="sm" fw={600} role="status">
              {t("device.remoteOpened")}
            </Text>
            <Text size="sm">
              {t("device.remoteEndsIn")}{" "}
              <span dir="ltr" className="machine" role="timer">
                {remaining(offer.expires_at, now)}
              </span>{" "}
              ·{" "}
              <Anchor href={offer.url} target="_blank" rel="noopener noreferrer" inherit>
                {t("device.remoteAgain")}
              </Anchor>
            </Text>
          </div>
          <Button size="xs" variant="default" loading={close.isPending} onClick={() => close.mutate()}>
            {t("device.remoteEnd")}
          </Button>
        </Group>
        <GeneralRefusal text={close.error && close.error.status !== 404 ? text(close.error) : null} />
      </Alert>
    );
  }
  return (
    <>
      <Tooltip label={t(device.online ? "device.remoteExplain" : "device.remoteOffline")} multiline maw={280}>
        <Button
          variant="default"
          leftSection={<IconScreenShare size={16} aria-hidden />}
          data-disabled={!device.online || undefined}
          aria-disabled={!device.online || undefined}
          loading={open.isPending}
          onClick={() => device.online && open.mutate()}
        >
          {t("device.remoteControl")}
        </Button>
      </Tooltip>
      {open.error && (
        <div style={{ gridColumn: "1 / -1" }}>
          <GeneralRefusal text={text(open.error)} />
        </div>
      )}
    </>
  );
}
