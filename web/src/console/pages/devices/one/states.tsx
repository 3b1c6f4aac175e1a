// Where a command to a device is, and whether a device does what it is set to: always a word, never a colour alone.
import i18next, { type ParseKeys } from "i18next";
import { useTranslation } from "react-i18next";
import type { ConfigurationState, DeviceCommandState } from "../../../../api";
import classes from "./device.module.css";

const tones: Record<DeviceCommandState, string> = {
  queued: "going",
  sent: "going",
  delivered: "going",
  done: "good",
  failed: "bad",
  expired: "over",
  cancelled: "over",
  unknown: "doubt",
};

export function isOpen(state: DeviceCommandState): boolean {
  return tones[state] === "going";
}

export function CommandState({ of }: { of: DeviceCommandState }) {
  const { t } = useTranslation();
  return (
    <span className={classes.state} data-tone={tones[of]}>
      {t(`device.commandState.${of}`)}
    </span>
  );
}

const configurationTones: Record<ConfigurationState, string> = {
  never: "over",
  waiting: "doubt",
  applied: "good",
  refused: "bad",
};

export function Configuration({ of }: { of: ConfigurationState }) {
  const { t } = useTranslation();
  return (
    <span className={classes.state} data-tone={configurationTones[of]}>
      {t(`device.configuration.${of}`)}
    </span>
  );
}

/** Why a device did not: by its code, where there are words for it, else as the device said it. */
export function reasonText(reason: string): string {
  const key = `device.reason.${reason}`;
  return i18next.exists(key) ? i18next.t(key as ParseKeys) : reason;
}
