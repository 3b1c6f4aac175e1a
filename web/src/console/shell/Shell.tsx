// The frame round every page: header, the role's modules, and whose account this is at the moment.
import { AppShell, Badge, Burger, Group, NavLink, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { NavLink as RouterLink, useLocation } from "react-router";
import { modulesOf } from "../modules";
import { useAbout } from "../../api/reference";
import { useSession } from "../session";
import { AccountMenu } from "./AccountMenu";
import { Brand } from "./Brand";
import { ImpersonationBanner } from "./ImpersonationBanner";
import { ColourSchemeSwitch, LanguageSwitch } from "./Preferences";
import classes from "./Shell.module.css";

const barHeight = 56;

export function Shell({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const session = useSession();
  const { pathname } = useLocation();
  const [opened, { toggle, close }] = useDisclosure();
  useEffect(close, [pathname, close]);
  const region = useAbout().data?.region;

  return (
    <>
      <a className="skip-link" href="#content">
        {t("shell.skip")}
      </a>
      <AppShell
        header={{ height: session.impersonator_id ? { base: barHeight + 100, sm: barHeight + 44 } : barHeight }}
        navbar={{ width: 200, breakpoint: "sm", collapsed: { mobile: !opened } }}
        padding={{ base: 14, sm: 20 }}
        classNames={{ header: classes.header, navbar: classes.navbar, main: classes.main }}
      >
        <AppShell.Header>
          <Group h={barHeight} px={{ base: 12, sm: 20 }} gap="sm" wrap="nowrap">
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={t("shell.menu")}
              aria-expanded={opened}
            />
            <Brand />
            {region && (
              <Badge variant="default" visibleFrom="sm" tt="none" fw={500} title={t("shell.region")}>
                <bdi>{region}</bdi>
              </Badge>
            )}
            <Group ms="auto" gap={4} wrap="nowrap">
              <LanguageSwitch />
              <ColourSchemeSwitch />
              <AccountMenu />
            </Group>
          </Group>
          {session.impersonator_id && <ImpersonationBanner session={session} />}
        </AppShell.Header>
        <AppShell.Navbar p={10} aria-label={t("shell.modules")}>
          {modulesOf(session.role).map(({ name, path, icon: Icon }) => (
            <NavLink
              key={name}
              component={RouterLink}
              to={path}
              active={pathname === path || pathname.startsWith(`${path}/`)}
              label={t(`module.${name}`)}
              leftSection={<Icon size={19} stroke={1.7} />}
              className={classes.link}
            />
          ))}
          <Text hiddenFrom="sm" size="sm" c="dimmed" mt="auto" p="sm">
            {t("shell.region")}: <bdi>{region}</bdi>
          </Text>
        </AppShell.Navbar>
        <AppShell.Main id="content" tabIndex={-1}>
          {children}
        </AppShell.Main>
      </AppShell>
    </>
  );
}
