import { Button, Stack, Text } from "@mantine/core";
import { IconFileImport } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Advance } from "./Advance";
import { shareOf, useImports } from "./importing";
import classes from "./macs.module.css";

/** What is on its way into the library, or waits to be started: found again by whoever comes back. */
export function OngoingImports() {
  const { t } = useTranslation();
  const ongoing = useImports().data?.rows.filter(({ state }) => state === "running" || state === "judged") ?? [];
  if (ongoing.length === 0) return null;
  return (
    <Stack gap="sm" mb="md" role="status">
      {ongoing.map((one) => (
        <div key={one.import_id} className={`card ${classes.ongoing}`}>
          <IconFileImport
            size={22}
            stroke={1.6}
            aria-hidden
            className="mirrored"
            color="var(--mantine-primary-color-filled)"
          />
          <Text size="sm" flex="1 1 220px" miw={0}>
            <bdi style={{ fontWeight: 600 }}>{one.file_name}</bdi> ·{" "}
            {one.state === "running"
              ? t("macs.runningShort", { taken: one.taken, valid: one.valid })
              : t("macs.judgedShort", { count: one.valid })}
          </Text>
          {one.state === "running" && (
            <div style={{ flex: "1 1 220px" }}>
              <Advance label={one.file_name} share={shareOf(one)} />
            </div>
          )}
          <Button
            component={Link}
            to={`/mac-library/import/${one.import_id}`}
            size="xs"
            variant="default"
            aria-label={`${t("macs.show")}: ${one.file_name}`}
          >
            {t("macs.show")}
          </Button>
        </div>
      ))}
    </Stack>
  );
}
