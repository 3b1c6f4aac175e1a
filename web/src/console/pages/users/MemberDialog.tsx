import { Select, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Accepted,
  addMember,
  type AddMember,
  editMember,
  type MailLanguage,
  type MemberView,
  type NewMemberAccepted,
  once,
} from "../../../api";
import { useCommand } from "../../../api/useCommand";
import { latinDigits } from "../../../i18n/format";
import { FormDialog } from "../../../ui/Dialog";
import { PhoneInput } from "../../../ui/Form";
import { useAreaCode } from "../../../ui/Phone";
import { sortRefusals } from "../../../ui/refusals";
import { useCountries, useMailLanguages } from "../../../api/reference";

interface MemberDialogProps {
  userId: string;
  member: MemberView | null;
  country: string | null;
  language: MailLanguage;
  onClose: () => void;
  onDone: (body: AddMember, accepted: Accepted | NewMemberAccepted) => void;
}

export function MemberDialog({ userId, member, country, language, onClose, onDone }: MemberDialogProps) {
  const { t } = useTranslation();
  const countries = useCountries().data;
  const languages = useMailLanguages().data;
  const [refusal, setRefusal] = useState<string | null>(null);
  const atHome = useAreaCode(member ? member.country : country);
  const form = useForm({
    initialValues: {
      name: member?.name ?? "",
      email: member?.email ?? "",
      country: member ? member.country : country,
      mobile: atHome.behind(member?.mobile ?? null),
      language: member?.language ?? language,
    },
  });
  const { values, errors } = form;
  const { areaCode } = useAreaCode(values.country);
  const save = useCommand<AddMember, Accepted | NewMemberAccepted>(
    (body, key) => {
      const headers = once(key);
      if (member) return editMember({ path: { user_id: userId, member_id: member.member_id }, body, headers });
      return addMember({ path: { user_id: userId }, body, headers });
    },
    {
      onSuccess: (accepted, body) => onDone(body, accepted),
      onError: (problem) => {
        const { byField, general } = sortRefusals(problem, Object.keys(values));
        form.setErrors(byField);
        setRefusal(general);
      },
    },
  );
  return (
    <FormDialog
      title={member ? t("member.editTitle") : t("member.addTitle")}
      opened
      onClose={onClose}
      busy={save.isPending}
      refusal={refusal}
      ready={values.name.trim() !== ""}
      onSubmit={() => {
        setRefusal(null);
        save.mutate({
          ...values,
          name: values.name.trim(),
          email: values.email.trim() || null,
          mobile: latinDigits(values.mobile.trim()) || null,
        });
      }}
    >
      <TextInput
        label={t("field.name")}
        withAsterisk
        required
        className="typed"
        autoComplete="off"
        data-autofocus
        {...form.getInputProps("name")}
      />
      <TextInput label={t("field.email")} type="email" dir="ltr" autoComplete="off" {...form.getInputProps("email")} />
      <Select
        label={t("field.country")}
        placeholder={t("field.choose")}
        data={
          countries?.map(({ code, name, area_code }) => ({
            value: code,
            label: area_code ? `${name} (\u2066${area_code}\u2069)` : name,
          })) ?? []
        }
        searchable
        clearable
        nothingFoundMessage={t("list.noData")}
        clearButtonProps={{ "aria-label": t("search.clear") }}
        {...form.getInputProps("country")}
      />
      <PhoneInput
        label={t("field.mobile")}
        areaCode={areaCode}
        value={values.mobile}
        onChange={(value) => form.setFieldValue("mobile", value)}
        error={errors.mobile}
      />
      <Select
        label={t("field.mailLanguage")}
        data={languages?.map(({ code, name }) => ({ value: code, label: name })) ?? []}
        {...form.getInputProps("language")}
      />
    </FormDialog>
  );
}
