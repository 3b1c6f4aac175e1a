import { Progress, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

interface AdvanceProps {
  label: string;
  /** From 0 to 100. */
  share: number;
}

/** A bar with its percentage; it fills from the side where reading begins. */
export function Advance({ label, share }: AdvanceProps) {
  const { t } = useTranslation();
  return (
    <div style={{ display: "flex", alignItems: "center", gap: 12 }}>
      <Progress.Root size="lg" radius="xl" flex={1}>
        <Progress.Section value={share} aria-label={label} animated={share < 100} />
      </Progress.Root>
      <Text size="sm" fw={600} miw={48} ta="end" style={{ fontVariantNumeric: "tabular-nums" }} aria-hidden>
        {t("macs.percent", { share: share / 100 })}
      </Text>
    </div>
  );
}
