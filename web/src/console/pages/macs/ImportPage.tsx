import { Anchor, Button, FileButton, Stack, Text, Title } from "@mantine/core";
import { IconDownload, IconFileSpreadsheet, IconFileUpload } from "@tabler/icons-react";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import type { Accepted, MacImportView } from "../../../api";
import { useChanged } from "../../../api/changes";
import { upload } from "../../../api/upload";
import { useCommand } from "../../../api/useCommand";
import { GeneralRefusal } from "../../../ui/GeneralRefusal";
import { Page } from "../../../ui/Page";
import { type Column, PlainList } from "../../../ui/PagedList";
import { useRefusalText } from "../../../ui/refusals";
import { NoData } from "../../../ui/States";
import { Count, Time } from "../../../ui/Text";
import { useSession } from "../../session";
import { Advance } from "./Advance";
import { ImportStatus } from "./ImportStatus";
import { shareOf, useImports } from "./importing";
import classes from "./macs.module.css";

const endings = [".xlsx", ".xls", ".ods", ".csv"];
const mostBytes = 12 * 2 ** 20;

interface Choice {
  file: File;
  /** A file says nothing of itself as JSON; these tell a repeat of the same one from another. */
  name: string;
  size: number;
  modified: number;
}

export function ImportPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const changed = useChanged();
  const text = useRefusalText();
  const ending = useRef<AbortController>(null);
  const [share, setShare] = useState(0);
  const [wrong, setWrong] = useState<string | null>(null);
  const send = useCommand<Choice, Accepted>(
    ({ file }, key) => {
      ending.current = new AbortController();
      return upload({
        path: "/api/v1/macs/imports",
        file,
        key,
        signal: ending.current.signal,
        onProgress: setShare,
      });
    },
    {
      onSuccess: async ({ id }) => {
        await changed("import");
        navigate(`/mac-library/import/${id}`);
      },
    },
  );
  useEffect(() => () => ending.current?.abort(), []);
  useEffect(() => {
    // A file let go beside the field would be opened in place of the page.
    const stay = (event: Event) => event.preventDefault();
    addEventListener("dragover", stay);
    addEventListener("drop", stay);
    return () => {
      removeEventListener("dragover", stay);
      removeEventListener("drop", stay);
    };
  }, []);

  const choose = (file: File | null) => {
    if (!file || send.isPending) return;
    setShare(0);
    setWrong(null);
    send.reset();
    if (!endings.some((end) => file.name.toLowerCase().endsWith(end))) return setWrong(t("macs.notASheet"));
    if (file.size === 0) return setWrong(t("macs.emptyFile"));
    if (file.size > mostBytes) return setWrong(t("refusal.file-too-large"));
    send.mutate({ file, name: file.name, size: file.size, modified: file.lastModified });
  };
  const refusal = wrong ?? (send.error && send.error.name !== "AbortError" ? text(send.error) : null);

  return (
    <Page title={t("macs.importTitle")} back={{ to: "/mac-library", label: t("module.macLibrary") }}>
      <div className={classes.choice}>
        <Stack gap="sm" miw={0}>
          {send.isPending ? (
            <Sending
              name={send.variables.name}
              share={share}
              cancel={() => {
                ending.current?.abort();
                send.reset();
              }}
            />
          ) : (
            <Drop onFile={choose} />
          )}
          <GeneralRefusal text={refusal} />
        </Stack>
        <Template />
      </div>
      <Title order={2} fz={17} mt="xl" mb="sm">
        {t("macs.earlier")}
      </Title>
      <EarlierImports />
    </Page>
  );
}

function Drop({ onFile }: { onFile: (file: File | null) => void }) {
  const { t } = useTranslation();
  const [over, setOver] = useState(false);
  const hold = (event: DragEvent) => {
    event.preventDefault();
    setOver(true);
  };
  return (
    <section
      aria-label={t("macs.file")}
      className={classes.drop}
      data-over={over || undefined}
      onDragEnter={hold}
      onDragOver={hold}
      onDragLeave={({ currentTarget, relatedTarget }) => {
        if (!(relatedTarget instanceof Node) || !currentTarget.contains(relatedTarget)) setOver(false);
      }}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onFile(event.dataTransfer.files[0] ?? null);
      }}
    >
      <IconFileUpload size={44} stroke={1.3} aria-hidden color="var(--mantine-color-dimmed)" />
      <Text fw={600}>{t("macs.dropHere")}</Text>
      <FileButton onChange={onFile} accept={endings.join(",")}>
        {(props) => <Button {...props}>{t("macs.chooseFile")}</Button>}
      </FileButton>
      <Text size="sm" c="dimmed" maw={420}>
        {t("macs.fileKinds", { most: 100_000 })}
      </Text>
      <Text size="sm" c="dimmed" maw={420}>
        {t("macs.dryRunFirst")}
      </Text>
    </section>
  );
}

