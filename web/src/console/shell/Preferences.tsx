// Language and light or dark, for anyone, signed in or not.
import { ActionIcon, Menu, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconCheck, IconLanguage, IconMoon, IconSun } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Problem } from "../../api";
import { reloadedForRelease } from "../../api/parts";
import { choices, directionOf, type Language, switchLanguage } from "../../i18n";
import { toastRefused } from "../../ui/refusals";

async function choose(language: Language): Promise<void> {
  try {
    await switchLanguage(language);
  } catch (reason) {
    if (!(reason instanceof Problem)) throw reason;
    if (!(await reloadedForRelease())) toastRefused(reason);
  }
}

export function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  return (
    <Menu position="bottom-end" width={180} withinPortal={false} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Tooltip label={t("shell.language")}>
          <ActionIcon color="gray" aria-label={t("shell.language")}>
            <IconLanguage size={20} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {choices.map(({ code, name }) => (
          <Menu.RadioItem
            key={code}
            value={code}
            lang={code}
            dir={directionOf(code)}
            checked={i18n.language === code}
            closeMenuOnClick
            checkIcon={<IconCheck size={16} aria-hidden />}
            onChange={() => void choose(code)}
          >
            {name}
          </Menu.RadioItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function ColourSchemeSwitch() {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light", { getInitialValueInEffect: false }) === "dark";
  const label = dark ? t("shell.light") : t("shell.dark");
  return (
    <Tooltip label={label}>
      <ActionIcon color="gray" aria-label={label} onClick={() => setColorScheme(dark ? "light" : "dark")}>
        {dark ? <IconSun size={20} stroke={1.7} /> : <IconMoon size={20} stroke={1.7} />}
      </ActionIcon>
    </Tooltip>
  );
}
