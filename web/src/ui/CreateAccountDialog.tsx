// A new console account below one's own: its name, its login, and where the initial credential may be mailed.
import { Select, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { CredentialAccepted, TimeZone } from "../api";
import { useCommand } from "../api/useCommand";
import { FormDialog } from "./Dialog";
import { sortRefusals } from "./refusals";

export interface AccountForm {
  name: string;
  email: string;
  time_zone: string;
}

interface CreateAccountDialogProps {
  title: string;
  explain: string;
  zones: TimeZone[];
  perform: (form: AccountForm, key: string) => Promise<CredentialAccepted>;
  onClose: () => void;
  onDone: (form: AccountForm, done: CredentialAccepted) => void;
}

export function CreateAccountDialog({ title, explain, zones, perform, onClose, onDone }: CreateAccountDialogProps) {
  const { t } = useTranslation();
  const [refusal, setRefusal] = useState<string | null>(null);
  const form = useForm<AccountForm>({
    initialValues: {
      name: "",
      email: "",
      time_zone: "",
    },
  });
  const { values } = form;
  // Browsers report names that have been replaced since; the list has the present ones.
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zone = values.time_zone || (zones.find(({ id, former }) => id === here || former?.includes(here))?.id ?? "UTC");
  const create = useCommand<AccountForm, CredentialAccepted>(perform, {
    onSuccess: (done, sent) => onDone(sent, done),
    onError: (problem) => {
      const { byField, general } = sortRefusals(problem, Object.keys(values));
      form.setErrors(byField);
      setRefusal(general);
    },
  });
  return (
    <FormDialog
      title={title}
      opened
      onClose={onClose}
      busy={create.isPending}
      refusal={refusal}
      ready={values.name.trim() !== "" && values.email.trim() !== ""}
      onSubmit={() => {
        setRefusal(null);
        create.mutate({
          ...values,
          time_zone: zone,
          name: values.name.trim(),
          email: values.email.trim(),
        });
      }}
    >
      <Text size="sm" c="dimmed">
        {explain}
      </Text>
      <TextInput
        label={t("field.name")}
        withAsterisk
        required
        className="typed"
        autoComplete="off"
        data-autofocus
        {...form.getInputProps("name")}
      />
      <TextInput
        label={t("field.email")}
        description={t("account.emailIsLogin")}
        withAsterisk
        required
        type="email"
        dir="ltr"
        autoComplete="off"
        {...form.getInputProps("email")}
      />
      <Select
        label={t("field.timeZone")}
        data={zones.map(({ id, label }) => ({ value: id, label }))}
        searchable
        dir="ltr"
        nothingFoundMessage={t("list.noData")}
        {...form.getInputProps("time_zone")}
        value={zone}
      />
    </FormDialog>
  );
}
