// What a list or page shows when there is nothing, or nothing yet, or something went wrong.
import { Button, Skeleton, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconCloudOff, IconInbox, IconRefresh } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useRefusalText } from "./refusals";

export function NoData({ hint, action }: { hint?: ReactNode; action?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <Stack align="center" gap={6} py={56} px="md" ta="center">
      <ThemeIcon variant="light" color="gray" size={56} radius="xl" aria-hidden>
        <IconInbox size={28} stroke={1.5} />
      </ThemeIcon>
      <Text fw={600} mt={4}>
        {t("list.noData")}
      </Text>
      {hint && (
        <Text c="dimmed" size="sm" maw={420}>
          {hint}
        </Text>
      )}
      {action && <div style={{ marginBlockStart: 8 }}>{action}</div>}
    </Stack>
  );
}

export function Failure({ problem, retry }: { problem: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  const text = useRefusalText();
  return (
    <Stack align="center" gap={6} py={56} px="md" ta="center" role="alert">
      <ThemeIcon variant="light" color="red" size={56} radius="xl" aria-hidden>
        <IconCloudOff size={28} stroke={1.5} />
      </ThemeIcon>
      <Text fw={600} mt={4}>
        {t("state.failed")}
      </Text>
      <Text c="dimmed" size="sm" maw={420}>
        {text(problem)}
      </Text>
      {retry && (
        <Button variant="default" mt={8} leftSection={<IconRefresh size={16} aria-hidden />} onClick={retry}>
          {t("state.retry")}
        </Button>
      )}
    </Stack>
  );
}

/** Holds the place of a form or a text until it is there. */
export function Waiting({ lines = 5 }: { lines?: number }) {
  const { t } = useTranslation();
  return (
    <Stack gap="md" aria-busy="true" aria-label={t("state.loading")} role="status">
      {Array.from({ length: lines }, (_, line) => (
        <Stack key={line} gap={8}>
          <Skeleton height={12} width={120} />
          <Skeleton height={36} />
        </Stack>
      ))}
    </Stack>
  );
}