function Sending({ name, share, cancel }: { name: string; share: number; cancel: () => void }) {
  const { t } = useTranslation();
  const sent = share >= 1;
  // The gateway hands the rows over before it answers; the list of imports tells how many of them.
  const judging = useImports().data?.rows.find(({ state, file_name }) => state === "staging" && file_name === name);
  return (
    <section aria-label={t("macs.file")} aria-busy className={classes.drop} style={{ borderStyle: "solid" }}>
      <IconFileSpreadsheet size={44} stroke={1.3} aria-hidden color="var(--mantine-color-dimmed)" />
      <Text fw={600}>
        <bdi>{name}</bdi>
      </Text>
      <Text size="sm" c="dimmed" role="status">
        {t(sent ? "macs.judging" : "macs.uploading")}
      </Text>
      <div style={{ width: "min(100%, 420px)" }}>
        {sent ? (
          <Advance label={t("macs.judging")} share={judging ? shareOf(judging) : 0} />
        ) : (
          <Advance label={t("macs.uploading")} share={Math.floor(share * 100)} />
        )}
      </div>
      <Button variant="default" onClick={cancel}>
        {t("action.cancel")}
      </Button>
    </section>
  );
}

/** The corner of a sheet, row by row: letters above, numbers in front. */
const cells = [
  ...["", "A", "B", "C", "D"],
  ...["1", "MAC", "", "", ""],
  ...["2", "0C110512BC97", "", "", ""],
  ...["3", "0C110512BC98", "", "", ""],
];

/** Where the template comes from, what it looks like, and the same file to take along (M-04, M-06). */
function Template() {
  const { t } = useTranslation();
  const { role } = useSession();
  return (
    <section className="card" aria-labelledby="template">
      <Stack gap="sm" p="md">
        <Title order={2} fz={15} id="template">
          {t("macs.template")}
        </Title>
        <Text size="sm" c="dimmed">
          {t(role === "distributor" ? "macs.templateOwn" : "macs.templateFrom")}
        </Text>
        <div className={classes.sheet} dir="ltr" role="img" aria-label={t("macs.templateLooks")}>
          {cells.map((value, place) => (
            <span key={place} data-edge={place < 5 || place % 5 === 0 || undefined}>
              {value}
            </span>
          ))}
        </div>
        <Text size="sm" c="dimmed">
          {t("macs.templateRule")}
          {role === "distributor" && ` ${t("macs.templateCodes")}`}
        </Text>
        <Button
          component="a"
          href="/api/v1/macs/template.xlsx"
          download
          variant="default"
          leftSection={<IconDownload size={17} aria-hidden />}
        >
          {t("macs.downloadTemplate")}
        </Button>
      </Stack>
    </section>
  );
}

function EarlierImports() {
  const { t } = useTranslation();
  const result = useImports();
  const shown: Column<MacImportView>[] = [
    {
      key: "file",
      label: t("macs.file"),
      lead: true,
      render: (one) => (
        <Anchor component={Link} to={`/mac-library/import/${one.import_id}`} inherit fw={600}>
          <bdi>{one.file_name}</bdi>
        </Anchor>
      ),
    },
    { key: "state", label: t("macs.importState"), width: 170, render: (one) => <ImportStatus of={one.state} /> },
    { key: "rows", label: t("macs.rows"), width: 110, render: (one) => <Count value={one.rows} /> },
    { key: "registered", label: t("macs.registered"), width: 150, render: (one) => <Count value={one.registered} /> },
    { key: "refused", label: t("macs.refused"), width: 120, render: (one) => <Count value={one.refused} /> },
    { key: "created", label: t("macs.uploadedAt"), width: 180, render: (one) => <Time value={one.created_at} /> },
  ];
  return (
    <PlainList
      label={t("macs.earlier")}
      columns={shown}
      rowKey={(one) => one.import_id}
      rows={result.data?.rows}
      error={result.error}
      refetch={() => void result.refetch()}
      empty={<NoData hint={t("macs.noImports")} />}
    />
  );
}
