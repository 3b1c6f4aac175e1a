import { useTranslation } from "react-i18next";
import { useChanged } from "../../../api/changes";
import { FormDialog } from "../../../ui/Dialog";
import { PasswordFields, usePasswordChange } from "../../../ui/password";
import { toastDone } from "../../../ui/refusals";

export function ChangePasswordDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const { form, refusal, busy, ready, submit } = usePasswordChange(() => {
    toastDone(t("password.changed"));
    onClose();
    void changed("session");
  });
  return (
    <FormDialog
      title={t("password.change")}
      opened
      onClose={onClose}
      busy={busy}
      refusal={refusal}
      ready={ready}
      onSubmit={submit}
    >
      <PasswordFields form={form} first={false} />
    </FormDialog>
  );
}
