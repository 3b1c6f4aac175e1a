import { Select, Text, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Trans, useTranslation } from "react-i18next";
import { fresh, listDistributors, listInstallers, type MacPlace, moveMac, once } from "../../../api";
import { useChanged } from "../../../api/changes";
import { useCommand } from "../../../api/useCommand";
import { FormDialog } from "../../../ui/Dialog";
import { sortRefusals, toastDone } from "../../../ui/refusals";
import { MacText } from "../devices/MacText";

interface Choice {
  value: string;
  label: string;
}

/** What was chosen stays among the choices, whatever is typed afterwards. */
function withChosen(found: Choice[], chosen: Choice | null): Choice[] {
  return !chosen || found.some(({ value }) => value === chosen.value) ? found : [chosen, ...found];
}

/** What somebody typed into a searchable field, once they paused; what is chosen already is no question. */
function useTyped(text: string, chosen: Choice | null): string {
  const [typed] = useDebouncedValue(text.trim(), 250);
  return typed === chosen?.label ? "" : typed;
}

export function MoveMacDialog({ place, onClose }: { place: MacPlace; onClose: () => void }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const [distributor, setDistributor] = useState<Choice | null>(null);
  const [installer, setInstaller] = useState<Choice | null>(null);
  const [distributorText, setDistributorText] = useState("");
  const [installerText, setInstallerText] = useState("");
  const [reason, setReason] = useState("");
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [refusal, setRefusal] = useState<string | null>(null);
  const distributorTyped = useTyped(distributorText, distributor);
  const installerTyped = useTyped(installerText, installer);
  const distributors = useQuery({
    queryKey: ["distributors", "choices", distributorTyped],
    queryFn: ({ signal }) => listDistributors({ query: fresh({ per_page: 50, q: distributorTyped }), signal }),
    placeholderData: keepPreviousData,
  });
  const installers = useQuery({
    queryKey: ["installers", "choices", installerTyped],
    queryFn: ({ signal }) => listInstallers({ query: fresh({ per_page: 100, q: installerTyped }), signal }),
    enabled: distributor !== null,
    placeholderData: keepPreviousData,
  });
  const move = useCommand(
    (body: { distributor_id: string; installer_id: string | null; reason: string }, key) =>
      moveMac({ path: { mac: place.mac }, body, headers: once(key) }),
    {
      onSuccess: async () => {
        toastDone(t("macs.moved"));
        onClose();
        await changed("mac");
      },
      onError: (problem) => {
        const { byField, general } = sortRefusals(problem, ["distributor_id", "installer_id", "reason"]);
        setWrong(byField);
        setRefusal(general);
      },
    },
  );
  const forDistributor = withChosen(
    (distributors.data?.rows ?? []).map(({ distributor_id, name }) => ({ value: distributor_id, label: name })),
    distributor,
  );
  const below = installers.data?.rows.filter(({ distributor_id }) => distributor_id === distributor?.value) ?? [];
  const forInstaller = withChosen(
    below.map(({ installer_id, name }) => ({ value: installer_id, label: name })),
    installer,
  );
  return (
    <FormDialog
      title={t("macs.moveTitle")}
      opened
      onClose={onClose}
      busy={move.isPending}
      refusal={refusal}
      ready={distributor !== null && reason.trim() !== ""}
      submitLabel={t("macs.move")}
      onSubmit={() => {
        setRefusal(null);
        setWrong({});
        if (distributor)
          move.mutate({
            distributor_id: distributor.value,
            installer_id: installer?.value ?? null,
            reason: reason.trim(),
          });
      }}
    >
      <Text size="sm">
        <Trans i18nKey="macs.moveExplain" components={{ mac: <MacText value={place.mac} fw={600} /> }} />
      </Text>
      <Select
        label={t("macs.moveToDistributor")}
        withAsterisk
        required
        searchable
        data={forDistributor}
        filter={({ options }) => options}
        value={distributor?.value ?? null}
        searchValue={distributorText}
        onSearchChange={setDistributorText}
        onChange={(_, option) => {
          setDistributor(option ? { value: option.value, label: option.label } : null);
          setInstaller(null);
          setInstallerText("");
        }}
        nothingFoundMessage={t("macs.noSuchPlace")}
        error={wrong.distributor_id}
      />
      <Select
        label={t("macs.moveToInstaller")}
        description={t("macs.moveToInstallerHint")}
        searchable
        clearable
        disabled={distributor === null}
        data={forInstaller}
        filter={({ options }) => options}
        value={installer?.value ?? null}
        searchValue={installerText}
        onSearchChange={setInstallerText}
        onChange={(_, option) => setInstaller(option ? { value: option.value, label: option.label } : null)}
        nothingFoundMessage={t("macs.noSuchPlace")}
        error={wrong.installer_id}
      />
      <Textarea
        label={t("macs.moveReason")}
        description={t("macs.moveReasonHint")}
        withAsterisk
        required
        autosize
        minRows={2}
        maxLength={256}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        error={wrong.reason}
      />
    </FormDialog>
  );
}
