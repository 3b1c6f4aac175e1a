import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { logOut } from "../../../api";
import { useCommand } from "../../../api/useCommand";
import { useAbout } from "../../../api/reference";
import { useSession, useTakeSession } from "../../session";
import { Door } from "./Door";

export function NoConsolePage() {
  const { t } = useTranslation();
  const session = useSession();
  const take = useTakeSession();
  const region = useAbout().data?.region;
  const leave = useCommand<void, unknown>(() => logOut(), { onSuccess: () => take(null) });
  return (
    <Door
      title={t("noConsole.title")}
      explain={t("noConsole.explain", { role: t(`role.${session.role}`) })}
      region={region}
    >
      <Button fullWidth loading={leave.isPending} onClick={() => leave.mutate()}>
        {t("account.logOut")}
      </Button>
    </Door>
  );
}
