import { List, SimpleGrid, Text } from "@mantine/core";
import { IconCheck, IconMinus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { type ErasureAccepted, once, resetUser, type UserRow } from "../../../api";
import { useChanged } from "../../../api/changes";
import { Confirmed } from "../../../ui/Confirmed";
import { useCommand } from "../../../api/useCommand";
import { erasedText, useErasedWithin } from "../../../ui/erasure";
import { toastDone } from "../../../ui/refusals";

const goes = ["goesMembers", "goesContacts", "goesHistory", "goesMessages", "goesKeys", "goesLogin"] as const;
const stays = ["staysStatus", "staysQuota", "staysAddress", "staysSettings", "staysDevices", "staysAudit"] as const;

export function ResetDialog({ user, onClose }: { user: Pick<UserRow, "user_id" | "name">; onClose: () => void }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const within = useErasedWithin();
  const reset = useCommand<string, ErasureAccepted>(
    (user_id, key) => resetUser({ path: { user_id }, headers: once(key) }),
    {
      onSuccess: async (accepted) => {
        toastDone(erasedText(t("reset.done"), accepted));
        onClose();
        await changed("household");
      },
    },
  );
  return (
    <Confirmed
      title={t("reset.title")}
      size={600}
      command={reset}
      input={user.user_id}
      asks={t("reset.whose")}
      name={user.name}
      explain={t("reset.explain")}
      onClose={onClose}
    >
      <SimpleGrid cols={{ base: 1, xs: 2 }} mt="md" spacing="lg">
        <div>
          <Text size="sm" fw={600} mb={6}>
            {t("reset.goes")}
          </Text>
          <List
            size="sm"
            spacing={4}
            icon={<IconMinus size={15} style={{ marginTop: 4 }} aria-hidden color="var(--mantine-color-error)" />}
          >
            {goes.map((what) => (
              <List.Item key={what}>{t(`reset.${what}`)}</List.Item>
            ))}
          </List>
        </div>
        <div>
          <Text size="sm" fw={600} mb={6}>
            {t("reset.stays")}
          </Text>
          <List
            size="sm"
            spacing={4}
            icon={
              <IconCheck size={15} style={{ marginTop: 4 }} aria-hidden color="var(--mantine-primary-color-filled)" />
            }
          >
            {stays.map((what) => (
              <List.Item key={what}>{t(`reset.${what}`)}</List.Item>
            ))}
          </List>
        </div>
      </SimpleGrid>
      <Text size="sm" c="dimmed" mt="md">
        {within}
      </Text>
    </Confirmed>
  );
}
