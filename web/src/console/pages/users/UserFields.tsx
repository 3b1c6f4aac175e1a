// The form of a household, for Add and for Edit: what is typed stays when the gateway refuses, each refusal at its field.
import { Alert, Button, Group, Radio, Select, Stack, TextInput, VisuallyHidden } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconInfoCircle, IconLink } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AddUser, CallType, MailLanguage, Problem } from "../../../api";
import { latinDigits } from "../../../i18n/format";
import { GeneralRefusal } from "../../../ui/GeneralRefusal";
import { chooseOnEnter, PhoneInput, Section, SwitchRow } from "../../../ui/Form";
import { useAreaCode } from "../../../ui/Phone";
import classes from "../../../ui/Plain.module.css";
import { sortRefusals } from "../../../ui/refusals";
import { useBase } from "../../../ui/useBase";
import { useSession } from "../../session";
import { useCountries, useMailLanguages, useTimeZones } from "../../../api/reference";

export interface UserForm {
  name: string;
  room: string;
  email: string;
  country: string | null;
  address: string;
  mobile: string;
  call_type: CallType;
  time_zone: string | null;
  language: MailLanguage;
  landlines: [string, string, string];
  home_automation: boolean;
  premium: boolean;
  landline_service: boolean;
  with_indoor_monitor: boolean;
}

const ordinals = ["first", "second", "third"] as const;

export const newUser: UserForm = {
  name: "",
  room: "",
  email: "",
  country: null,
  address: "",
  mobile: "",
  call_type: "ip_call",
  time_zone: null,
  language: "en",
  landlines: ["", "", ""],
  home_automation: false,
  premium: false,
  landline_service: false,
  with_indoor_monitor: false,
};

const intoView = (element: HTMLElement | null) => element?.scrollIntoView({ block: "nearest" });

const filled = (text: string) => text.trim() || null;
const number = (text: string) => filled(latinDigits(text));

function bodyOf(form: UserForm): AddUser {
  const [first, second, third] = form.landlines;
  return {
    ...form,
    name: form.name.trim(),
    room: filled(form.room),
    email: filled(form.email),
    address: form.address.trim(),
    mobile: number(form.mobile),
    landlines: [number(first), number(second), number(third)],
  };
}

interface UserFieldsProps {
  initial: UserForm;
  revision?: string;
  /** E-mail, mobile and country belong to several sites and cannot be changed here. */
  linked?: boolean;
  busy: boolean;
  problem: Problem | null;
  onSubmit: (body: AddUser, revision: string) => void;
  onCancel: () => void;
}

