// What the console consists of, by role. A module that has no page is not shown at all.
import {
  IconBuildingWarehouse,
  IconDeviceMobileCog,
  IconDownload,
  IconGauge,
  IconKey,
  IconMessage,
  IconReceipt,
  IconRefresh,
  IconSettings,
  IconTools,
  IconUsers,
  IconWallet,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import type { Role } from "../api";

export interface Module {
  name:
    | "user"
    | "device"
    | "firmware"
    | "update"
    | "message"
    | "macLibrary"
    | "setting"
    | "subscription"
    | "payments"
    | "installers"
    | "distributors"
    | "budgets";
  path: string;
  icon: ComponentType<{ size?: number; stroke?: number }>;
  built: boolean;
}

const macLibrary: Module = { name: "macLibrary", path: "/mac-library", icon: IconKey, built: true };

/** The installer's nine modules, in their order. */
const installerModules: Module[] = [
  { name: "user", path: "/user", icon: IconUsers, built: true },
  { name: "device", path: "/device", icon: IconDeviceMobileCog, built: true },
  { name: "firmware", path: "/firmware", icon: IconDownload, built: false },
  { name: "update", path: "/update", icon: IconRefresh, built: false },
  { name: "message", path: "/message", icon: IconMessage, built: false },
  macLibrary,
  { name: "setting", path: "/setting", icon: IconSettings, built: false },
  { name: "subscription", path: "/subscription", icon: IconWallet, built: false },
  { name: "payments", path: "/payments", icon: IconReceipt, built: false },
];

const byRole: Partial<Record<Role, Module[]>> = {
  installer: installerModules,
  distributor: [{ name: "installers", path: "/installers", icon: IconTools, built: true }, macLibrary],
  super_manager: [
    { name: "distributors", path: "/distributors", icon: IconBuildingWarehouse, built: true },
    macLibrary,
    { name: "budgets", path: "/budgets", icon: IconGauge, built: true },
  ],
};

export function modulesOf(role: Role): Module[] {
  return (byRole[role] ?? []).filter((module) => module.built);
}
