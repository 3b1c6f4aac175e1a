import { Anchor, Button, List, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconBook, IconDownload, IconExternalLink, IconHeadset, IconInfoCircle, IconTicket } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Page } from "../../../ui/Page";
import { Failure } from "../../../ui/States";
import { Absent } from "../../../ui/Text";
import { useAbout } from "../../../api/reference";
import classes from "./HelpPage.module.css";

function Block({ icon, title, children }: { icon: ReactNode; title: string; children: ReactNode }) {
  return (
    <section className={`card ${classes.block}`}>
      <Title order={2} fz={16} className={classes.title}>
        {icon}
        {title}
      </Title>
      {children}
    </section>
  );
}

function Contact({ label, value, scheme }: { label: string; value: string; scheme: "mailto" | "tel" }) {
  return (
    <div className={classes.fact}>
      <dt>{label}</dt>
      <dd>
        {value ? (
          <Anchor href={`${scheme}:${value}`} dir="ltr" className="machine" inherit>
            {value}
          </Anchor>
        ) : (
          <Absent />
        )}
      </dd>
    </div>
  );
}

const scope = ["single_family_houses", "single_tenant_residents", "devices", "remote_maintenance"] as const;

export function HelpPage() {
  const { t } = useTranslation();
  const { data: about, error, refetch } = useAbout();
  const icon = { size: 20, stroke: 1.7, "aria-hidden": true } as const;
  if (error && !about) {
    return (
      <Page title={t("help.title")}>
        <section className="card">
          <Failure problem={error} retry={() => void refetch()} />
        </section>
      </Page>
    );
  }
  const ticket = about?.ticket_url || (about?.support_email ? `mailto:${about.support_email}` : null);
  return (
    <Page title={t("help.title")}>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Block icon={<IconHeadset {...icon} />} title={t("help.contact")}>
          {about ? (
            <dl className={classes.facts}>
              <Contact label={t("help.sales")} value={about.sales_email} scheme="mailto" />
              <Contact label={t("help.support")} value={about.support_email} scheme="mailto" />
              <Contact label={t("help.telephone")} value={about.telephone} scheme="tel" />
            </dl>
          ) : (
            <Skeleton height={90} />
          )}
        </Block>
        <Block icon={<IconTicket {...icon} />} title={t("help.tickets")}>
          <Stack gap="md" align="flex-start">
            <Text size="sm" c="dimmed">
              {about && !about.ticket_url ? t("help.ticketsByMail") : t("help.ticketsExplain")}
            </Text>
            {about && !ticket && <Absent />}
            {about ? (
              ticket && (
                <Button
                  component="a"
                  href={ticket}
                  target={about.ticket_url ? "_blank" : undefined}
                  rel="noreferrer"
                  variant="default"
                  rightSection={<IconExternalLink size={16} className="mirrored" aria-hidden />}
                >
                  {t("help.openTicket")}
                </Button>
              )
            ) : (
              <Skeleton height={36} width={160} />
            )}
          </Stack>
        </Block>
        <Block icon={<IconBook {...icon} />} title={t("help.manuals")}>
          {about ? (
            <Stack gap="md" align="flex-start">
              <Text size="sm" c="dimmed">
                {t("help.manualsExplain")}
              </Text>
              {about.manuals_url ? (
                <Button
                  component="a"
                  href={about.manuals_url}
                  target="_blank"
                  rel="noreferrer"
                  variant="default"
                  leftSection={<IconDownload size={16} aria-hidden />}
                >
                  {t("help.openManuals")}
                </Button>
              ) : (
                <Absent />
              )}
            </Stack>
          ) : (
            <Skeleton height={90} />
          )}
        </Block>
        <Block icon={<IconInfoCircle {...icon} />} title={t("help.about")}>
          <Text size="sm" fw={600} mb={4}>
            <span dir="ltr">
              {t("product")} {about?.version ?? ""}
            </span>
          </Text>
          <Text size="sm" c="dimmed">
            {t("help.scope")}
          </Text>
          <List size="sm" c="dimmed" mt={6} spacing={2}>
            {scope.map((part) => (
              <List.Item key={part}>{t(`scope.${part}`)}</List.Item>
            ))}
          </List>
        </Block>
      </SimpleGrid>
    </Page>
  );
}
