import { Anchor, Button, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { logIn, type OpenSession } from "../../../api";
import { useCommand } from "../../../api/useCommand";
import { latinDigits } from "../../../i18n/format";
import { GeneralRefusal } from "../../../ui/GeneralRefusal";
import { sortRefusals } from "../../../ui/refusals";
import { useAbout } from "../../../api/reference";
import { fetchShell } from "../../fetchShell";
import { useTakeSession } from "../../session";
import { Door } from "./Door";

export function LoginPage() {
  const { t } = useTranslation();
  const take = useTakeSession();
  const about = useAbout().data;
  const [refusal, setRefusal] = useState<string | null>(null);
  const form = useForm({ initialValues: { identifier: "", password: "" } });
  const enter = useCommand((body: OpenSession) => logIn({ body }), {
    onMutate: () => void fetchShell().catch(() => undefined),
    onSuccess: take,
    onError: (problem) => {
      const { byField, general } = sortRefusals(problem, ["identifier", "password"]);
      form.setErrors(byField);
      form.setFieldValue("password", "");
      setRefusal(general);
    },
  });
  const { identifier, password } = form.values;

  return (
    <Door title={t("login.title")} region={about?.region}>
      <form
        noValidate
        onSubmit={form.onSubmit(() => {
          setRefusal(null);
          enter.mutate({ identifier: latinDigits(identifier.trim()), password });
        })}
      >
        <Stack gap="md">
          <TextInput
            label={t("login.identifier")}
            required
            withAsterisk={false}
            autoFocus
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            dir="ltr"
            {...form.getInputProps("identifier")}
          />
          <PasswordInput
            label={t("login.password")}
            required
            withAsterisk={false}
            autoComplete="current-password"
            dir="ltr"
            visibilityToggleButtonProps={{ "aria-label": t("login.show") }}
            {...form.getInputProps("password")}
          />
          <GeneralRefusal text={refusal} />
          <Button
            type="submit"
            fullWidth
            size="md"
            loading={enter.isPending}
            disabled={identifier.trim() === "" || password === ""}
          >
            {t("login.submit")}
          </Button>
          <Text size="xs" c="dimmed" ta="center">
            {t("login.noSignUp")}{" "}
            {about?.support_email && (
              <Anchor href={`mailto:${about.support_email}`} dir="ltr" className="machine" inherit underline="always">
                {about.support_email}
              </Anchor>
            )}
          </Text>
        </Stack>
      </form>
    </Door>
  );
}
