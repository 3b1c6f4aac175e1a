import { ActionIcon, Popover, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

/** A mark on a MAC of a maker that is not expected here; it says why, to a pointer, a finger and a keyboard alike. */
export function ForeignPrefix({ mac }: { mac: string }) {
  const { t } = useTranslation();
  return (
    <Popover width={280} position="bottom" withArrow shadow="md">
      <Popover.Target>
        <ActionIcon size={26} color="orange" aria-label={`${t("macs.foreign")}: ${mac}`}>
          <IconAlertTriangle size={17} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("macs.foreign")}>
        <Text size="sm" fw={600}>
          {t("macs.foreign")}
        </Text>
        <Text size="sm" c="dimmed" fw={400} mt={4}>
          {t("macs.foreignExplain")}
        </Text>
      </Popover.Dropdown>
    </Popover>
  );
}
