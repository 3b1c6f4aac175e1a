import { Button, Group, Text } from "@mantine/core";
import { IconArrowsExchange } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { MacPlace } from "../../../api";
import { Time, UserText } from "../../../ui/Text";
import { MacText } from "../devices/MacText";
import { ForeignPrefix } from "./ForeignPrefix";
import { MoveMacDialog } from "./MoveMacDialog";
import classes from "./macs.module.css";

/** Where a MAC stands, and what can be done about it. */
export function MacPlaceCard({ place }: { place: MacPlace }) {
  const { t } = useTranslation();
  const [moving, setMoving] = useState(false);
  const facts: [string, ReactNode][] = [
    [t("role.distributor"), <UserText value={place.distributor_name ?? place.distributor_id} />],
    [
      t("role.installer"),
      place.installer_id ? (
        <UserText value={place.installer_name ?? place.installer_id} />
      ) : (
        t("macs.anyInstallerOfDistributor")
      ),
    ],
    [
      t("macs.use"),
      <span className={classes.use} data-bound={place.bound || undefined}>
        {t(place.bound ? "macs.bound" : "macs.unbound")}
      </span>,
    ],
    [t("macs.labelCode"), t(place.has_label ? "macs.labelStored" : "macs.labelNone")],
    [t("macs.hereSince"), <Time value={place.registered_at} />],
  ];
  return (
    <div className={classes.place}>
      <Group justify="space-between" gap="sm">
        <Group gap={4} wrap="nowrap" component="h2" fz="lg" m={0}>
          <MacText value={place.mac} fw={650} />
          {place.is_foreign_prefix && <ForeignPrefix mac={place.mac} />}
        </Group>
        <Button
          variant="default"
          leftSection={<IconArrowsExchange size={17} aria-hidden />}
          disabled={place.bound}
          aria-describedby={place.bound ? "why-not-moved" : undefined}
          onClick={() => setMoving(true)}
        >
          {t("macs.move")}
        </Button>
      </Group>
      <dl className={classes.facts}>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {place.bound && (
        <Text id="why-not-moved" size="sm" c="dimmed">
          {t("macs.boundNotMoved")}
        </Text>
      )}
      {moving && <MoveMacDialog place={place} onClose={() => setMoving(false)} />}
    </div>
  );
}
