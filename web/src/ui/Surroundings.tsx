// What every application stands in: theme, colour scheme, direction, questions to the gateway, toasts.
import { DirectionProvider, localStorageColorSchemeManager, MantineProvider, useDirection } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { directionOf } from "../i18n";
import { queries } from "./queries";
import { theme } from "./theme";

const colourSchemes = localStorageColorSchemeManager({ key: "smartplus.colour-scheme" });

function FollowLanguage() {
  const { i18n } = useTranslation();
  const { setDirection } = useDirection();
  const direction = directionOf(i18n.language);
  useEffect(() => setDirection(direction), [direction, setDirection]);
  return null;
}

export function Surroundings({ children }: { children: ReactNode }) {
  const { i18n } = useTranslation();
  return (
    <DirectionProvider initialDirection={directionOf(i18n.language)} detectDirection>
      <FollowLanguage />
      <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={colourSchemes}>
        {/* Not at the bottom, where forms have their buttons. */}
        <Notifications position="top-center" limit={4} mt={48} />
        <QueryClientProvider client={queries}>{children}</QueryClientProvider>
      </MantineProvider>
    </DirectionProvider>
  );
}
