// The first password was seen by somebody else; nothing else opens until it is replaced.
import { Button, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { logOut } from "../../../api";
import { useChanged } from "../../../api/changes";
import { useAbout } from "../../../api/reference";
import { useCommand } from "../../../api/useCommand";
import { GeneralRefusal } from "../../../ui/GeneralRefusal";
import { PasswordFields, usePasswordChange } from "../../../ui/password";
import { toastDone } from "../../../ui/refusals";
import { useTakeSession } from "../../session";
import { Door } from "./Door";

export function InitialPasswordPage() {
  const { t } = useTranslation();
  const take = useTakeSession();
  const changed = useChanged();
  const region = useAbout().data?.region;
  const { form, refusal, busy, ready, submit } = usePasswordChange(() => {
    toastDone(t("password.changed"));
    void changed("who-is-here");
  });
  const leave = useCommand<void, unknown>(() => logOut(), { onSuccess: () => take(null) });

  return (
    <Door title={t("password.chooseTitle")} explain={t("password.chooseExplain")} region={region}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack gap="md">
          <PasswordFields form={form} first />
          <GeneralRefusal text={refusal} />
          <Button type="submit" fullWidth size="md" loading={busy} disabled={!ready}>
            {t("action.submit")}
          </Button>
          <Button variant="subtle" color="gray" onClick={() => leave.mutate()}>
            {t("account.logOut")}
          </Button>
        </Stack>
      </form>
    </Door>
  );
}
