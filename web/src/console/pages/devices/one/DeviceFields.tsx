// The form of an intercom, for Add and for Edit: its type decides what it asks, and what is typed stays when it is refused.
import { Alert, Button, Group, Radio, Select, Stack, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { IconInfoCircle, IconPlus } from "@tabler/icons-react";
import { useEffect, useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { BindDevice, DeviceDetail, DeviceKind, MethodGate, Problem, Relay } from "../../../../api";
import { latinDigits } from "../../../../i18n/format";
import { GeneralRefusal } from "../../../../ui/GeneralRefusal";
import { chooseOnEnter, Section, SwitchRow } from "../../../../ui/Form";
import plain from "../../../../ui/Plain.module.css";
import { sortRefusals } from "../../../../ui/refusals";
import { useBase } from "../../../../ui/useBase";
import { deviceKinds, offeredKinds, useKindText } from "../kinds";
import {
  allMethods,
  GateReason,
  methodsOfDevice,
  type RelayErrors,
  RelayFields,
  type RelayForm,
} from "../doors/RelayFields";

export const relaysMax = 4;
export const securityRelaysMax = 2;

export interface DeviceForm {
  kind: DeviceKind;
  mac: string;
  name: string;
  internet_access: boolean;
  transfer_ip: string;
  works_offline: boolean;
  arming_function: boolean;
  relays: RelayForm[];
  security_relays: RelayForm[];
}

const relay = (number: number, name: string): RelayForm => ({
  number,
  enabled: true,
  name,
  dtmf: null,
  methods: [...allMethods],
});

export function newDevice(firstRelay: string): DeviceForm {
  return {
    kind: "doorphone_single",
    mac: "",
    name: "",
    internet_access: true,
    transfer_ip: "",
    works_offline: false,
    arming_function: false,
    relays: [{ ...relay(1, firstRelay), dtmf: "#" }],
    security_relays: [],
  };
}

export function formOf(device: DeviceDetail): DeviceForm {
  return {
    kind: device.kind,
    mac: device.mac,
    name: device.name,
    internet_access: device.internet_access,
    transfer_ip: device.transfer_ip ?? "",
    works_offline: device.works_offline,
    arming_function: device.arming_function,
    relays: device.relays.map((each) => ({ ...each })),
    security_relays: device.security_relays.map((each) => ({ ...each })),
  };
}

const isDoorphone = (kind: DeviceKind) => kind === "doorphone_single" || kind === "doorphone_multi";
const isMonitor = (kind: DeviceKind) => kind === "indoor_monitor";
const takesSecurityRelays = (kind: DeviceKind) => isDoorphone(kind) || kind === "access_control";

function bodyOf(form: DeviceForm, gate: MethodGate): BindDevice {
  const { kind } = form;
  const through = isDoorphone(kind) && !form.internet_access;
  const said = (relays: RelayForm[]): Relay[] =>
    relays.map((each) => ({
      ...each,
      name: each.name.trim(),
      // Where they cannot be chosen, the device has all of its own on.
      methods:
        gate.state === "closed"
          ? allMethods.filter(
              (method) => methodsOfDevice.some((own) => own === method) || each.methods.includes(method),
            )
          : each.methods,
    }));
  return {
    kind,
    mac: latinDigits(form.mac.trim()),
    name: form.name.trim(),
    internet_access: !through,
    transfer_ip: through ? latinDigits(form.transfer_ip.trim()) || null : null,
    works_offline: isMonitor(kind) && form.works_offline,
    arming_function: isMonitor(kind) && form.arming_function,
    relays: said(form.relays),
    security_relays: takesSecurityRelays(kind) ? said(form.security_relays) : [],
  };
}

/** Where a refusal that names no field belongs. */
const homes: Record<string, string> = {
  "mac-malformed": "mac",
  "mac-not-in-library": "mac",
  "mac-unknown": "mac",
  "mac-elsewhere": "mac",
  "mac-bound": "mac",
  "transfer-ip-missing": "transfer_ip",
  "offline-solution-off": "internet_access",
  "relays-exceed-model": "relays",
  "relay-twice": "relays",
  "dtmf-taken": "relays",
  "methods-not-for-this-device": "relays",
  "security-relay-not-for-this-type": "security_relays",
  "field-not-for-this-type": "kind",
};

function fieldsOf(form: DeviceForm): string[] {
  const ofRelays = (list: "relays" | "security_relays") =>
    form[list].flatMap((_, index) => ["name", "dtmf", "methods"].map((part) => `${list}.${index}.${part}`));
  return [...ofRelays("relays"), ...ofRelays("security_relays"), ...Object.keys(form)];
}

/** Two enabled relays cannot be told apart by the same code: say so while it is typed. */
function sameCodes(form: DeviceForm): Set<RelayForm> {
  const all = [...form.relays, ...(takesSecurityRelays(form.kind) ? form.security_relays : [])];
  const coded = all.filter((each) => each.enabled && each.dtmf);
  return new Set(coded.filter((each) => coded.some((other) => other !== each && other.dtmf === each.dtmf)));
}

interface DeviceFieldsProps {
  initial: DeviceForm;
  revision?: string;
  owner: { uid: string; name: string } | undefined;
  gate: MethodGate;
  maxRelays?: number;
  offlineSolution: boolean;
  /** Other hardware is another device: a device keeps its MAC. */
  bound?: boolean;
  busy: boolean;
  problem: Problem | null;
  onSubmit: (body: BindDevice, revision: string) => void;
  onCancel: () => void;
}

export function DeviceFields(props: DeviceFieldsProps) {
  const {
    initial,
    revision,
    owner,
    gate,
    maxRelays = relaysMax,
    offlineSolution,
    bound = false,
    busy,
    problem,
  } = props;
  const { t } = useTranslation();
  const kindText = useKindText();
  const gateId = useId();
  const [form, setForm] = useState(initial);
  const [refusals, setRefusals] = useState<Record<string, string>>({});
  const [general, setGeneral] = useState<string | null>(null);
  const box = useRef<HTMLFormElement>(null);

  const base = useBase({ initial, revision, problem, values: form, follow: setForm });

  const typed = useRef(form);
  typed.current = form;
  useEffect(() => {
    if (!problem) {
      setRefusals({});
      return setGeneral(null);
    }
    const home = homes[problem.code];
    const { byField, general } = sortRefusals(problem, fieldsOf(typed.current));
    const named = Object.keys(byField).length > 0;
    setRefusals(named || !home || !general ? byField : { [home]: general });
    setGeneral(named || !home ? general : null);
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>("[aria-invalid='true']")?.focus());
  }, [problem]);

  const set = (change: Partial<DeviceForm>) => setForm((before) => ({ ...before, ...change }));
  const { kind } = form;
  const doubled = useMemo(() => sameCodes(form), [form]);
  const relaysShown = takesSecurityRelays(kind) ? [...form.relays, ...form.security_relays] : form.relays;
  // What is on already may stay, and be turned off, once the distributor has no offline solution any more.
  const asksForInternet = isDoorphone(kind) && (offlineSolution || !initial.internet_access);
  const asksForTransfer = offlineSolution || initial.works_offline;
  const through = asksForInternet && !form.internet_access;
  const complete =
    form.mac.trim() !== "" &&
    form.name.trim() !== "" &&
    (!through || form.transfer_ip.trim() !== "") &&
    relaysShown.every((each) => each.name.trim() !== "");
  const on = t("value.on");
  const off = t("value.off");

  const errorsOf = (list: "relays" | "security_relays", index: number): RelayErrors => {
    const own = form[list][index];
    return {
      name: refusals[`${list}.${index}.name`],
      dtmf: refusals[`${list}.${index}.dtmf`] ?? (own && doubled.has(own) ? t("refusal.dtmf-taken") : undefined),
      methods: refusals[`${list}.${index}.methods`],
    };
  };
  const change = (list: "relays" | "security_relays", index: number, next: RelayForm) =>
    set({ [list]: form[list].map((each, place) => (place === index ? next : each)) });
  const remove = (list: "relays" | "security_relays", index: number) =>
    set({ [list]: form[list].filter((_, place) => place !== index) });
  const add = (list: "relays" | "security_relays", name: (number: number) => string) => {
    const taken = form[list].map(({ number }) => number);
    const number = [1, 2, 3, 4].find((each) => !taken.includes(each)) ?? 4;
    const free = !form.relays.some(({ dtmf }) => dtmf === "#");
    const made = { ...relay(number, name(number)), dtmf: list === "relays" && number === 1 && free ? "#" : null };
    set({ [list]: [...form[list], made].sort((one, other) => one.number - other.number) });
  };

  return (
    <form
      ref={box}
      noValidate
      className="card"
      aria-label={t("device.form")}
      onKeyDown={chooseOnEnter}
      onSubmit={(event) => {
        event.preventDefault();
        if (complete) props.onSubmit(bodyOf(form, gate), base());
      }}
    >
      <Section title={t("device.sectionDevice")} explain={t("device.sectionDeviceExplain")}>
        <TextInput
          label={t("device.owner")}
          value={owner ? `${owner.uid}` : ""}
          description={owner && <bdi>{owner.name}</bdi>}
          inputWrapperOrder={["label", "input", "description", "error"]}
          readOnly
          dir="ltr"
        />
        <Select
          label={t("device.kind")}
          withAsterisk
          data={deviceKinds
            .filter((each) => each === initial.kind || offeredKinds.some((offered) => offered === each))
            .map((each) => ({ value: each, label: kindText(each) }))}
          value={kind}
          onChange={(value) => value && set({ kind: value as DeviceKind })}
          error={refusals.kind}
        />
        <TextInput
          label={t("device.mac")}
          placeholder="0C110512BC97"
          withAsterisk
          required
          dir="ltr"
          autoComplete="off"
          spellCheck={false}
          readOnly={bound}
          description={bound ? t("device.macStays") : t("device.macHint")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          value={form.mac}
          onChange={(event) => set({ mac: event.currentTarget.value })}
          error={refusals.mac}
        />
        <TextInput
          label={t("device.name")}
          withAsterisk
          required
          className="typed"
          autoComplete="off"
          value={form.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          error={refusals.name}
        />
      </Section>

      {asksForInternet && (
        <Section title={t("device.sectionCalls")} explain={t("device.sectionCallsExplain")}>
          <Radio.Group
            label={t("device.internetAccess")}
            style={{ gridColumn: "1 / -1" }}
            value={form.internet_access ? "yes" : "no"}
            onChange={(value) => set({ internet_access: value === "yes" })}
            error={refusals.internet_access}
          >
            <Stack gap="sm" mt={8}>
              <Radio value="yes" label={t("device.yes")} description={t("device.internetAccessYes")} />
              <Radio value="no" label={t("device.no")} description={t("device.internetAccessNo")} />
            </Stack>
          </Radio.Group>
          {through && (
            <TextInput
              label={t("device.transferIp")}
              placeholder="192.168.1.20"
              withAsterisk
              required
              dir="ltr"
              inputMode="decimal"
              autoComplete="off"
              description={t("device.transferIpHint")}
              inputWrapperOrder={["label", "input", "description", "error"]}
              value={form.transfer_ip}
              onChange={(event) => set({ transfer_ip: event.currentTarget.value })}
              error={refusals.transfer_ip}
            />
          )}
        </Section>
      )}

      {isMonitor(kind) && (
        <Section title={t("device.sectionMonitor")} explain={t("device.sectionMonitorExplain")} columns={1}>
          <div>
            {asksForTransfer && (
              <SwitchRow
                label={t("device.worksOffline")}
                explain={t("device.worksOfflineHint")}
                checked={form.works_offline}
                onChange={(works_offline) => set({ works_offline })}
                error={refusals.works_offline}
                {...{ on, off }}
              />
            )}
            <SwitchRow
              label={t("device.armingFunction")}
              explain={t("device.armingFunctionHint")}
              checked={form.arming_function}
              onChange={(arming_function) => set({ arming_function })}
              error={refusals.arming_function}
              {...{ on, off }}
            />
          </div>
        </Section>
      )}

      <Section
        title={t("device.sectionRelays")}
        explain={
          <>
            {t("device.sectionRelaysExplain")}
            <GateReason gate={gate} id={gateId} />
          </>
        }
        columns={1}
      >
        <Stack gap="md">
          {form.relays.map((each, index) => (
            <RelayFields
              key={each.number}
              title={t("device.relay", { number: each.number })}
              relay={each}
              gate={gate}
              gateId={gateId}
              errors={errorsOf("relays", index)}
              onChange={(next) => change("relays", index, next)}
              onRemove={() => remove("relays", index)}
            />
          ))}
          <GeneralRefusal text={refusals.relays ?? null} />
          {takesSecurityRelays(kind) &&
            form.security_relays.map((each, index) => (
              <RelayFields
                key={`security-${each.number}`}
                title={t("device.securityRelay", { number: each.number })}
                relay={each}
                gate={gate}
                gateId={gateId}
                errors={errorsOf("security_relays", index)}
                onChange={(next) => change("security_relays", index, next)}
                onRemove={() => remove("security_relays", index)}
              />
            ))}
          <GeneralRefusal text={(takesSecurityRelays(kind) && refusals.security_relays) || null} />
          <Group gap="sm">
            {form.relays.length < Math.min(maxRelays, relaysMax) ? (
              <Button
                variant="default"
                leftSection={<IconPlus size={16} aria-hidden />}
                onClick={() => add("relays", (number) => t("device.relay", { number }))}
              >
                {t("device.addRelay")}
              </Button>
            ) : (
              <Text size="sm" c="dimmed">
                {t("device.relaysFull", { count: Math.min(maxRelays, relaysMax) })}
              </Text>
            )}
            {takesSecurityRelays(kind) && form.security_relays.length < securityRelaysMax && (
              <Button
                variant="default"
                leftSection={<IconPlus size={16} aria-hidden />}
                onClick={() => add("security_relays", (number) => t("device.securityRelay", { number }))}
              >
                {t("device.addSecurityRelay")}
              </Button>
            )}
          </Group>
          {takesSecurityRelays(kind) && (
            <Alert color="gray" variant="light" p="xs" icon={<IconInfoCircle aria-hidden />}>
              {t("device.securityRelayHint")}
            </Alert>
          )}
        </Stack>
      </Section>

      <div className={plain.footer}>
        <GeneralRefusal text={general} />
        <Button variant="default" onClick={props.onCancel}>
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
