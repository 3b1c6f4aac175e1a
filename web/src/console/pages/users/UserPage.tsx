// One household: its details, its family, its devices, who gets in, and what happened to it.
import { Group, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import { fresh, getUser, listUserAudit, Problem } from "../../../api";
import { Page } from "../../../ui/Page";
import { Failure, NoData, Waiting } from "../../../ui/States";
import { Machine } from "../../../ui/Text";
import { UserAccess } from "../access/UserAccess";
import { AuditList } from "../audit/AuditList";
import classes from "../devices/one/device.module.css";
import { EditUser } from "./EditUser";
import { Family } from "./Family";
import { Status } from "./status";
import { type DevicesTab, UserDevices } from "./UserDevices";
import { UserUnconfirmed } from "./UserUnconfirmed";

type Tab = "details" | "family" | "devices" | "access" | "audit";

export function UserPage({ tab, devices = "intercom" }: { tab: Tab; devices?: DevicesTab }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { id = "" } = useParams();
  const {
    data: user,
    error,
    refetch,
  } = useQuery({
    queryKey: ["user", id],
    queryFn: ({ signal }) => getUser({ path: { user_id: id }, query: fresh(), signal }),
  });
  const back = { to: "/user", label: t("module.user") };

  if (error && !user) {
    const unknown = error instanceof Problem && error.status === 404;
    return (
      <Page title={t(unknown ? "state.notFound" : "module.user")} back={back}>
        <section className="card">
          {unknown ? <NoData hint={t("user.unknown")} /> : <Failure problem={error} retry={() => void refetch()} />}
        </section>
      </Page>
    );
  }

  return (
    <Page
      title={user?.name ?? t("module.user")}
      heading={user ? <bdi>{user.name}</bdi> : <>&nbsp;</>}
      back={back}
      actions={
        user && (
          <Group gap="sm">
            <Text size="sm" c="dimmed">
              {t("field.uid")}: <Machine value={user.uid} />
            </Text>
            <Status of={user.status} />
          </Group>
        )
      }
    >
      <UserUnconfirmed userId={id} />
      <Tabs
        value={tab}
        onChange={(next) => navigate(next === "details" ? `/user/${id}` : `/user/${id}/${next}`)}
        keepMounted={false}
      >
        <Tabs.List mb="md" className={classes.tabs}>
          <Tabs.Tab value="details">{t("user.tabDetails")}</Tabs.Tab>
          <Tabs.Tab value="family">{t("user.tabFamily")}</Tabs.Tab>
          <Tabs.Tab value="devices">{t("user.tabDevices")}</Tabs.Tab>
          <Tabs.Tab value="access">{t("user.tabAccess")}</Tabs.Tab>
          <Tabs.Tab value="audit">{t("user.tabAudit")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="details">
          {user ? (
            <EditUser user={user} />
          ) : (
            <section className="card" style={{ padding: 20 }}>
              <Waiting lines={7} />
            </section>
          )}
        </Tabs.Panel>
        <Tabs.Panel value="family">
          <Family userId={id} user={user} />
        </Tabs.Panel>
        <Tabs.Panel value="devices">
          <UserDevices userId={id} user={user} tab={devices} />
        </Tabs.Panel>
        <Tabs.Panel value="access">
          <UserAccess userId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <AuditList
            queryKey={["user-audit", id]}
            list={(query, signal) => listUserAudit({ path: { user_id: id }, query: fresh(query), signal })}
            withSubject={false}
          />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
