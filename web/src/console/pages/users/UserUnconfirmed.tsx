// The devices of a household that have not confirmed what they are set to. After a reset this is who may still get in.
import { Alert, Anchor, Group, Text } from "@mantine/core";
import { IconClockExclamation } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { fresh, listDevices } from "../../../api";

/** A connected device confirms within moments; only what lasts is worth a notice. */
const patienceMs = 2000;
const named = 12;

function useLasting(now: boolean): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!now) return setLasting(false);
    const timer = window.setTimeout(() => setLasting(true), patienceMs);
    return () => window.clearTimeout(timer);
  }, [now]);
  return lasting;
}

export function UserUnconfirmed({ userId }: { userId: string }) {
  const { t } = useTranslation();
  const { data } = useQuery({
    queryKey: ["devices", "of", userId, "all"],
    queryFn: ({ signal }) => listDevices({ query: fresh({ per_page: 100, user: userId }), signal }),
  });
  const late = (data?.rows ?? []).filter(
    ({ configuration }) => configuration === "waiting" || configuration === "refused",
  );
  if (!useLasting(late.length > 0) || late.length === 0) return null;
  return (
    <Alert color="yellow" variant="light" icon={<IconClockExclamation aria-hidden />} mb="md">
      <Text size="sm" fw={600}>
        {t("device.unconfirmedTitle", { count: late.length })}
      </Text>
      <Text size="sm">{t("device.unconfirmed")}</Text>
      <Group component="ul" gap="4px 18px" mt={6} p={0} m={0} style={{ listStyle: "none" }}>
        {late.slice(0, named).map((device) => (
          <Text component="li" size="sm" key={device.device_id}>
            <Anchor component={Link} to={`/device/${device.device_id}`} inherit c="inherit" fw={600} underline="always">
              <bdi>{device.name}</bdi>
            </Anchor>
            {` · ${t(device.online ? "devices.online" : "devices.offline")}`}
            {device.configuration === "refused" && ` · ${t("device.configuration.refused")}`}
          </Text>
        ))}
        {late.length > named && (
          <Text component="li" size="sm">
            {t("device.unconfirmedMore", { count: late.length - named })}
          </Text>
        )}
      </Group>
    </Alert>
  );
}
