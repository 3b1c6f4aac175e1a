// What every application stands in: theme, colour scheme, direction, questions to the gateway, toasts.
import { DirectionProvider, localStorageColorSchemeManager, MantineProvider, useDirection } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api";
import { directionOf } from "../i18n";
import { theme } from "./theme";

const colourSchemes = localStorageColorSchemeManager({ key: "smartplus.colour-scheme" });

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // Only what may pass by itself is asked again; a refusal stays a refusal.
      retry: (failures, problem) => problem instanceof Problem && problem.indeterminate && failures < 2,
      retryDelay: (failures) => 500 * 2 ** failures,
    },
  },
});

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
