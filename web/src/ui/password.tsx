// Replacing one's own password, at the first login and ever after.
import { PasswordInput } from "@mantine/core";
import { useForm, type UseFormReturnType } from "@mantine/form";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { changePassword, once } from "../api";
import { useCommand } from "../api/useCommand";
import { sortRefusals } from "./refusals";

export const shortestPassword = 10;

interface PasswordForm {
  current_password: string;
  new_password: string;
  again: string;
}

export function usePasswordChange(onChanged: () => void) {
  const { t } = useTranslation();
  const [refusal, setRefusal] = useState<string | null>(null);
  const form = useForm<PasswordForm>({
    initialValues: { current_password: "", new_password: "", again: "" },
    validate: {
      new_password: (value) =>
        value.length < shortestPassword ? t("password.short", { least: shortestPassword }) : null,
      again: (value, values) => (value !== values.new_password ? t("password.different") : null),
    },
  });
  const change = useCommand((body: Omit<PasswordForm, "again">, key) => changePassword({ body, headers: once(key) }), {
    onSuccess: onChanged,
    onError: (problem) => {
      const { byField, general } = sortRefusals(problem, ["current_password", "new_password"]);
      form.setErrors(byField);
      setRefusal(general);
    },
  });
  const { current_password, new_password, again } = form.values;
  const submit = () => {
    setRefusal(null);
    if (!form.validate().hasErrors) change.mutate({ current_password, new_password });
  };
  return { form, refusal, busy: change.isPending, ready: !!(current_password && new_password && again), submit };
}

export function PasswordFields({ form, first }: { form: UseFormReturnType<PasswordForm>; first: boolean }) {
  const { t } = useTranslation();
  const common = {
    withAsterisk: true,
    required: true,
    dir: "ltr" as const,
    visibilityToggleButtonProps: { "aria-label": t("login.show") },
  };
  return (
    <>
      <PasswordInput
        {...common}
        label={first ? t("password.initial") : t("password.current")}
        data-autofocus
        autoFocus
        autoComplete="current-password"
        {...form.getInputProps("current_password")}
      />
      <PasswordInput
        {...common}
        label={t("password.new")}
        description={t("password.rule", { least: shortestPassword })}
        autoComplete="new-password"
        {...form.getInputProps("new_password")}
      />
      <PasswordInput
        {...common}
        label={t("password.again")}
        autoComplete="new-password"
        {...form.getInputProps("again")}
      />
    </>
  );
}
