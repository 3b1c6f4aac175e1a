// The stored Regular lines of a device: applied again after every reset. Secrets are masked by the service.
import { Button, Group, Skeleton, Text } from "@mantine/core";
import { IconEraser } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Accepted, clearRegularProfile, type DeviceDetail, fresh, getRegularProfile, once } from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { Confirmed } from "../../../../ui/Confirmed";
import { useCommand } from "../../../../api/useCommand";
import { toastDone } from "../../../../ui/refusals";
import { Failure } from "../../../../ui/States";
import classes from "../one/device.module.css";

export function RegularLines({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const [asking, setAsking] = useState(false);
  const path = { device_id: device.device_id };
  const { data, error, refetch } = useQuery({
    queryKey: ["regular-autop", device.device_id, device.regular_lines],
    queryFn: ({ signal }) => getRegularProfile({ path, query: fresh(), signal }),
  });
  const clear = useCommand<void, Accepted>((_, key) => clearRegularProfile({ path, headers: once(key) }), {
    onSuccess: () => {
      toastDone(t("device.regularCleared"));
      setAsking(false);
      void changed("device", "provisioning");
    },
  });
  if (error && !data) return <Failure problem={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={60} />;
  if (data.lines.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t("device.regularNone")}
      </Text>
    );
  }
  return (
    <>
      <pre className={classes.lines} tabIndex={0} aria-label={t("device.regularTitle")}>
        {data.lines.join("\n")}
      </pre>
      <Group justify="space-between" mt="sm" gap="sm">
        <Text size="sm" c="dimmed">
          {t("autop.lines", { count: data.lines.length })}
        </Text>
        <Button
          variant="default"
          size="xs"
          leftSection={<IconEraser size={15} aria-hidden />}
          onClick={() => setAsking(true)}
        >
          {t("device.regularClear")}
        </Button>
      </Group>
      {asking && (
        <Confirmed
          title={t("device.regularClearTitle")}
          command={clear}
          input={undefined}
          explain={t("device.regularClearExplain")}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
