// AutoP for up to 500 devices at once: the lines, the devices, what would happen on each, and then the submit.
import { Button, Radio, Stack, Text, VisuallyHidden } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useSearchParams } from "react-router";
import {
  type AutopChange,
  type AutopKind,
  type AutopLine,
  type AutopPreview,
  fresh,
  getUser,
  previewAutop,
  Problem,
} from "../../../../api";
import { GeneralRefusal } from "../../../../ui/GeneralRefusal";
import { Section } from "../../../../ui/Form";
import { Page } from "../../../../ui/Page";
import plain from "../../../../ui/Plain.module.css";
import { toastDone, useRefusalText } from "../../../../ui/refusals";
import { CommandBox, ConfirmDanger, RefusedLines, refusedLines } from "./CommandBox";
import { useAutop } from "./useAutop";
import { MacText } from "../MacText";
import states from "../one/device.module.css";
import classes from "./autop.module.css";
import { DevicePicker, devicesMax, type Selected } from "./DevicePicker";

const typingMs = 500;
const changesShown = 20;

export function NewAutopPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [parameters] = useSearchParams();
  const from = parameters.get("user") ?? "";
  const household = useQuery({
    queryKey: ["user", from],
    queryFn: ({ signal }) => getUser({ path: { user_id: from }, query: fresh(), signal }),
    enabled: from !== "",
  }).data;
  const [kind, setKind] = useState<AutopKind>("regular");
  const [text, setText] = useState("");
  const [selected, setSelected] = useState<Selected>(new Map());
  const device_ids = useMemo(() => [...selected.keys()], [selected]);
  const draft = useMemo(() => ({ kind, text, device_ids }), [kind, text, device_ids]);
  const [settled] = useDebouncedValue(draft, typingMs);
  const askable =
    settled.text.trim() !== "" && settled.device_ids.length > 0 && settled.device_ids.length <= devicesMax;
  const preview = useQuery({
    queryKey: ["autop-preview", settled],
    queryFn: ({ signal }) => previewAutop({ body: settled, signal }),
    enabled: askable,
    placeholderData: keepPreviousData,
    gcTime: 0,
    staleTime: 0,
  });
  const autop = useAutop((accepted) => {
    toastDone(t("autop.submitted"));
    navigate(`/device/autop/${accepted.id}`);
  });
  const change = (what: () => void) => {
    what();
    autop.forget();
  };
  const back = from
    ? { to: `/user/${from}/devices`, label: household?.name ?? t("user.tabDevices") }
    : { to: "/device/autop", label: t("autop.title") };
  const tooMany = selected.size > devicesMax;
  const complete = text.trim() !== "" && selected.size > 0 && !tooMany;
  const problem = preview.error instanceof Problem ? preview.error : null;
  const shown = askable && !problem ? preview.data : undefined;
  const asksWord = autop.danger || !!shown?.dangerous;
  return (
    <Page
      title={t("autop.newTitle")}
      back={back}
      actions={
        <Button
          component={Link}
          to="/device/autop"
          variant="default"
          leftSection={<IconHistory size={17} aria-hidden />}
        >
          {t("autop.batches")}
        </Button>
      }
    >
      <div className="card">
        <Section title={t("autop.kind")} explain={t("autop.kindExplain")} columns={1}>
          <Radio.Group
            label={<VisuallyHidden>{t("autop.kind")}</VisuallyHidden>}
            value={kind}
            onChange={(value) => change(() => setKind(value as AutopKind))}
          >
            <Stack gap="sm">
              <Radio value="regular" label={t("autop.kinds.regular")} description={t("autop.regularHint")} />
              <Radio value="one_time" label={t("autop.kinds.one_time")} description={t("autop.oneTimeHint")} />
            </Stack>
          </Radio.Group>
        </Section>
        <Section title={t("autop.commands")} explain={t("autop.commandsExplain")} columns={1}>
          <CommandBox
            label={t("autop.commands")}
            value={text}
            required
            minRows={6}
            onChange={(typed) => change(() => setText(typed))}
          />
          <RefusedLines problem={problem ?? autop.problem} />
        </Section>
        <Section title={t("autop.devices")} explain={t("autop.devicesExplain", { most: devicesMax })} columns={1}>
          <DevicePicker
            household={household && { user_id: household.user_id, name: household.name }}
            selected={selected}
            onSelect={(next) => change(() => setSelected(next))}
          />
          <GeneralRefusal text={tooMany ? t("autop.tooMany", { most: devicesMax }) : null} />
        </Section>
        <Section title={t("autop.preview")} explain={t("autop.previewExplain")} columns={1}>
          {shown ? (
            <Preview
              preview={shown}
              kind={kind}
              devices={selected.size}
              stale={preview.isPlaceholderData || settled !== draft}
            />
          ) : (
            <PreviewMissing problem={problem} asking={askable && preview.isFetching} />
          )}
          {asksWord && <ConfirmDanger typed={autop.typed} onType={autop.setTyped} />}
        </Section>
        <div className={plain.footer}>
          <GeneralRefusal text={autop.refusal} />
          <Text size="sm" c="dimmed" me="auto" style={{ alignSelf: "center" }}>
            {t("autop.selected", { selected: selected.size, most: devicesMax })}
          </Text>
          <Button variant="default" onClick={() => navigate(back.to)}>
            {t("action.cancel")}
          </Button>
          <Button
            loading={autop.busy}
            disabled={!complete || (asksWord && !autop.confirmed)}
            aria-describedby={complete ? undefined : "missing"}
            onClick={() => autop.submit(draft)}
          >
            {t("action.submit")}
          </Button>
          {!complete && <VisuallyHidden id="missing">{t("autop.missing")}</VisuallyHidden>}
        </div>
      </div>
    </Page>
  );
}