export function UserFields(props: UserFieldsProps) {
  const { initial, revision, linked = false, busy, problem, onSubmit, onCancel } = props;
  const { t } = useTranslation();
  const countries = useCountries();
  const zones = useTimeZones();
  const mailLanguages = useMailLanguages();
  const session = useSession();
  const ownZone = zones.data?.find(({ id }) => id === session.time_zone)?.label;
  const [general, setGeneral] = useState<string | null>(null);
  const box = useRef<HTMLFormElement>(null);
  const form = useForm<UserForm>({ initialValues: initial });
  const { values, errors } = form;
  const { setErrors, setValues } = form;

  const base = useBase({ initial, revision, problem, values, follow: setValues });

  useEffect(() => {
    if (!problem) return setGeneral(null);
    const sorted = sortRefusals(problem, Object.keys(newUser));
    // A refused landline may be named alone (`landlines.1`) or as the list.
    const landlines = Object.fromEntries(
      problem.errors
        .map((refusal) => [refusal.field.match(/landlines\D+(\d)/)?.[1], refusal] as const)
        .filter(([index]) => index !== undefined)
        .map(([index]) => [`landlines.${index}`, sorted.byField.landlines]),
    );
    setErrors({ ...sorted.byField, ...landlines });
    setGeneral(sorted.general);
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>("[aria-invalid='true']")?.focus());
  }, [problem, setErrors]);

  const { areaCode } = useAreaCode(values.country);
  const complete = values.name.trim() !== "" && values.address.trim() !== "";
  const conflict = values.home_automation && values.premium;
  const on = t("value.on");
  const off = t("value.off");
  const submit = (form: UserForm) => {
    setGeneral(null);
    onSubmit(bodyOf(form), base());
  };

  return (
    <form
      ref={box}
      noValidate
      className="card"
      aria-label={t("user.form")}
      onKeyDown={chooseOnEnter}
      onSubmit={(event) => {
        event.preventDefault();
        if (complete) submit(values);
      }}
    >
      <Section title={t("user.sectionHousehold")} explain={t("user.sectionHouseholdExplain")}>
        <TextInput
          label={t("field.name")}
          withAsterisk
          required
          className="typed"
          autoComplete="off"
          {...form.getInputProps("name")}
        />
        <TextInput
          label={t("field.room")}
          className="typed"
          autoComplete="off"
          placeholder={t("field.roomHint")}
          {...form.getInputProps("room")}
        />
        <TextInput
          label={t("field.address")}
          withAsterisk
          required
          className="typed"
          autoComplete="off"
          description={t("field.addressHint")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          style={{ gridColumn: "1 / -1" }}
          {...form.getInputProps("address")}
        />
      </Section>

      <Section title={t("user.sectionContact")} explain={t("user.sectionContactExplain")}>
        {linked && (
          <Alert color="blue" variant="light" icon={<IconLink aria-hidden />} style={{ gridColumn: "1 / -1" }}>
            {t("user.linked")}
          </Alert>
        )}
        <TextInput
          label={t("field.email")}
          type="email"
          dir="ltr"
          autoComplete="off"
          readOnly={linked}
          data-locked={linked || undefined}
          description={values.email.trim() === "" ? t("field.emailHint") : undefined}
          inputWrapperOrder={["label", "input", "description", "error"]}
          {...form.getInputProps("email")}
        />
        <Select
          label={t("field.mailLanguage")}
          description={t("field.mailLanguageHint")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data={mailLanguages.data?.map(({ code, name }) => ({ value: code, label: name })) ?? []}
          {...form.getInputProps("language")}
        />
        <Select
          label={t("field.country")}
          placeholder={t("field.choose")}
          data={
            countries.data?.map(({ code, name, area_code }) => ({
              value: code,
              label: area_code ? `${name} (\u2066${area_code}\u2069)` : name,
            })) ?? []
          }
          searchable
          clearable={!linked}
          readOnly={linked}
          wrapperProps={{ "data-locked": linked || undefined }}
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
          readOnly={linked}
        />
        {ordinals.map((ordinal, index) => (
          <PhoneInput
            key={ordinal}
            label={t(`field.landline.${ordinal}`)}
            areaCode={areaCode}
            value={values.landlines[index] ?? ""}
            onChange={(value) => form.setFieldValue(`landlines.${index}`, value)}
            error={errors[`landlines.${index}`]}
          />
        ))}
      </Section>

      <Section title={t("user.sectionCalls")} explain={t("user.sectionCallsExplain")}>
        <Radio.Group
          label={t("field.callType")}
          style={{ gridColumn: "1 / -1" }}
          value={values.call_type}
          onChange={(value) => form.setFieldValue("call_type", value as CallType)}
          error={errors.call_type}
        >
          <Stack gap="sm" mt={8}>
            <Radio value="ip_call" label={t("field.ipCall")} description={t("field.ipCallHint")} />
            <Radio value="sip_call" label={t("field.sipCall")} description={t("field.sipCallHint")} />
          </Stack>
        </Radio.Group>
        <Select
          label={t("field.timeZone")}
          placeholder={[t("field.timeZoneInherit"), ownZone].filter(Boolean).join(": ")}
          description={values.time_zone ? undefined : t("field.timeZoneHint")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data={zones.data?.map(({ id, label }) => ({ value: id, label })) ?? []}
          searchable
          clearable
          {...(values.time_zone && { dir: "ltr" })}
          nothingFoundMessage={t("list.noData")}
          clearButtonProps={{ "aria-label": t("search.clear") }}
          {...form.getInputProps("time_zone")}
        />
        <div style={{ gridColumn: "1 / -1" }}>
          <SwitchRow
            label={t("field.indoorMonitor")}
            explain={t("field.indoorMonitorHint")}
            checked={values.with_indoor_monitor}
            onChange={(checked) => form.setFieldValue("with_indoor_monitor", checked)}
            error={errors.with_indoor_monitor}
            {...{ on, off }}
          />
        </div>
      </Section>

      <Section title={t("user.sectionServices")} explain={t("user.sectionServicesExplain")} columns={1}>
        <div>
          <SwitchRow
            label={t("field.homeAutomation")}
            explain={t("field.homeAutomationHint")}
            checked={values.home_automation}
            onChange={(checked) => form.setFieldValue("home_automation", checked)}
            error={errors.home_automation}
            {...{ on, off }}
          />
          <SwitchRow
            label={t("field.premium")}
            required
            explain={t("field.premiumHint")}
            note={values.home_automation && !conflict ? t("field.premiumDimmed") : undefined}
            checked={values.premium}
            disabled={values.home_automation}
            onChange={(checked) => {
              form.setFieldValue("premium", checked);
              if (checked) form.setFieldValue("landline_service", true);
            }}
            error={errors.premium}
            {...{ on, off }}
          />
          {initial.premium && !values.premium && (
            <Alert
              ref={intoView}
              color="yellow"
              variant="light"
              icon={<IconInfoCircle aria-hidden />}
              mb="sm"
              role="status"
            >
              {t("user.premiumOffMeans")}
            </Alert>
          )}
          {conflict && (
            <Alert
              ref={intoView}
              color="yellow"
              variant="light"
              icon={<IconInfoCircle aria-hidden />}
              mb="sm"
              role="alert"
            >
              <Group justify="space-between" gap="sm">
                <span>{t("user.premiumConflict")}</span>
                <Button
                  size="xs"
                  loading={busy}
                  disabled={!complete}
                  onClick={() => {
                    const without = { ...values, premium: false };
                    setValues(without);
                    submit(without);
                  }}
                >
                  {t("user.premiumOffAndGoOn")}
                </Button>
              </Group>
            </Alert>
          )}
          {values.premium && !values.home_automation && (
            <SwitchRow
              label={t("field.landlineService")}
              explain={t("field.landlineServiceHint")}
              checked={values.landline_service}
              onChange={(checked) => form.setFieldValue("landline_service", checked)}
              error={errors.landline_service}
              {...{ on, off }}
            />
          )}
        </div>
      </Section>

      <div className={classes.footer}>
        <GeneralRefusal text={general} />
        <Button variant="default" onClick={onCancel}>
          {t("action.cancel")}
        </Button>
        <Button type="submit" loading={busy} disabled={!complete} aria-describedby={complete ? undefined : "missing"}>
          {t("action.submit")}
        </Button>
        {!complete && <VisuallyHidden id="missing">{t("user.missing")}</VisuallyHidden>}
      </div>
    </form>
  );
}
