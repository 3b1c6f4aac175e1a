import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { addUser, type AddUser, type NewUserAccepted, once } from "../../../api";
import { useChanged } from "../../../api/changes";
import { useCommand } from "../../../api/useCommand";
import { type Credential, credentialIn, CredentialDialog } from "../../../ui/Credential";
import { WaitsDialog } from "../../../ui/Handover";
import { Page } from "../../../ui/Page";
import { toastDone } from "../../../ui/refusals";
import { useSession } from "../../session";
import { newUser, UserFields } from "./UserFields";

export function AddUserPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const changed = useChanged();
  const { impersonator_id } = useSession();
  const [issued, setIssued] = useState<{ name: string; credential: Credential } | null>(null);
  const [waiting, setWaiting] = useState<string | null>(null);
  const add = useCommand<AddUser, NewUserAccepted>((body, key) => addUser({ body, headers: once(key) }), {
    onSuccess: (accepted, { name }) => {
      const credential = credentialIn(accepted);
      const waits = !!impersonator_id;
      toastDone(t("user.added"));
      void changed("household");
      if (credential) setIssued({ name, credential });
      else if (waits) setWaiting(name);
      else navigate("/user");
    },
  });
  return (
    <Page title={t("user.addTitle")} back={{ to: "/user", label: t("module.user") }}>
      <UserFields
        initial={newUser}
        busy={add.isPending}
        problem={add.error}
        onSubmit={(body) => add.mutate(body)}
        onCancel={() => navigate("/user")}
      />
      {issued && <CredentialDialog {...issued} scannable onClose={() => navigate("/user")} />}
      {waiting !== null && <WaitsDialog what="password" name={waiting} onClose={() => navigate("/user")} />}
    </Page>
  );
}