function PreviewMissing({ problem, asking }: { problem: Problem | null; asking: boolean }) {
  const { t } = useTranslation();
  const text = useRefusalText();
  if (problem && !refusedLines(problem)) return <GeneralRefusal text={text(problem)} />;
  return (
    <Text size="sm" c="dimmed" role="status">
      {t(problem ? "autop.previewRefused" : asking ? "state.loading" : "autop.previewNone")}
    </Text>
  );
}

interface PreviewProps {
  preview: AutopPreview;
  kind: AutopKind;
  devices: number;
  stale: boolean;
}

function Preview({ preview, kind, devices, stale }: PreviewProps) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const changes = all ? preview.changes : preview.changes.slice(0, changesShown);
  return (
    <div className={classes.preview} data-stale={stale || undefined}>
      <ol dir="ltr" className={classes.previewLines} aria-label={t("autop.commands")}>
        {preview.lines.map((line) => (
          <PreviewLine key={line.number} line={line} />
        ))}
      </ol>
      {kind === "regular" && (
        <>
          <Text size="sm" fw={600} mt="md" mb={6}>
            {t("autop.perDevice")}
          </Text>
          <ul className={classes.changes}>
            {changes.map((change) => (
              <Change key={change.device_id} change={change} />
            ))}
          </ul>
          {!all && preview.changes.length > changesShown && (
            <Button size="xs" variant="default" mt="sm" onClick={() => setAll(true)}>
              {t("autop.showAll", { count: preview.changes.length })}
            </Button>
          )}
        </>
      )}
      {kind === "one_time" && (
        <Text size="sm" c="dimmed" mt="md">
          {t("autop.runsOnce", { count: devices })}
        </Text>
      )}
    </div>
  );
}

function Verdict({ tone, text }: { tone: "over" | "doubt" | "bad"; text: string }) {
  return (
    <bdi className={states.state} data-tone={tone}>
      {text}
    </bdi>
  );
}

function PreviewLine({ line }: { line: AutopLine }) {
  const { t } = useTranslation();
  const dropped = line.verdict !== "kept";
  return (
    <li className={classes.previewLine} data-dropped={dropped || undefined}>
      <span className={classes.number} aria-hidden>
        {line.number}
      </span>
      <code>{line.text}</code>
      {line.verdict === "duplicate" && <Verdict tone="over" text={t("autop.verdict.duplicate")} />}
      {line.verdict === "overridden" && <Verdict tone="doubt" text={t("autop.verdict.overridden")} />}
      {line.danger && !dropped && <Verdict tone="bad" text={t("autop.verdict.danger")} />}
    </li>
  );
}

function Change({ change }: { change: AutopChange }) {
  const { t } = useTranslation();
  const { added, changed, same } = change;
  const nothing = added.length + changed.length === 0;
  return (
    <li>
      <details>
        <summary>
          <bdi style={{ fontWeight: 600 }}>{change.device_name}</bdi> <MacText value={change.mac} c="dimmed" />{" "}
          <Text span size="sm" c="dimmed">
            {nothing
              ? t("autop.changesNothing")
              : t("autop.changes", { added: added.length, changed: changed.length, same })}
          </Text>
        </summary>
        {!nothing && (
          <div className={classes.keys} dir="ltr">
            {added.map((key) => (
              <code key={key}>+ {key}</code>
            ))}
            {changed.map((key) => (
              <code key={key}>~ {key}</code>
            ))}
          </div>
        )}
      </details>
    </li>
  );
}
