// Four things to be sure of before work on site; the ticks are remembered on this machine, per account.
import { Button, Checkbox, Group, Progress, Stack, Text } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useTranslation } from "react-i18next";
import { Dialog } from "../../ui/Dialog";
import { useSession } from "../session";

const checks = ["macs", "firmware", "online", "data"] as const;
type Check = (typeof checks)[number];

export function PreflightDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { account_id: account } = useSession();
  const [ticked, setTicked] = useLocalStorage<Check[]>({ key: `smartplus.preflight.${account}`, defaultValue: [] });
  const done = checks.filter((check) => ticked.includes(check)).length;
  return (
    <Dialog title={t("preflight.title")} opened onClose={onClose}>
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {t("preflight.explain")}
        </Text>
        <Progress
          value={(done / checks.length) * 100}
          size="sm"
          aria-label={t("preflight.done", { done, of: checks.length })}
        />
        {checks.map((check) => (
          <Checkbox
            key={check}
            label={t(`preflight.${check}`)}
            description={t(`preflight.${check}Hint`)}
            checked={ticked.includes(check)}
            onChange={(event) => {
              const on = event.currentTarget.checked;
              setTicked((before) => (on ? [...before, check] : before.filter((other) => other !== check)));
            }}
          />
        ))}
        <Text size="sm" fw={600} aria-live="polite">
          {done === checks.length ? t("preflight.ready") : t("preflight.done", { done, of: checks.length })}
        </Text>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={() => setTicked([])} disabled={done === 0}>
            {t("preflight.startOver")}
          </Button>
          <Button onClick={onClose}>{t("action.close")}</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
