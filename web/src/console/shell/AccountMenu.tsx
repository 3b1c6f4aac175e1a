import { Avatar, Box, Menu, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import {
  IconChecklist,
  IconChevronDown,
  IconDevices,
  IconHeadset,
  IconHelpCircle,
  IconHistory,
  IconLogout,
  IconUserCog,
} from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { logOut } from "../../api";
import { useCommand } from "../../api/useCommand";
import { toastRefused } from "../../ui/refusals";
import { useSession, useTakeSession } from "../session";
import { AccountSettingDialog } from "./AccountSettingDialog";
import classes from "./AccountMenu.module.css";
import { CustomerServiceDialog } from "./CustomerServiceDialog";
import { PreflightDialog } from "./PreflightDialog";

type Opened = "customer-service" | "account-setting" | "preflight" | null;

export function AccountMenu() {
  const { t } = useTranslation();
  const session = useSession();
  const navigate = useNavigate();
  const take = useTakeSession();
  const [opened, setOpened] = useState<Opened>(null);
  const leave = useCommand<void, unknown>(() => logOut(), {
    onSuccess: () => {
      navigate("/");
      take(null);
    },
    onError: toastRefused,
  });
  const close = () => setOpened(null);
  const installer = session.role === "installer";
  const icon = { size: 17, stroke: 1.7, "aria-hidden": true } as const;

  return (
    <>
      <Menu position="bottom-end" width={250} withinPortal={false} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <UnstyledButton className={classes.target}>
            <VisuallyHidden>{t("account.menu")}: </VisuallyHidden>
            <Avatar size={30} radius="xl" color="petrol" aria-hidden>
              {[...session.name.trim()][0]?.toUpperCase()}
            </Avatar>
            <span className={classes.name}>
              <bdi>{session.name}</bdi>
            </span>
            <Box visibleFrom="sm" lh={0}>
              <IconChevronDown size={16} aria-hidden />
            </Box>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Box px="sm" py={8} role="presentation">
            <Text fw={600} size="sm" truncate>
              <bdi>{session.name}</bdi>
            </Text>
            <Text size="xs" c="dimmed" truncate>
              {t(`role.${session.role}`)}
            </Text>
          </Box>
          <Menu.Divider role="separator" />
          {installer && (
            <Menu.Item leftSection={<IconHeadset {...icon} />} onClick={() => setOpened("customer-service")}>
              {t("customerService.title")}
            </Menu.Item>
          )}
          {installer && session.account_access_offered && !session.impersonator_id && (
            <Menu.Item leftSection={<IconUserCog {...icon} />} onClick={() => setOpened("account-setting")}>
              {t("accountSetting.title")}
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconHistory {...icon} />} component={Link} to="/audit">
            {t("audit.title")}
          </Menu.Item>
          <Menu.Item leftSection={<IconDevices {...icon} />} component={Link} to="/sessions">
            {t("sessions.title")}
          </Menu.Item>
          <Menu.Item leftSection={<IconHelpCircle {...icon} />} component={Link} to="/help">
            {t("help.title")}
          </Menu.Item>
          {installer && (
            <Menu.Item leftSection={<IconChecklist {...icon} />} onClick={() => setOpened("preflight")}>
              {t("preflight.title")}
            </Menu.Item>
          )}
          <Menu.Divider role="separator" />
          <Menu.Item leftSection={<IconLogout {...icon} className="mirrored" />} onClick={() => leave.mutate()}>
            {t("account.logOut")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {opened === "customer-service" && <CustomerServiceDialog onClose={close} />}
      {opened === "account-setting" && <AccountSettingDialog onClose={close} />}
      {opened === "preflight" && <PreflightDialog onClose={close} />}
    </>
  );
}
