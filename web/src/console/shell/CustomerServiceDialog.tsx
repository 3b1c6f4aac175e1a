// The contact that residents see in their app, and where the installer itself finds technical help.
import { Anchor, Skeleton, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { changeCustomerService, type CustomerService, fresh, getCustomerService, once } from "../../api";
import { useChanged } from "../../api/changes";
import { useCommand } from "../../api/useCommand";
import { latinDigits } from "../../i18n/format";
import { Dialog, FormDialog } from "../../ui/Dialog";
import { sortRefusals, toastDone } from "../../ui/refusals";
import { Failure } from "../../ui/States";
import { useState } from "react";

interface Contact {
  phone: string;
  email: string;
}

export function CustomerServiceDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery({
    queryKey: ["customer-service"],
    queryFn: ({ signal }) => getCustomerService({ query: fresh(), signal }),
    staleTime: 0,
    gcTime: 0,
  });
  if (data) return <ContactForm current={data} onClose={onClose} />;
  return (
    <Dialog title={t("customerService.title")} opened onClose={onClose}>
      {error ? <Failure problem={error} retry={() => void refetch()} /> : <Skeleton height={236} />}
    </Dialog>
  );
}

function ContactForm({ current, onClose }: { current: CustomerService; onClose: () => void }) {
  const { t } = useTranslation();
  const changed = useChanged();
  const [refusal, setRefusal] = useState<string | null>(null);
  const form = useForm({
    initialValues: { phone: current.phone ?? "", email: current.email ?? "" },
  });
  const save = useCommand((body: Contact, key) => changeCustomerService({ body, headers: once(key) }), {
    onSuccess: async () => {
      toastDone(t("customerService.saved"));
      onClose();
      await changed("installer");
    },
    onError: (problem) => {
      const { byField, general } = sortRefusals(problem, ["phone", "email"]);
      form.setErrors(byField);
      setRefusal(general);
    },
  });
  const { phone, email } = form.values;
  return (
    <FormDialog
      title={t("customerService.title")}
      opened
      onClose={onClose}
      busy={save.isPending}
      refusal={refusal}
      ready={phone.trim() !== "" && email.trim() !== ""}
      onSubmit={() => {
        setRefusal(null);
        save.mutate({ phone: latinDigits(phone.trim()), email: email.trim() });
      }}
    >
      <Text size="sm" c="dimmed">
        {t("customerService.explain")}
      </Text>
      <TextInput
        label={t("field.phone")}
        withAsterisk
        required
        type="tel"
        autoComplete="tel"
        dir="ltr"
        data-autofocus
        {...form.getInputProps("phone")}
      />
      <TextInput
        label={t("field.email")}
        withAsterisk
        required
        type="email"
        autoComplete="email"
        dir="ltr"
        {...form.getInputProps("email")}
      />
      <Text size="sm" c="dimmed">
        {t("customerService.support")}{" "}
        <Anchor component={Link} to="/help" onClick={onClose} inherit underline="always">
          {t("help.title")}
        </Anchor>
      </Text>
    </FormDialog>
  );
}
