// What was made without a password or a key: who hands it over, and where.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconHourglass } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Dialog } from "./Dialog";

export type Awaited = "password" | "key";

/** On the page of what waits: nobody gets in until it is issued here. */
export function WaitsAlert({ what }: { what: Awaited }) {
  const { t } = useTranslation();
  return (
    <Alert
      color="yellow"
      variant="light"
      icon={<IconHourglass aria-hidden />}
      title={t(`handover.${what}.waits`)}
      mb="md"
    >
      {t(`handover.${what}.issue`)}
    </Alert>
  );
}

/** To whoever made it in somebody else's account, and is shown nothing. */
export function WaitsDialog({ what, name, onClose }: { what: Awaited; name: string; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog title={t(`handover.${what}.title`)} opened onClose={onClose} size={480}>
      <Stack gap="md">
        <Text size="sm">
          <bdi style={{ fontWeight: 600 }}>{name}</bdi>
        </Text>
        <Text size="sm">{t(`handover.${what}.explain`)}</Text>
        <Text size="sm" c="dimmed">
          {t(`handover.${what}.tell`)}
        </Text>
        <Group justify="flex-end">
          <Button onClick={onClose}>{t("credential.done")}</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
