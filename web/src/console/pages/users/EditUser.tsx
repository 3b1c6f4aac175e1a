import { Button, Group, Text } from "@mantine/core";
import { IconKey, IconTrash } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import {
  type Accepted,
  type AddUser,
  type CredentialAccepted,
  deleteUser,
  editUser,
  type ErasureAccepted,
  once,
  resetUserPassword,
  type UserDetail,
} from "../../../api";
import { useChanged } from "../../../api/changes";
import { Confirmed } from "../../../ui/Confirmed";
import { useCommand } from "../../../api/useCommand";
import { type Credential, credentialIn, CredentialDialog } from "../../../ui/Credential";
import { erasedText, useErasedWithin } from "../../../ui/erasure";
import { WaitsAlert } from "../../../ui/Handover";
import { useAreaCode } from "../../../ui/Phone";
import { toastDone } from "../../../ui/refusals";
import { useSession } from "../../session";
import { type UserForm, UserFields } from "./UserFields";

function formOf(user: UserDetail, behind: (number: string | null) => string): UserForm {
  const [first, second, third] = user.landlines;
  return {
    name: user.name,
    room: user.room ?? "",
    email: user.email ?? "",
    country: user.country,
    address: user.address,
    mobile: behind(user.mobile),
    call_type: user.call_type,
    time_zone: user.time_zone,
    language: user.language,
    landlines: [behind(first), behind(second), behind(third)],
    home_automation: user.home_automation,
    premium: user.premium_on,
    landline_service: user.landline_service,
    with_indoor_monitor: user.with_indoor_monitor,
  };
}

export function EditUser({ user }: { user: UserDetail }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const changed = useChanged();
  const within = useErasedWithin();
  const session = useSession();
  const { behind } = useAreaCode(user.country);
  const initial = useMemo(() => formOf(user, behind), [user, behind]);
  const [asking, setAsking] = useState<"delete" | "password" | null>(null);
  const [credential, setCredential] = useState<Credential | null>(null);
  const refresh = () => changed("household");

  const path = { user_id: user.user_id };
  const save = useCommand<{ body: AddUser; revision: string }, Accepted>(
    ({ body, revision }, key) => editUser({ path, body, headers: { ...once(key), "If-Match": `"${revision}"` } }),
    {
      onSuccess: () => {
        toastDone(t("user.saved"));
        void refresh();
        navigate("/user");
      },
      onError: ({ status }) => {
        if (status === 412) void changed("household");
      },
    },
  );
  const remove = useCommand<void, ErasureAccepted>((_, key) => deleteUser({ path, headers: once(key) }), {
    onSuccess: async (accepted) => {
      toastDone(erasedText(t("user.deleted"), accepted));
      // Forgotten once nobody shows it: its page stays until the next one is there.
      await navigate("/user");
      queries.removeQueries({ queryKey: ["user", user.user_id] });
      void changed("household");
    },
  });
  const renew = useCommand<void, CredentialAccepted>((_, key) => resetUserPassword({ path, headers: once(key) }), {
    onSuccess: (accepted) => {
      setAsking(null);
      const shown = credentialIn(accepted, user.uid);
      if (shown) setCredential(shown);
      else toastDone(t("user.passwordReset"));
      void refresh();
    },
  });

  return (
    <>
      {user.waits_for_password && <WaitsAlert what="password" />}
      <UserFields
        initial={initial}
        revision={user.revision}
        linked={user.linked_sites.length > 0}
        busy={save.isPending}
        problem={save.error}
        onSubmit={(body, revision) => save.mutate({ body, revision })}
        onCancel={() => navigate("/user")}
      />
      <section className="card" style={{ padding: 20, marginBlockStart: 16 }} aria-label={t("user.accountActions")}>
        <Group justify="space-between" gap="md">
          <Text size="sm" c="dimmed" flex="1 1 260px">
            {t("user.accountActionsExplain")}
          </Text>
          <Group gap="sm">
            <Button
              variant="default"
              leftSection={<IconKey size={17} aria-hidden />}
              onClick={() => setAsking("password")}
              disabled={!!session.impersonator_id}
            >
              {t("user.resetPassword")}
            </Button>
            <Button
              variant="default"
              c="var(--mantine-color-error)"
              leftSection={<IconTrash size={17} aria-hidden />}
              onClick={() => setAsking("delete")}
            >
              {t("action.delete")}
            </Button>
          </Group>
        </Group>
      </section>

      {asking === "delete" && (
        <Confirmed
          title={t("user.deleteTitle")}
          command={remove}
          input={undefined}
          asks={t("user.deleteWhose")}
          name={user.name}
          explain={`${t("user.deleteExplain")} ${within}`}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === "password" && (
        <Confirmed
          title={t("user.resetPassword")}
          command={renew}
          input={undefined}
          asks={t("user.resetPasswordWhose")}
          name={user.name}
          explain={t("user.resetPasswordShown")}
          destructive={false}
          onClose={() => setAsking(null)}
        />
      )}
      {credential && (
        <CredentialDialog name={user.name} credential={credential} scannable onClose={() => setCredential(null)} />
      )}
    </>
  );
}
