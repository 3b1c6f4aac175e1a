// Who did what, when, from where, and under whose name: the newest first, older lines on request.
import { Stack, Text } from "@mantine/core";
import i18next, { type ParseKeys } from "i18next";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { AuditRow } from "../../../api";
import { erasureText } from "../../../ui/erasure";
import type { Column } from "../../../ui/PagedList";
import { Machine, Time } from "../../../ui/Text";
import { type ListLines, TimeLine } from "../../../ui/TimeLine";
import { useSession } from "../../session";

function known(key: string, otherwise: string): string {
  return i18next.exists(key) ? i18next.t(key as ParseKeys) : otherwise;
}

/** `accounts.UserReset.v1` is `UserReset`; an event the console has no words for yet is shown by its name. */
function eventText(type: string): string {
  const name = type.replace(/^\w+\.(?=[A-Z])/, "").replace(/\.v\d+$/, "");
  return known(`event.${name}`, name.replace(/([a-z])([A-Z])/g, "$1 $2"));
}

/** Who did it: under account access the distributor, in the installer's account; else the account itself. */
function Who({ row }: { row: AuditRow }) {
  const { t } = useTranslation();
  const role = known(`role.${row.actor_id}`, t(`role.${row.actor_role}`));
  const account = row.actor_name ? <bdi>{row.actor_name}</bdi> : role;
  if (row.impersonator_id) {
    return (
      <Stack gap={1}>
        <span>
          <bdi>{row.impersonator_name ?? t("role.distributor")}</bdi>
        </span>
        <Text span inherit c="dimmed" fw={400}>
          {t("audit.inAccountOf")} {account}
        </Text>
      </Stack>
    );
  }
  return (
    <Stack gap={1}>
      <span>{account}</span>
      {row.actor_name && (
        <Text span inherit c="dimmed" fw={400}>
          {role}
        </Text>
      )}
    </Stack>
  );
}

interface AuditListProps {
  queryKey: readonly string[];
  list: ListLines<AuditRow>;
  withSubject?: boolean;
}

export function AuditList({ queryKey, list, withSubject = true }: AuditListProps) {
  const { t } = useTranslation();
  const { role } = useSession();
  const columns: Column<AuditRow>[] = [
    { key: "at", label: t("audit.at"), width: 170, render: (row) => <Time value={row.at} /> },
    {
      key: "what",
      label: t("audit.what"),
      lead: true,
      render: (row) => (
        <Stack gap={1}>
          <Text span inherit fw={600}>
            {eventText(row.type)}
          </Text>
          {erasureText(row) && (
            <Text span inherit c="dimmed" fw={400}>
              {erasureText(row)}
            </Text>
          )}
          {row.reason && (
            <Text span inherit c="dimmed" fw={400}>
              <bdi>{row.reason}</bdi>
            </Text>
          )}
        </Stack>
      ),
    },
    ...(withSubject
      ? [
          {
            key: "subject",
            label: t("audit.subject"),
            render: (row: AuditRow) =>
              row.about_kind === "household" && role === "installer" ? (
                <Link to={`/user/${row.about}/audit`} style={{ color: "var(--mantine-color-anchor)" }}>
                  {known(`subject.${row.about_kind}`, row.about_kind)}
                </Link>
              ) : (
                known(`subject.${row.about_kind}`, row.about_kind)
              ),
          },
        ]
      : []),
    {
      key: "who",
      label: t("audit.who"),
      render: (row) => <Who row={row} />,
    },
    { key: "address", label: t("audit.from"), width: 160, render: (row) => <Machine value={row.address} /> },
  ];
  return (
    <TimeLine
      label={t("audit.title")}
      queryKey={queryKey}
      list={list}
      columns={columns}
      rowKey={(row) => row.event_id}
      none={t("audit.none")}
    />
  );
}
