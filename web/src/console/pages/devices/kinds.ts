// What a device is for, in the reader's words.
import { useTranslation } from "react-i18next";
import type { DeviceKind } from "../../../api";

/** In the order of a form. The last two are not offered for single-tenant households, but may be there. */
export const deviceKinds = [
  "doorphone_single",
  "indoor_monitor",
  "access_control",
  "doorphone_multi",
  "guard_phone",
] as const satisfies DeviceKind[];

export const offeredKinds = deviceKinds.slice(0, 3);

export function useKindText(): (kind: DeviceKind) => string {
  const { t } = useTranslation();
  return (kind) => t(`devices.kind.${kind}`);
}
