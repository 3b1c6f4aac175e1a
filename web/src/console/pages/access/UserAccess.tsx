// Who gets in at a household's doors by what, and what happened at them.
import { Button, Group, Stack, Text, Title, Tooltip } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Accepted,
  type CredentialRow,
  type DeviceDetail,
  fresh,
  getDevice,
  getUser,
  listCredentials,
  listDevices,
  listDoorEvents,
  once,
  withdrawCredential,
} from "../../../api";
import { useChanged } from "../../../api/changes";
import { Confirmed } from "../../../ui/Confirmed";
import { useCommand } from "../../../api/useCommand";
import { type Column, PlainList } from "../../../ui/PagedList";
import { toastDone } from "../../../ui/refusals";
import { RowAction } from "../../../ui/RowAction";
import { NoData } from "../../../ui/States";
import { Time, UserText } from "../../../ui/Text";
import { useSession } from "../../session";
import classes from "../devices/one/device.module.css";
import { AccessLog } from "../devices/doors/AccessLog";
import { GrantDialog } from "./GrantDialog";

/** The household's devices with their relays, which lists do not tell. */
export function useDoors(userId: string) {
  return useQuery({
    queryKey: ["doors", userId],
    queryFn: async ({ signal }) => {
      const { rows } = await listDevices({ query: fresh({ per_page: 100, user: userId }), signal });
      return Promise.all(rows.map(({ device_id }) => getDevice({ path: { device_id }, query: fresh(), signal })));
    },
    staleTime: 60_000,
  });
}

function doorName(devices: DeviceDetail[] | undefined, deviceId: string, relay: number): string | null {
  const device = devices?.find(({ device_id }) => device_id === deviceId);
  if (!device) return null;
  return `${device.name} · ${device.relays.find(({ number }) => number === relay)?.name ?? relay}`;
}

export function UserAccess({ userId }: { userId: string }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const { impersonator_id } = useSession();
  const doors = useDoors(userId);
  // What a credential says of times is about the household's clocks.
  const zone = useQuery({
    queryKey: ["user", userId],
    queryFn: ({ signal }) => getUser({ path: { user_id: userId }, query: fresh(), signal }),
  }).data?.effective_time_zone;
  const [granting, setGranting] = useState(false);
  const [withdrawing, setWithdrawing] = useState<CredentialRow | null>(null);
  const result = useQuery({
    queryKey: ["credentials", userId],
    queryFn: ({ signal }) => listCredentials({ path: { user_id: userId }, query: fresh(), signal }),
  });
  const withdraw = useCommand<string, Accepted>(
    (credential_id, key) => withdrawCredential({ path: { user_id: userId, credential_id }, headers: once(key) }),
    {
      onSuccess: () => {
        toastDone(t("access.withdrawn"));
        setWithdrawing(null);
        void changed("credential");
      },
    },
  );
  const columns: Column<CredentialRow>[] = [
    { key: "holder", label: t("access.holder"), lead: true, render: (row) => <UserText value={row.holder} /> },
    { key: "kind", label: t("access.credentialKind"), render: (row) => t(`access.credential.${row.kind}`) },
    {
      key: "doors",
      label: t("access.doors"),
      render: (row) => (
        <Stack gap={1}>
          {row.relays.map(({ device_id, relay }) => (
            <span key={`${device_id} ${relay}`}>
              <UserText value={doorName(doors.data, device_id, relay) ?? "…"} />
              {row.closed.some((each) => each.device_id === device_id && each.relay === relay) && (
                <Text span fz={12} c="dimmed" display="block">
                  {t("access.offHere")}
                </Text>
              )}
            </span>
          ))}
        </Stack>
      ),
    },
    {
      key: "valid",
      label: t("access.validity"),
      width: 210,
      render: (row) =>
        row.valid_from || row.valid_to ? (
          <Stack gap={1}>
            {row.valid_from && (
              <span>
                {t("access.from")} <Time value={row.valid_from} zone={zone} />
              </span>
            )}
            {row.valid_to && (
              <span>
                {t("access.to")} <Time value={row.valid_to} zone={zone} />
              </span>
            )}
          </Stack>
        ) : (
          t("access.always")
        ),
    },
    {
      key: "delivered",
      label: t("access.atDevices"),
      width: 130,
      render: (row) => (
        <span className={classes.state} data-tone={row.delivered ? "good" : "doubt"}>
          {t(row.delivered ? "access.delivered" : "access.notYet")}
        </span>
      ),
    },
  ];
  const create = (
    <Tooltip label={t("refusal.not-while-impersonating")} disabled={!impersonator_id}>
      <Button
        leftSection={<IconPlus size={17} aria-hidden />}
        onClick={() => setGranting(true)}
        disabled={!!impersonator_id}
      >
        {t("action.new")}
      </Button>
    </Tooltip>
  );
  return (
    <Stack gap="lg">
      <PlainList
        label={t("access.credentials")}
        columns={columns}
        rowKey={(row) => row.credential_id}
        rows={result.data?.rows}
        error={result.error}
        refetch={() => void result.refetch()}
        toolbar={
          <Group justify="space-between" mih={36} gap="sm">
            <Title order={2} fz={16}>
              {t("access.credentials")}
            </Title>
            {create}
          </Group>
        }
        empty={<NoData hint={t("access.credentialsNone")} />}
        actionsWidth={80}
        actions={(row) => (
          <RowAction
            label={t("access.withdraw")}
            name={`${row.holder}, ${t(`access.credential.${row.kind}`)}`}
            onClick={() => setWithdrawing(row)}
          >
            <IconTrash size={18} stroke={1.7} />
          </RowAction>
        )}
      />
      <div>
        <Title order={2} fz={16} mb="xs">
          {t("access.log")}
        </Title>
        <AccessLog
          queryKey={["door-events", userId]}
          list={(query, signal) => listDoorEvents({ path: { user_id: userId }, query: fresh(query), signal })}
        />
      </div>
      {granting && <GrantDialog userId={userId} zone={zone} doors={doors} onClose={() => setGranting(false)} />}
      {withdrawing && (
        <Confirmed
          title={t("access.withdraw")}
          command={withdraw}
          input={withdrawing.credential_id}
          asks={`${t(`access.credential.${withdrawing.kind}`)} ·`}
          name={withdrawing.holder}
          explain={t("access.withdrawExplain")}
          onClose={() => setWithdrawing(null)}
        />
      )}
    </Stack>
  );
}
