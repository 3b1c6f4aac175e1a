// One relay of the device form: on or off, its name, its DTMF code, and what triggers it.
import { ActionIcon, Checkbox, Input, Select, SimpleGrid, Switch, Text, TextInput, Tooltip } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import type { AccessMethod, MethodGate } from "../../../../api";
import { Machine } from "../../../../ui/Text";
import classes from "../one/device.module.css";

export interface RelayForm {
  number: number;
  enabled: boolean;
  name: string;
  dtmf: string | null;
  methods: AccessMethod[];
}

export const methodsOfApp = ["homepage", "talking_page"] as const satisfies AccessMethod[];
export const methodsOfDevice = ["pin", "face", "rf_card", "bluetooth", "nfc"] as const satisfies AccessMethod[];
export const allMethods: AccessMethod[] = [...methodsOfApp, ...methodsOfDevice];
const keys = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"];

export type RelayErrors = Partial<Record<"name" | "dtmf" | "methods", ReactNode>>;

interface RelayFieldsProps {
  title: string;
  relay: RelayForm;
  gate: MethodGate;
  /** Where the reason stands that the device's own methods cannot be chosen. */
  gateId: string;
  errors: RelayErrors;
  onChange: (relay: RelayForm) => void;
  onRemove?: () => void;
}

export function RelayFields({ title, relay, gate, gateId, errors, onChange, onRemove }: RelayFieldsProps) {
  const { t } = useTranslation();
  const id = useId();
  const closed = gate.state === "closed";
  const set = (change: Partial<RelayForm>) => onChange({ ...relay, ...change });
  const choose = (method: AccessMethod, on: boolean) =>
    set({ methods: allMethods.filter((each) => (each === method ? on : relay.methods.includes(each))) });
  const dtmf = relay.dtmf && !keys.includes(relay.dtmf) ? [relay.dtmf, ...keys] : keys;
  return (
    <fieldset className={classes.relay} aria-labelledby={`${id}-title`} data-off={!relay.enabled || undefined}>
      <div className={classes.relayHead}>
        <Switch
          size="md"
          checked={relay.enabled}
          onChange={(event) => set({ enabled: event.currentTarget.checked })}
          label={
            <Text span fw={600} id={`${id}-title`}>
              {title}
            </Text>
          }
          styles={{ body: { alignItems: "center" } }}
        />
        {onRemove && (
          <Tooltip label={t("device.removeRelay")}>
            <ActionIcon color="gray" onClick={onRemove} aria-label={`${t("device.removeRelay")}: ${title}`}>
              <IconTrash size={17} stroke={1.7} />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
      {!relay.enabled && (
        <Text size="sm" c="dimmed" mt={4}>
          {t("device.relayOff")}
        </Text>
      )}
      <div className={classes.relayBody}>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md" mt={10} style={{ alignItems: "start" }}>
          <TextInput
            label={t("device.relayName")}
            placeholder={t("device.relayNameHint")}
            withAsterisk
            required
            className="typed"
            autoComplete="off"
            maxLength={64}
            value={relay.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
            error={errors.name}
          />
          <Select
            label={t("device.dtmf")}
            placeholder={t("device.dtmfNone")}
            data={dtmf}
            clearable
            {...(relay.dtmf && { dir: "ltr" })}
            clearButtonProps={{ "aria-label": t("search.clear") }}
            value={relay.dtmf}
            onChange={(dtmf) => set({ dtmf })}
            error={errors.dtmf}
          />
        </SimpleGrid>
        <Input.Wrapper label={t("device.accessMethod")} labelElement="div" error={errors.methods} mt="md">
          <div className={classes.methods} role="group" aria-label={`${t("device.accessMethod")}: ${title}`}>
            {allMethods.map((method) => {
              const locked = closed && !methodsOfApp.some((each) => each === method);
              return (
                <Checkbox
                  key={method}
                  label={t(`device.method.${method}`)}
                  checked={locked || relay.methods.includes(method)}
                  disabled={locked}
                  aria-describedby={locked ? gateId : undefined}
                  onChange={(event) => choose(method, event.currentTarget.checked)}
                />
              );
            })}
          </div>
        </Input.Wrapper>
      </div>
    </fieldset>
  );
}

/** Why the device's own methods cannot be chosen, or from when on a choice will count. */
export function GateReason({ gate, id }: { gate: MethodGate; id?: string }) {
  const { t } = useTranslation();
  if (gate.state === "open") return null;
  return (
    <Text span inherit display="block" mt="sm" id={id}>
      {t(gate.state === "closed" ? "device.gateClosed" : "device.gateNotYetKnown")}
      {gate.needs.map((need) => (
        <Machine key={need} value={need.replace(/\+$/, "").replace(" ", " ≥ ")} fw={600} display="block" />
      ))}
    </Text>
  );
}
