import { Badge, Button, Group, Text } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { closeSession, fresh, listSessions, once, type SessionRow } from "../../../api";
import { useChanged } from "../../../api/changes";
import { Confirmed } from "../../../ui/Confirmed";
import { useCommand } from "../../../api/useCommand";
import { Page } from "../../../ui/Page";
import { type Column, PlainList } from "../../../ui/PagedList";
import { toastDone } from "../../../ui/refusals";
import { Machine, Time, UserText } from "../../../ui/Text";
import { useSession } from "../../session";
import { ChangePasswordDialog } from "./ChangePasswordDialog";

const browsers = ["Edg", "OPR", "Firefox", "Chrome", "Safari"] as const;
const systems = ["Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux"] as const;

/** Enough of a user agent to recognise one's own machine. */
function deviceOf(agent: string): string | null {
  const browser = browsers
    .find((name) => agent.includes(name))
    ?.replace("Edg", "Edge")
    .replace("OPR", "Opera");
  const system = systems.find((name) => agent.includes(name))?.replace("Mac OS", "macOS");
  return [browser, system].filter(Boolean).join(" · ") || agent.slice(0, 40) || null;
}

export function SessionsPage() {
  const { t } = useTranslation();
  const changed = useChanged();
  const session = useSession();
  const [ending, setEnding] = useState<SessionRow | null>(null);
  const [changing, setChanging] = useState(false);
  const result = useQuery({
    queryKey: ["sessions"],
    queryFn: ({ signal }) => listSessions({ query: fresh(), signal }),
  });
  const end = useCommand((session_id: string, key) => closeSession({ path: { session_id }, headers: once(key) }), {
    onSuccess: () => {
      toastDone(t("sessions.ended"));
      setEnding(null);
      void changed("session");
    },
  });
  const columns: Column<SessionRow>[] = [
    {
      key: "device",
      label: t("sessions.device"),
      lead: true,
      render: (row) => (
        <Group gap="xs">
          <Machine value={deviceOf(row.agent)} fw={600} />
          {row.session_id === session.session_id && (
            <Badge tt="none" miw="max-content">
              {t("sessions.current")}
            </Badge>
          )}
          {row.impersonator_id && (
            <Badge tt="none" miw="max-content" variant="default">
              {t("sessions.byDistributor")}
            </Badge>
          )}
        </Group>
      ),
    },
    { key: "address", label: t("audit.from"), render: (row) => <Machine value={row.address} /> },
    { key: "opened", label: t("sessions.since"), render: (row) => <Time value={row.opened_at} /> },
    { key: "expires", label: t("sessions.until"), render: (row) => <Time value={row.expires_at} /> },
  ];
  return (
    <Page
      title={t("sessions.title")}
      actions={
        !session.impersonator_id && (
          <Button variant="default" leftSection={<IconKey size={17} aria-hidden />} onClick={() => setChanging(true)}>
            {t("password.change")}
          </Button>
        )
      }
    >
      <Text c="dimmed" size="sm" mb="md" maw={640}>
        {t("sessions.explain")}
      </Text>
      <PlainList
        label={t("sessions.title")}
        columns={columns}
        rowKey={(row) => row.session_id}
        rows={result.data?.rows}
        error={result.error}
        refetch={() => void result.refetch()}
        actions={(row) =>
          row.session_id === session.session_id || session.impersonator_id ? null : (
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => setEnding(row)}
              aria-label={`${t("sessions.end")}: ${deviceOf(row.agent) ?? ""}`}
            >
              {t("sessions.end")}
            </Button>
          )
        }
      />
      {changing && <ChangePasswordDialog onClose={() => setChanging(false)} />}
      {ending && (
        <Confirmed
          title={t("sessions.endTitle")}
          command={end}
          input={ending.session_id}
          more={
            <>
              <UserText value={deviceOf(ending.agent)} fw={600} /> — <Machine value={ending.address} />
            </>
          }
          explain={t("sessions.endExplain")}
          onClose={() => setEnding(null)}
        />
      )}
    </Page>
  );
}
