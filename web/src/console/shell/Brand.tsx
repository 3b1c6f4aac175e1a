import { Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

export function Mark({ size = 28 }: { size?: number }) {
  return <img src="/favicon.svg" alt="" width={size} height={size} style={{ display: "block" }} />;
}

export function Brand() {
  const { t } = useTranslation();
  return (
    <Group gap={10} wrap="nowrap">
      <Mark />
      <Text fw={700} fz={17} dir="ltr" lh={1}>
        {t("product")}
      </Text>
    </Group>
  );
}
