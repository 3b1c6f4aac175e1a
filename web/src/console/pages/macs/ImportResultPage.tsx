import { Alert, Button, Divider, Group, Stack, Text } from "@mantine/core";
import { IconCircleCheck, IconFileSpreadsheet, IconInfoCircle } from "@tabler/icons-react";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { abandonMacImport, type Accepted, type MacImportView, once, Problem, startMacImport } from "../../../api";
import { useChanged } from "../../../api/changes";
import { useCommand } from "../../../api/useCommand";
import { GeneralRefusal } from "../../../ui/GeneralRefusal";
import { Page } from "../../../ui/Page";
import { useRefusalText } from "../../../ui/refusals";
import { Failure, NoData, Waiting } from "../../../ui/States";
import { Count, Time } from "../../../ui/Text";
import { Advance } from "./Advance";
import { ImportStatus } from "./ImportStatus";
import { shareOf, useImport } from "./importing";
import { RefusedLines } from "./RefusedLines";
import classes from "./macs.module.css";

/** One uploaded list: what the dry run found, the decision, the way into the library, and what came of it. */
export function ImportResultPage() {
  const { t } = useTranslation();
  const { id = "" } = useParams();
  const { data: one, error, refetch } = useImport(id);
  const back = { to: "/mac-library/import", label: t("macs.importTitle") };
  useEffect(() => {
    // The field for the file, where the focus was, is gone: go on from the content, not from the top of the page.
    if (document.activeElement === document.body) document.getElementById("content")?.focus({ preventScroll: true });
  }, []);

  if (error && !one) {
    const unknown = error instanceof Problem && error.status === 404;
    return (
      <Page title={t(unknown ? "state.notFound" : "macs.importTitle")} back={back}>
        <section className="card">
          {unknown ? (
            <NoData hint={t("refusal.import-unknown")} />
          ) : (
            <Failure problem={error} retry={() => void refetch()} />
          )}
        </section>
      </Page>
    );
  }
  return (
    <Page title={t("macs.resultTitle")} back={back} actions={one && <ImportStatus of={one.state} />}>
      {one ? (
        <Stack gap="md">
          <section className="card" aria-label={t("macs.resultTitle")}>
            <Head one={one} />
            <Divider color="var(--line)" />
            <Figures one={one} />
            <Divider color="var(--line)" />
            <Step one={one} />
          </section>
          {one.refused > 0 && <RefusedLines one={one} />}
        </Stack>
      ) : (
        <section className="card" style={{ padding: 20 }}>
          <Waiting lines={4} />
        </section>
      )}
    </Page>
  );
}

function Head({ one }: { one: MacImportView }) {
  const { t } = useTranslation();
  return (
    <div className={classes.state}>
      <div className={classes.fileName}>
        <IconFileSpreadsheet size={26} stroke={1.4} aria-hidden style={{ flex: "none" }} />
        <Text fw={600} miw={0} style={{ overflowWrap: "anywhere" }}>
          <bdi>{one.file_name}</bdi>
        </Text>
      </div>
      <Text size="sm" c="dimmed">
        {t("macs.uploadedAt")}: <Time value={one.created_at} />
      </Text>
    </div>
  );
}

function Figures({ one }: { one: MacImportView }) {
  const { t } = useTranslation();
  const begun = one.state === "running" || one.state === "done";
  const figures = [
    { label: t("macs.rows"), value: one.rows },
    { label: t("macs.valid"), value: one.valid },
    { label: t("macs.refused"), value: one.refused, tone: one.refused > 0 ? "refused" : undefined },
    ...(begun ? [{ label: t("macs.registered"), value: one.registered }] : []),
  ];
  return (
    <dl className={classes.figures}>
      {figures.map(({ label, value, tone }) => (
        <div key={label} className={classes.figure} data-tone={tone}>
          <dt>{label}</dt>
          <dd>
            <Count value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** What is happening, and what can be done about it. */
function Step({ one }: { one: MacImportView }) {
  const { t } = useTranslation();
  switch (one.state) {
    case "staging":
      return (
        <Told text={t("macs.judging")} more={<Advance label={t("macs.judging")} share={shareOf(one)} />}>
          <Abandon one={one} />
        </Told>
      );
    case "judged":
      return <Decision one={one} />;
    case "running":
      return (
        <Told
          text={t("macs.running", { taken: one.taken, valid: one.valid })}
          more={
            <>
              <Advance label={t("macs.runningLabel")} share={shareOf(one)} />
              <Text size="sm" c="dimmed" mt={8}>
                {t("macs.mayLeave")}
              </Text>
            </>
          }
        />
      );
    case "done":
      return (
        <Told
          text={
            <Group gap={8} wrap="nowrap" component="span">
              <IconCircleCheck size={22} color="light-dark(#1f8a4c, #4cc383)" aria-hidden style={{ flex: "none" }} />
              {t("macs.done", { count: one.registered })}
            </Group>
          }
        >
          <Another />
          <Button component={Link} to="/mac-library">
            {t("macs.toLibrary")}
          </Button>
        </Told>
      );
    case "abandoned":
      return (
        <Told text={t("macs.abandoned")}>
          <Another />
        </Told>
      );
  }
}

function Told({ text, more, children }: { text: ReactNode; more?: ReactNode; children?: ReactNode }) {
  return (
    <div style={{ padding: 20 }}>
      <Group justify="space-between" gap="sm">
        <Text fw={600} role="status" component="div" flex="1 1 260px">
          {text}
        </Text>
        {children && <Group gap="sm">{children}</Group>}
      </Group>
      {more && <div style={{ marginBlockStart: 14 }}>{more}</div>}
    </div>
  );
}

function Another() {
  const { t } = useTranslation();
  return (
    <Button component={Link} to="/mac-library/import" variant="default">
      {t("macs.anotherFile")}
    </Button>
  );
}

function useOnImport(one: MacImportView, perform: (importId: string, key: string) => Promise<Accepted>) {
  const changed = useChanged();
  return useCommand<string, Accepted>(perform, {
    onSettled: () => changed("import", "mac"),
    mutationKey: [one.import_id],
  });
}

function Abandon({ one }: { one: MacImportView }) {
  const { t } = useTranslation();
  const text = useRefusalText();
  const abandon = useOnImport(one, (import_id, key) => abandonMacImport({ path: { import_id }, headers: once(key) }));
  return (
    <>
      {abandon.error && <GeneralRefusal text={text(abandon.error)} />}
      <Button variant="default" loading={abandon.isPending} onClick={() => abandon.mutate(one.import_id)}>
        {t("macs.abandon")}
      </Button>
    </>
  );
}

function Decision({ one }: { one: MacImportView }) {
  const { t } = useTranslation();
  const text = useRefusalText();
  const start = useOnImport(one, (import_id, key) => startMacImport({ path: { import_id }, headers: once(key) }));
  return (
    <Told
      text={one.valid > 0 ? t("macs.judged", { count: one.valid }) : t("macs.nothingValid")}
      more={
        <Stack gap="sm">
          <Alert color="gray" variant="light" icon={<IconInfoCircle aria-hidden />}>
            {t("macs.notYet")}
          </Alert>
          {start.error && <GeneralRefusal text={text(start.error)} />}
        </Stack>
      }
    >
      <Abandon one={one} />
      {one.valid > 0 && (
        <Button loading={start.isPending} onClick={() => start.mutate(one.import_id)}>
          {t("macs.start")}
        </Button>
      )}
    </Told>
  );
}
