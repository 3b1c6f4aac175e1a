// One device: what it is and does, what it was told, what happened at its doors, and who did what to it.
import { ActionIcon, Alert, Button, Group, Tabs, Text, Title, Tooltip } from "@mantine/core";
import { IconAdjustments, IconInfoCircle, IconKey, IconPencil, IconTrash } from "@tabler/icons-react";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import {
  type DeviceDetail,
  type DeviceKeyAccepted,
  fresh,
  listDeviceAudit,
  listDeviceDoorEvents,
  once,
  Problem,
  rotateDeviceKey,
} from "../../../../api";
import { useChanged } from "../../../../api/changes";
import { Confirmed } from "../../../../ui/Confirmed";
import { useCommand } from "../../../../api/useCommand";
import { WaitsAlert } from "../../../../ui/Handover";
import { Page } from "../../../../ui/Page";
import { Failure, NoData, Waiting } from "../../../../ui/States";
import { Count, Machine, Time, UserText } from "../../../../ui/Text";
import { useSession } from "../../../session";
import { AccessLog } from "../doors/AccessLog";
import { AuditList } from "../../audit/AuditList";
import { useKindText } from "../kinds";
import { MacText } from "../MacText";
import { OnlineDot } from "../OnlineDot";
import { CommandsList } from "./CommandsList";
import { DeleteDeviceDialog } from "./DeleteDeviceDialog";
import classes from "./device.module.css";
import { Arming, Doors } from "../doors/Doors";
import { KeyDialog, keyIn } from "./KeyDialog";
import { RegularLines } from "../autop/RegularLines";
import { SettingsDialog } from "./SettingsDialog";
import { Configuration, reasonText } from "./states";
import { useDevice } from "./useDevice";

type Tab = "overview" | "commands" | "access" | "audit";

/** What only lines about accounts say. */
const nothingElse = { reason: null, erased_by: null, erased_at: null };

