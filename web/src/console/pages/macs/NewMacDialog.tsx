import { Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Trans, useTranslation } from "react-i18next";
import { once, registerMac } from "../../../api";
import { useCommand } from "../../../api/useCommand";
import { FormDialog } from "../../../ui/Dialog";
import { sortRefusals, toastDone } from "../../../ui/refusals";
import { MacText } from "../devices/MacText";
import { macDigits } from "../devices/mac";

export function NewMacDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const register = useCommand((mac: string, key) => registerMac({ body: { mac }, headers: once(key) }), {
    onSuccess: async () => {
      toastDone(t("macs.added"));
      onClose();
      await queries.invalidateQueries({ queryKey: ["macs"] });
    },
    onError: (problem) => {
      const { byField, general } = sortRefusals(problem, ["mac"]);
      setWrong(byField.mac ?? null);
      setRefusal(general);
    },
  });
  const digits = macDigits(text);
  return (
    <FormDialog
      title={t("macs.addTitle")}
      opened
      onClose={onClose}
      busy={register.isPending}
      refusal={refusal}
      ready={text.trim() !== ""}
      onSubmit={() => {
        setRefusal(null);
        if (digits) register.mutate(digits);
        else setWrong(t("refusal.mac-malformed"));
      }}
    >
      <TextInput
        label={t("macs.mac")}
        description={t("macs.anyNotation")}
        withAsterisk
        required
        dir="ltr"
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        maxLength={64}
        data-autofocus
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setWrong(null);
        }}
        error={wrong}
      />
      {digits && digits !== text && !wrong && (
        <Text size="sm" c="dimmed">
          <Trans i18nKey="macs.storedAs" components={{ mac: <MacText value={digits} fw={600} /> }} />
        </Text>
      )}
    </FormDialog>
  );
}
