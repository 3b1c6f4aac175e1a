// The key of a device, shown this once: typed into the device's own page, or scanned by whoever stands before it.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { DeviceKeyAccepted } from "../../../../api";
import { Line, QrCode } from "../../../../ui/Credential";
import { Dialog } from "../../../../ui/Dialog";

export interface DeviceKey {
  name: string;
  mac: string;
  key: string;
}

/** The key in a command's answer; none when the answer is a repeat and it was shown before. */
export function keyIn({ extra }: DeviceKeyAccepted): string | null {
  return extra.device_key ?? null;
}

interface KeyDialogProps {
  name: string;
  mac: string;
  secret: string;
  onClose: () => void;
}

export function KeyDialog({ name, mac, secret, onClose }: KeyDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog title={t("device.keyTitle")} opened onClose={onClose} guarded size={560}>
      <Stack gap="md">
        <Text size="sm">
          {t("device.keyFor")} <bdi style={{ fontWeight: 600 }}>{name}</bdi>
        </Text>
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle aria-hidden />}>
          {t("device.keyOnce")}
        </Alert>
        <Group align="stretch" gap="md" wrap="wrap" justify="center">
          <Stack gap="xs" flex={1} miw={220}>
            <Line label={t("device.mac")} value={mac} />
            <Line label={t("device.key")} value={secret} />
          </Stack>
          <QrCode payload={JSON.stringify({ server: location.hostname, mac, key: secret })} label={t("device.keyQr")} />
        </Group>
        <Text size="xs" c="dimmed">
          {t("device.keyHint")}
        </Text>
        <Group justify="flex-end">
          <Button onClick={onClose}>{t("credential.done")}</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
