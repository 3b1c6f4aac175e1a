import { Button, Group, Text } from "@mantine/core";
import { IconUserShield } from "@tabler/icons-react";
import { useEffect } from "react";
import { Trans, useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { endImpersonation, once, type SessionView } from "../../api";
import { useChanged } from "../../api/changes";
import { useServerNow } from "../../api/clock";
import { useCommand } from "../../api/useCommand";
import { remaining } from "../../i18n/format";
import { toastRefused } from "../../ui/refusals";
import { useTakeSession } from "../session";
import classes from "./Shell.module.css";

export function ImpersonationBanner({ session }: { session: SessionView }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const navigate = useNavigate();
  const take = useTakeSession();
  const now = useServerNow(1000);
  const over = new Date(session.expires_at).getTime() <= now;
  const end = useCommand<void, SessionView>((_, key) => endImpersonation({ headers: once(key) }), {
    onSuccess: (own) => {
      navigate("/");
      take(own);
    },
    onError: toastRefused,
  });
  useEffect(() => {
    if (over) void changed("who-is-here");
  }, [over, changed]);

  return (
    <div className={classes.banner} role="region" aria-label={t("impersonation.label")}>
      <Group gap="sm" wrap="nowrap" miw={0}>
        <IconUserShield size={20} aria-hidden style={{ flex: "none" }} />
        <Text size="sm" lineClamp={2}>
          <Trans
            i18nKey="impersonation.banner"
            values={{
              actor: session.impersonator_name ?? "",
              account: session.name,
              reason: session.reason ?? "",
            }}
            components={{ name: <bdi style={{ fontWeight: 600 }} />, why: <bdi /> }}
          />
        </Text>
      </Group>
      <Group gap="sm" wrap="nowrap">
        <Text size="sm" fw={600} style={{ whiteSpace: "nowrap" }}>
          {t("impersonation.endsIn")}{" "}
          <span dir="ltr" className="machine" role="timer">
            {remaining(session.expires_at, now)}
          </span>
        </Text>
        <Button size="compact-sm" color="dark" variant="filled" loading={end.isPending} onClick={() => end.mutate()}>
          {t("impersonation.end")}
        </Button>
      </Group>
    </div>
  );
}
