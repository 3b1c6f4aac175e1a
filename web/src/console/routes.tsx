// Which page stands at which address. Each is fetched when it is first opened; the page before stays until it is there.
import type { ReactNode } from "react";
import { Navigate, Outlet, type RouteObject } from "react-router";
import { part } from "../api/parts";
import { modulesOf } from "./modules";
import { NotFound, PageBroken, PageComing } from "./pages/outcomes";
import { useSession } from "./session";

function page<Module>(
  fetchPage: () => Promise<Module>,
  show: (module: Module) => ReactNode,
): Pick<RouteObject, "lazy"> {
  return { lazy: async () => ({ element: show(await part(fetchPage)) }) };
}

function Home() {
  const { role } = useSession();
  return (
    <>
      <PageComing />
      <Navigate to={modulesOf(role)[0]?.path ?? "/help"} replace />
    </>
  );
}

/** Whoever does not have the module (any more) starts at what they have. */
function Only({ module }: { module: string }) {
  const { role } = useSession();
  return modulesOf(role).some(({ name }) => name === module) ? <Outlet /> : <Navigate to="/" replace />;
}

/** Lists are imported by whoever has a library; a super manager has none. */
function OnlyWithLibrary() {
  const { role } = useSession();
  return role === "super_manager" ? <Navigate to="/mac-library" replace /> : <Outlet />;
}

const userPage = () => import("./pages/users/UserPage");
const devicesPage = () => import("./pages/devices/list/DevicesPage");
const devicePage = () => import("./pages/devices/one/DevicePage");
const auditPage = () => import("./pages/audit/AuditPage");

const users: RouteObject[] = [
  {
    path: "user",
    ...page(
      () => import("./pages/users/UsersPage"),
      ({ UsersPage }) => <UsersPage />,
    ),
  },
  {
    path: "user/new",
    ...page(
      () => import("./pages/users/AddUserPage"),
      ({ AddUserPage }) => <AddUserPage />,
    ),
  },
  { path: "user/:id", ...page(userPage, ({ UserPage }) => <UserPage tab="details" />) },
  { path: "user/:id/family", ...page(userPage, ({ UserPage }) => <UserPage tab="family" />) },
  { path: "user/:id/audit", ...page(userPage, ({ UserPage }) => <UserPage tab="audit" />) },
  { path: "user/:id/devices", ...page(userPage, ({ UserPage }) => <UserPage tab="devices" />) },
  {
    path: "user/:id/devices/third-party",
    ...page(userPage, ({ UserPage }) => <UserPage tab="devices" devices="third-party" />),
  },
  {
    path: "user/:id/devices/new",
    ...page(
      () => import("./pages/devices/one/AddDevicePage"),
      ({ AddDevicePage }) => <AddDevicePage />,
    ),
  },
  { path: "user/:id/access", ...page(userPage, ({ UserPage }) => <UserPage tab="access" />) },
];

const devices: RouteObject[] = [
  { path: "device", ...page(devicesPage, ({ DevicesPage }) => <DevicesPage tab="intercom" />) },
  { path: "device/third-party", ...page(devicesPage, ({ DevicesPage }) => <DevicesPage tab="third-party" />) },
  { path: "device/:id", ...page(devicePage, ({ DevicePage }) => <DevicePage tab="overview" />) },
  {
    path: "device/:id/edit",
    ...page(
      () => import("./pages/devices/one/EditDevicePage"),
      ({ EditDevicePage }) => <EditDevicePage />,
    ),
  },
  { path: "device/:id/commands", ...page(devicePage, ({ DevicePage }) => <DevicePage tab="commands" />) },
  { path: "device/:id/access", ...page(devicePage, ({ DevicePage }) => <DevicePage tab="access" />) },
  { path: "device/:id/audit", ...page(devicePage, ({ DevicePage }) => <DevicePage tab="audit" />) },
  {
    path: "device/autop",
    ...page(
      () => import("./pages/devices/autop/AutopPage"),
      ({ AutopPage }) => <AutopPage />,
    ),
  },
  {
    path: "device/autop/new",
    ...page(
      () => import("./pages/devices/autop/NewAutopPage"),
      ({ NewAutopPage }) => <NewAutopPage />,
    ),
  },
  {
    path: "device/autop/:id",
    ...page(
      () => import("./pages/devices/autop/BatchPage"),
      ({ BatchPage }) => <BatchPage />,
    ),
  },
];

const macLibrary: RouteObject[] = [
  {
    path: "mac-library",
    ...page(
      () => import("./pages/macs/MacLibrary"),
      ({ MacLibrary }) => <MacLibrary />,
    ),
  },
  {
    element: <OnlyWithLibrary />,
    children: [
      {
        path: "mac-library/import",
        ...page(
          () => import("./pages/macs/ImportPage"),
          ({ ImportPage }) => <ImportPage />,
        ),
      },
      {
        path: "mac-library/import/:id",
        ...page(
          () => import("./pages/macs/ImportResultPage"),
          ({ ImportResultPage }) => <ImportResultPage />,
        ),
      },
    ],
  },
];

const installers: RouteObject[] = [
  {
    path: "installers",
    ...page(
      () => import("./pages/installers/InstallersPage"),
      ({ InstallersPage }) => <InstallersPage />,
    ),
  },
  {
    path: "installers/:id/audit",
    ...page(auditPage, ({ PartnerAuditPage }) => <PartnerAuditPage from="installers" />),
  },
];

const distributors: RouteObject[] = [
  {
    path: "distributors",
    ...page(
      () => import("./pages/distributors/DistributorsPage"),
      ({ DistributorsPage }) => <DistributorsPage />,
    ),
  },
  {
    path: "distributors/:id/audit",
    ...page(auditPage, ({ PartnerAuditPage }) => <PartnerAuditPage from="distributors" />),
  },
];

const budgets: RouteObject[] = [
  {
    path: "budgets",
    ...page(
      () => import("./pages/budgets/BudgetsPage"),
      ({ BudgetsPage }) => <BudgetsPage />,
    ),
  },
];

export const routes: RouteObject[] = [
  {
    errorElement: <PageBroken />,
    hydrateFallbackElement: <PageComing />,
    children: [
      { index: true, element: <Home /> },
      { path: "login", element: <Navigate to="/" replace /> },
      { element: <Only module="user" />, children: users },
      { element: <Only module="device" />, children: devices },
      { element: <Only module="macLibrary" />, children: macLibrary },
      { element: <Only module="installers" />, children: installers },
      { element: <Only module="distributors" />, children: distributors },
      { element: <Only module="budgets" />, children: budgets },
      { path: "audit", ...page(auditPage, ({ AuditPage }) => <AuditPage />) },
      {
        path: "sessions",
        ...page(
          () => import("./pages/sessions/SessionsPage"),
          ({ SessionsPage }) => <SessionsPage />,
        ),
      },
      {
        path: "help",
        ...page(
          () => import("./pages/help/HelpPage"),
          ({ HelpPage }) => <HelpPage />,
        ),
      },
      { path: "*", element: <NotFound /> },
    ],
  },
];
