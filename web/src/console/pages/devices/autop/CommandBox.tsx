// A box for AutoP lines. What is refused is told line by line; what can cut a device off asks for a typed word first.
import { Alert, List, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Problem } from "../../../../api";
import { refusalText } from "../../../../ui/refusals";
import { useSession } from "../../../session";
import classes from "../one/device.module.css";

/** `Line 3: this is not a setting`, for each refused line; null when the refusal is about something else. */
export function refusedLines(problem: Problem | null): { line: number; text: string }[] | null {
  if (!problem || (problem.code !== "autop-invalid" && problem.code !== "invalid")) return null;
  const lines = problem.errors
    .map(({ field, code, detail }) => ({
      line: Number(field.match(/(?:text|lines)\D+(\d+)$/)?.[1]),
      text: refusalText(code, detail),
    }))
    .filter(({ line }) => line > 0);
  return lines.length > 0 ? lines : null;
}

export function RefusedLines({ problem }: { problem: Problem | null }) {
  const { t } = useTranslation();
  const lines = refusedLines(problem);
  if (!lines) return null;
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle aria-hidden />} role="alert">
      <Text size="sm" fw={600} mb={4}>
        {t("autop.linesRefused")}
      </Text>
      <List size="sm" spacing={2}>
        {lines.slice(0, 20).map(({ line, text }) => (
          <List.Item key={line}>
            {t("autop.line", { line })} {text}
          </List.Item>
        ))}
      </List>
      {lines.length > 20 && t("autop.linesMore", { count: lines.length - 20 })}
    </Alert>
  );
}

interface CommandBoxProps {
  label: string;
  description?: string;
  value: string;
  onChange: (text: string) => void;
  error?: string | null;
  minRows?: number;
  autofocus?: boolean;
  required?: boolean;
}

/** Closed under account access: what is said where the lines would stand is that the holder alone sets them. */
export function CommandBox({ label, description, value, onChange, error, minRows = 5, ...rest }: CommandBoxProps) {
  const { t } = useTranslation();
  const forHolder = !!useSession().impersonator_id;
  return (
    <Textarea
      label={label}
      description={forHolder ? t("refusal.for-the-holder-alone") : description}
      disabled={forHolder}
      placeholder="Config.Account1.GENERAL.Label = Front door"
      className={classes.commands}
      autosize
      minRows={minRows}
      maxRows={16}
      spellCheck={false}
      autoComplete="off"
      withAsterisk={rest.required}
      required={rest.required}
      data-autofocus={rest.autofocus || undefined}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
    />
  );
}

/** Whether what was typed is the word that was asked for. */
export function useConfirmed(typed: string): boolean {
  const { t } = useTranslation();
  return typed.trim().toLocaleLowerCase() === t("autop.confirmWord").toLocaleLowerCase();
}

export function ConfirmDanger({ typed, onType }: { typed: string; onType: (text: string) => void }) {
  const { t } = useTranslation();
  return (
    <Alert color="orange" variant="light" icon={<IconAlertTriangle aria-hidden />} role="alert">
      <Stack gap="sm">
        <Text size="sm" fw={600}>
          {t("autop.dangerTitle")}
        </Text>
        {t("autop.danger")}
        <TextInput
          label={t("autop.confirmLabel", { word: t("autop.confirmWord") })}
          autoComplete="off"
          maw={320}
          value={typed}
          onChange={(event) => onType(event.currentTarget.value)}
        />
      </Stack>
    </Alert>
  );
}
