// The frame of every page: one h1, what can be done at its end, and the document's title.
import { Anchor, Box, Group, Title } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

interface PageProps {
  title: string;
  /** The heading when it is more than the title, such as a name in its own direction. */
  heading?: ReactNode;
  back?: { to: string; label: string };
  actions?: ReactNode;
  children: ReactNode;
}

export function useDocumentTitle(title: string): void {
  const { t } = useTranslation();
  const product = t("product");
  useEffect(() => {
    document.title = `${title} · ${product}`;
  }, [title, product]);
}

export function Page({ title, heading, back, actions, children }: PageProps) {
  useDocumentTitle(title);
  return (
    <Box maw="var(--page-max)" mx="auto">
      {back && (
        <Anchor
          component={Link}
          to={back.to}
          size="sm"
          mb={6}
          display="inline-flex"
          style={{ alignItems: "center", gap: 4 }}
        >
          <IconArrowLeft size={16} className="mirrored" aria-hidden />
          {back.label}
        </Anchor>
      )}
      <Group justify="space-between" align="center" mb="md" mih={36} gap="sm">
        <Title order={1} fz={{ base: 22, sm: 26 }} style={{ minWidth: 0 }}>
          {heading ?? title}
        </Title>
        {actions && <Group gap="sm">{actions}</Group>}
      </Group>
      {children}
    </Box>
  );
}
