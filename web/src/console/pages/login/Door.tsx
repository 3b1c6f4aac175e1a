// The frame of the pages before the console: a card in the middle, preferences in the corner.
import { Box, Center, Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useDocumentTitle } from "../../../ui/Page";
import { Mark } from "../../shell/Brand";
import { ColourSchemeSwitch, LanguageSwitch } from "../../shell/Preferences";

interface DoorProps {
  title: string;
  explain?: ReactNode;
  region?: string;
  children: ReactNode;
}

export function Door({ title, explain, region, children }: DoorProps) {
  const { t } = useTranslation();
  useDocumentTitle(title);
  return (
    <Stack mih="100dvh" gap={0}>
      <Group component="header" justify="flex-end" gap={4} p={12}>
        <LanguageSwitch />
        <ColourSchemeSwitch />
      </Group>
      <Center component="main" flex={1} px="md" pb={72}>
        <Box w="100%" maw={400}>
          <Stack align="center" gap={10} mb="lg">
            <Mark size={44} />
            <Box ta="center">
              <Text fw={700} fz={20} dir="ltr">
                {t("product")}
              </Text>
              <Text c="dimmed" size="sm" mih={20}>
                {region && <bdi>{region}</bdi>}
              </Text>
            </Box>
          </Stack>
          <section className="card" style={{ padding: 24 }} aria-labelledby="door-title">
            <Title order={1} fz={20} id="door-title" mb={explain ? 4 : "md"}>
              {title}
            </Title>
            {explain && (
              <Text c="dimmed" size="sm" mb="md">
                {explain}
              </Text>
            )}
            {children}
          </section>
        </Box>
      </Center>
    </Stack>
  );
}
