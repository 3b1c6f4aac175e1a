import { Alert, Button, Group, Skeleton, Text, Tooltip } from "@mantine/core";
import { IconInfoCircle, IconKey, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Accepted,
  type CredentialAccepted,
  deleteMember,
  fresh,
  listMembers,
  type MemberView,
  once,
  resetMemberPassword,
  type UserDetail,
} from "../../../api";
import { useChanged } from "../../../api/changes";
import { Confirmed } from "../../../ui/Confirmed";
import { useCommand } from "../../../api/useCommand";
import { type Credential, credentialIn, CredentialDialog } from "../../../ui/Credential";
import { WaitsDialog } from "../../../ui/Handover";
import { type Column, PlainList } from "../../../ui/PagedList";
import { toastDone } from "../../../ui/refusals";
import { Phone } from "../../../ui/Phone";
import { RowAction } from "../../../ui/RowAction";
import { NoData } from "../../../ui/States";
import { Email, Machine, Time } from "../../../ui/Text";
import { useMailLanguages } from "../../../api/reference";
import { useSession } from "../../session";
import { MemberDialog } from "./MemberDialog";

export function Family({ userId, user }: { userId: string; user: UserDetail | undefined }) {
  const { t } = useTranslation();
  const session = useSession();
  const changed = useChanged();
  const languages = useMailLanguages().data;
  const [editing, setEditing] = useState<MemberView | "new" | null>(null);
  const [removing, setRemoving] = useState<MemberView | null>(null);
  const [renewing, setRenewing] = useState<MemberView | null>(null);
  const [issued, setIssued] = useState<{ name: string; credential: Credential } | null>(null);
  const [waiting, setWaiting] = useState<string | null>(null);
  const result = useQuery({
    queryKey: ["members", userId],
    queryFn: ({ signal }) => listMembers({ path: { user_id: userId }, query: fresh(), signal }),
  });
  const members = result.data;
  const refresh = () => changed("household");
  const remove = useCommand<string, Accepted>(
    (member_id, key) => deleteMember({ path: { user_id: userId, member_id }, headers: once(key) }),
    {
      onSuccess: () => {
        toastDone(t("member.deleted"));
        setRemoving(null);
        void refresh();
      },
    },
  );
  const renew = useCommand<MemberView, CredentialAccepted>(
    ({ member_id }, key) => resetMemberPassword({ path: { user_id: userId, member_id }, headers: once(key) }),
    {
      onSuccess: (accepted, { name, sip }) => {
        setRenewing(null);
        const credential = credentialIn(accepted, sip);
        void refresh();
        if (credential) setIssued({ name, credential });
        else toastDone(t("user.passwordReset"));
      },
    },
  );

  const free = members ? Math.max(0, members.free_quota - members.rows.length) : 0;
  const notActivated = user?.status === "inactivated";
  const columns: Column<MemberView>[] = [
    {
      key: "name",
      label: t("field.name"),
      lead: true,
      render: (member) => (
        <>
          <bdi>{member.name}</bdi>
          {member.waits_for_password && (
            <Text size="xs" c="dimmed">
              {t("handover.password.waits")}
            </Text>
          )}
        </>
      ),
    },
    { key: "sip", label: t("user.sip"), render: (member) => <Machine value={member.sip} /> },
    { key: "email", label: t("field.email"), render: (member) => <Email value={member.email} /> },
    {
      key: "mobile",
      label: t("field.mobile"),
      render: (member) => <Phone number={member.mobile} />,
    },
    {
      key: "language",
      label: t("field.mailLanguage"),
      render: (member) => languages?.find(({ code }) => code === member.language)?.name ?? member.language,
    },
    { key: "created", label: t("user.created"), render: (member) => <Time value={member.created_at} /> },
  ];
  const create = (
    <Tooltip label={t("member.needsActivation")} disabled={!notActivated}>
      <Button
        leftSection={<IconPlus size={17} aria-hidden />}
        onClick={() => setEditing("new")}
        disabled={!members || notActivated}
      >
        {t("action.new")}
      </Button>
    </Tooltip>
  );

  return (
    <>
      {notActivated && (
        <Alert color="yellow" variant="light" icon={<IconInfoCircle aria-hidden />} mb="md">
          {t("member.needsActivation")}
        </Alert>
      )}
      <PlainList
        label={t("member.list")}
        columns={columns}
        rowKey={(member) => member.member_id}
        rows={members?.rows}
        error={result.error}
        refetch={() => void result.refetch()}
        toolbar={
          <Group justify="space-between" mih={36}>
            {members ? (
              <Text size="sm" c="dimmed">
                {t("user.quota", { free, quota: members.free_quota })}
                {free === 0 && !notActivated && ` · ${t("member.quotaUsed")}`}
              </Text>
            ) : (
              <Skeleton height={14} width={140} />
            )}
            {create}
          </Group>
        }
        empty={<NoData hint={notActivated ? undefined : t("member.noneYet")} />}
        actionsWidth={120}
        actions={(member) => (
          <>
            <RowAction label={t("user.edit")} name={member.name} onClick={() => setEditing(member)}>
              <IconPencil size={18} stroke={1.7} />
            </RowAction>
            <RowAction
              label={t("user.resetPassword")}
              name={member.name}
              onClick={() => setRenewing(member)}
              disabled={!!session.impersonator_id}
            >
              <IconKey size={18} stroke={1.7} />
            </RowAction>
            <RowAction label={t("action.delete")} name={member.name} onClick={() => setRemoving(member)}>
              <IconTrash size={18} stroke={1.7} />
            </RowAction>
          </>
        )}
      />
      {editing && (
        <MemberDialog
          userId={userId}
          member={editing === "new" ? null : editing}
          country={user?.country ?? null}
          language={user?.language ?? "en"}
          onClose={() => setEditing(null)}
          onDone={({ name }, accepted) => {
            toastDone(editing === "new" ? t("member.added") : t("member.saved"));
            setEditing(null);
            const credential = credentialIn(accepted);
            if (credential) setIssued({ name, credential });
            else if (editing === "new" && session.impersonator_id) setWaiting(name);
            void refresh();
          }}
        />
      )}
      {removing && (
        <Confirmed
          title={t("member.deleteTitle")}
          command={remove}
          input={removing.member_id}
          asks={t("member.deleteWhose")}
          name={removing.name}
          explain={t("member.deleteExplain")}
          onClose={() => setRemoving(null)}
        />
      )}
      {renewing && (
        <Confirmed
          title={t("user.resetPassword")}
          command={renew}
          input={renewing}
          asks={t("user.resetPasswordWhose")}
          name={renewing.name}
          explain={t("user.resetPasswordShown")}
          destructive={false}
          onClose={() => setRenewing(null)}
        />
      )}
      {issued && <CredentialDialog {...issued} scannable onClose={() => setIssued(null)} />}
      {waiting !== null && <WaitsDialog what="password" name={waiting} onClose={() => setWaiting(null)} />}
    </>
  );
}
