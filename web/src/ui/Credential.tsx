// A first or next password, shown this once: to be copied, or scanned by the person it belongs to.
import { ActionIcon, Alert, Box, Button, CopyButton, Group, Stack, Text, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconCopy } from "@tabler/icons-react";
import qrcode from "qrcode-generator";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { NewUserAnswer } from "../api";
import classes from "./Credential.module.css";
import { Dialog } from "./Dialog";

export interface Credential {
  identifier: string;
  password: string;
}

/** The credential in a command's answer, or null when it was not for these eyes. */
export function credentialIn({ extra }: { extra: Partial<NewUserAnswer> }, identifier = ""): Credential | null {
  const { credential: password, uid } = extra;
  return password ? { identifier: uid ?? identifier, password } : null;
}

/** What the app reads from the code: where to log in, as whom, with what. */
function payloadOf({ identifier, password }: Credential): string {
  return JSON.stringify({ server: location.origin, identifier, password });
}

/** Drawn here: the payload never leaves the browser. */
export function QrCode({ payload, label }: { payload: string; label: string }) {
  const { path, size } = useMemo(() => {
    const code = qrcode(0, "M");
    code.addData(payload, "Byte");
    code.make();
    const modules = code.getModuleCount();
    let drawn = "";
    for (let row = 0; row < modules; row++) {
      for (let column = 0; column < modules; column++) {
        if (code.isDark(row, column)) drawn += `M${column + 4} ${row + 4}h1v1h-1z`;
      }
    }
    return { path: drawn, size: modules + 8 };
  }, [payload]);
  return (
    <svg viewBox={`0 0 ${size} ${size}`} width={168} height={168} role="img" aria-label={label} className={classes.qr}>
      <path d={path} fill="#000" shapeRendering="crispEdges" />
    </svg>
  );
}

export function Line({ label, value }: { label: string; value: string }) {
  const { t } = useTranslation();
  return (
    <div className={classes.line}>
      <Box miw={0}>
        <Text size="xs" c="dimmed">
          {label}
        </Text>
        <Text fw={600} ff="monospace" dir="ltr" className="machine">
          {value}
        </Text>
      </Box>
      <CopyButton value={value} timeout={2000}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? t("action.copied") : t("action.copy")}>
            <ActionIcon variant="default" onClick={copy} aria-label={`${t("action.copy")}: ${label}`}>
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  );
}

interface CredentialDialogProps {
  name: string;
  credential: Credential;
  /** Residents may scan it with their app. */
  scannable?: boolean;
  onClose: () => void;
}

export function CredentialDialog({ name, credential, scannable = false, onClose }: CredentialDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog title={t("credential.title")} opened onClose={onClose} guarded size={520}>
      <Stack gap="md">
        <Text size="sm">
          {t("credential.for")} <bdi style={{ fontWeight: 600 }}>{name}</bdi>
        </Text>
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle aria-hidden />}>
          {scannable ? t("credential.once") : t("credential.onceToCopy")}
        </Alert>
        <Group align="stretch" gap="md" wrap="wrap" justify="center">
          <Stack gap="xs" flex={1} miw={220}>
            <Line
              label={t(credential.identifier.includes("@") ? "field.email" : "field.uid")}
              value={credential.identifier}
            />
            <Line label={t("login.password")} value={credential.password} />
          </Stack>
          {scannable && <QrCode payload={payloadOf(credential)} label={t("credential.qr")} />}
        </Group>
        {scannable && (
          <Text size="xs" c="dimmed">
            {t("credential.qrHint")}
          </Text>
        )}
        <Group justify="flex-end">
          <Button onClick={onClose}>{t("credential.done")}</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