export function DevicePage({ tab }: { tab: Tab }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { id = "" } = useParams();
  const { data: device, error, refetch } = useDevice(id);
  const [opened, setOpened] = useState<"settings" | "delete" | null>(null);
  const back = device
    ? { to: `/user/${device.user_id}/devices`, label: device.owner || t("module.user") }
    : { to: "/user", label: t("module.user") };
  const gone = error instanceof Problem && error.status === 404;

  if (error && (!device || gone)) {
    return (
      <Page title={t(gone ? "state.notFound" : "device.title")} back={back}>
        <section className="card">
          {gone ? <NoData hint={t("device.unknown")} /> : <Failure problem={error} retry={() => void refetch()} />}
        </section>
      </Page>
    );
  }
  return (
    <Page
      title={device?.name ?? t("device.title")}
      heading={
        device ? (
          <Group gap="sm">
            <bdi>{device.name}</bdi>
            <OnlineDot online={device.online} />
          </Group>
        ) : (
          <>&nbsp;</>
        )
      }
      back={back}
      actions={
        device && (
          <>
            <Button leftSection={<IconAdjustments size={17} aria-hidden />} onClick={() => setOpened("settings")}>
              {t("device.settings")}
            </Button>
            <Button
              variant="default"
              component={Link}
              to={`/device/${id}/edit`}
              leftSection={<IconPencil size={17} aria-hidden />}
            >
              {t("user.edit")}
            </Button>
            <Tooltip label={t("action.delete")}>
              <ActionIcon
                variant="default"
                size={36}
                c="var(--mantine-color-error)"
                aria-label={t("action.delete")}
                onClick={() => setOpened("delete")}
              >
                <IconTrash size={17} />
              </ActionIcon>
            </Tooltip>
          </>
        )
      }
    >
      <Tabs
        value={tab}
        onChange={(next) => navigate(next === "overview" ? `/device/${id}` : `/device/${id}/${next}`)}
        keepMounted={false}
      >
        <Tabs.List mb="md" className={classes.tabs}>
          <Tabs.Tab value="overview">{t("device.tabOverview")}</Tabs.Tab>
          <Tabs.Tab value="commands">
            {t("device.tabCommands")}
            {device && device.open_commands > 0 && (
              <>
                {" · "}
                <Count value={device.open_commands} />
              </>
            )}
          </Tabs.Tab>
          <Tabs.Tab value="access">{t("access.log")}</Tabs.Tab>
          <Tabs.Tab value="audit">{t("user.tabAudit")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="overview">
          {device?.method_choice_dropped && (
            <Alert color="yellow" variant="light" icon={<IconInfoCircle aria-hidden />} mb="md">
              {t("device.choiceDropped")}
            </Alert>
          )}
          {device?.waits_for_key && <WaitsAlert what="key" />}
          {device ? (
            <Overview device={device} />
          ) : (
            <section className="card" style={{ padding: 20 }}>
              <Waiting lines={5} />
            </section>
          )}
        </Tabs.Panel>
        <Tabs.Panel value="commands">
          <CommandsList deviceId={id} />
        </Tabs.Panel>
        <Tabs.Panel value="access">
          <AccessLog
            queryKey={["door-events", "device", id]}
            list={(query, signal) => listDeviceDoorEvents({ path: { device_id: id }, query: fresh(query), signal })}
            withDevice={false}
          />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <AuditList
            queryKey={["device-audit", id]}
            list={async (query, signal) => {
              const page = await listDeviceAudit({ path: { device_id: id }, query: fresh(query), signal });
              return { ...page, rows: page.rows.map((row) => ({ ...row, about_kind: "device", ...nothingElse })) };
            }}
            withSubject={false}
          />
        </Tabs.Panel>
      </Tabs>
      {device && opened === "settings" && <SettingsDialog deviceId={id} onClose={() => setOpened(null)} />}
      {device && opened === "delete" && (
        <DeleteDeviceDialog
          device={device}
          onClose={() => setOpened(null)}
          onDone={() => navigate(`/user/${device.user_id}/devices`)}
        />
      )}
    </Page>
  );
}

function Card({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id}>
      <div className={classes.cardBody}>
        <Group justify="space-between" mb="sm" mih={30} gap="xs">
          <Title order={2} fz={15} id={id}>
            {title}
          </Title>
          {action}
        </Group>
        {children}
      </div>
    </section>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Overview({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation();
  const kindText = useKindText();
  const yesNo = (yes: boolean) => t(yes ? "device.yes" : "device.no");
  return (
    <div className={classes.columns}>
      <div className={classes.column}>
        <Card title={t("device.stateTitle")}>
          <dl className={classes.facts}>
            <Fact label={t("device.status")}>
              <OnlineDot online={device.online} />
            </Fact>
            <Fact label={t("device.lastConnected")}>
              <Time value={device.last_connected_at} />
            </Fact>
            <Fact label={t("device.kind")}>{kindText(device.kind)}</Fact>
            <Fact label={t("device.model")}>
              <Machine value={device.model} />
            </Fact>
            <Fact label={t("device.firmware")}>
              <Machine value={device.firmware} />
            </Fact>
            <Fact label={t("device.mac")}>
              <MacText value={device.mac} />
            </Fact>
            <Fact label={t("device.sip")}>
              <Machine value={device.sip} /> · {device.connection_type.toUpperCase()}
            </Fact>
            <Fact label={t("device.owner")}>
              <Link to={`/user/${device.user_id}/devices`} style={{ color: "var(--mantine-color-anchor)" }}>
                <UserText value={device.owner} />
              </Link>{" "}
              <Text span inherit c="dimmed">
                <Machine value={device.uid} />
              </Text>
            </Fact>
            {!device.internet_access && (
              <Fact label={t("device.transferIp")}>
                <Machine value={device.transfer_ip} />
              </Fact>
            )}
            {device.kind === "indoor_monitor" && (
              <Fact label={t("device.worksOffline")}>{yesNo(device.works_offline)}</Fact>
            )}
            {device.shows_weather && <Fact label={t("device.weather")}>{yesNo(true)}</Fact>}
          </dl>
          <KeyRow device={device} />
        </Card>

        <Card title={t("device.configurationTitle")} action={<Configuration of={device.configuration} />}>
          <Text size="sm" mb="sm">
            {t(`device.configurationExplain.${device.configuration}`)}
            {device.configuration === "refused" && device.configuration_reason && (
              <>
                {" "}
                <bdi>{reasonText(device.configuration_reason)}</bdi>
              </>
            )}
          </Text>
          <dl className={classes.facts}>
            <Fact label={t("device.desired")}>
              <Machine value={device.issued_version} ff="monospace" />
            </Fact>
            <Fact label={t("device.reported")}>
              {device.configuration === "waiting" && !device.applied_version ? (
                <Text span inherit c="dimmed">
                  {t("device.notYet")}
                </Text>
              ) : (
                <Machine value={device.applied_version} ff="monospace" />
              )}
            </Fact>
          </dl>
        </Card>
      </div>

      <div className={classes.column}>
        <Card title={t("device.doors")}>
          <Doors device={device} />
        </Card>

        {device.arming_function && (
          <Card title={t("device.armingFunction")}>
            <Arming device={device} />
          </Card>
        )}

        <Card title={t("device.regularTitle")}>
          <RegularLines device={device} />
        </Card>
      </div>
    </div>
  );
}

/** A device that lost its key, or whose key somebody saw, gets another; the present one opens nothing any more. */
function KeyRow({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const { impersonator_id } = useSession();
  const [asking, setAsking] = useState(false);
  const [key, setKey] = useState<string | null>(null);
  const rotate = useCommand<void, DeviceKeyAccepted>(
    (_, once_) => rotateDeviceKey({ path: { device_id: device.device_id }, headers: once(once_) }),
    {
      onSuccess: (accepted) => {
        setAsking(false);
        setKey(keyIn(accepted));
        void changed("device");
      },
    },
  );
  return (
    <>
      <Button
        mt="md"
        size="xs"
        variant="default"
        leftSection={<IconKey size={15} aria-hidden />}
        disabled={!!impersonator_id}
        onClick={() => setAsking(true)}
      >
        {t("device.newKey")}
      </Button>
      {asking && (
        <Confirmed
          title={t("device.newKey")}
          command={rotate}
          input={undefined}
          name={device.name}
          more={<MacText value={device.mac} c="dimmed" />}
          explain={t("device.newKeyExplain")}
          onClose={() => setAsking(false)}
        />
      )}
      {key && <KeyDialog name={device.name} mac={device.mac} secret={key} onClose={() => setKey(null)} />}
    </>
  );
}
