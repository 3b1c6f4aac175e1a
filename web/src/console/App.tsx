import { Button, Center, Loader } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { createBrowserRouter, Link, Navigate, Outlet, RouterProvider, useRouteError } from "react-router";
import { Page } from "../ui/Page";
import { Failure, NoData } from "../ui/States";
import { Surroundings } from "../ui/Surroundings";
import { modulesOf } from "./modules";
import { AuditPage, PartnerAuditPage } from "./pages/audit/AuditPage";
import { DevicesPage } from "./pages/devices/DevicesPage";
import { AutopPage } from "./pages/autop/AutopPage";
import { BatchPage } from "./pages/autop/BatchPage";
import { NewAutopPage } from "./pages/autop/NewAutopPage";
import { AddDevicePage } from "./pages/device/AddDevicePage";
import { DevicePage } from "./pages/device/DevicePage";
import { EditDevicePage } from "./pages/device/EditDevicePage";
import { DistributorsPage } from "./pages/distributors/DistributorsPage";
import { BudgetsPage } from "./pages/budgets/BudgetsPage";
import { HelpPage } from "./pages/help/HelpPage";
import { InstallersPage } from "./pages/installers/InstallersPage";
import { InitialPasswordPage } from "./pages/login/InitialPasswordPage";
import { LoginPage } from "./pages/login/LoginPage";
import { NoConsolePage } from "./pages/login/NoConsolePage";
import { ImportPage } from "./pages/macs/ImportPage";
import { ImportResultPage } from "./pages/macs/ImportResultPage";
import { MacSearchPage } from "./pages/macs/MacSearchPage";
import { MacsPage } from "./pages/macs/MacsPage";
import { SessionsPage } from "./pages/sessions/SessionsPage";
import { AddUserPage } from "./pages/users/AddUserPage";
import { UserPage } from "./pages/users/UserPage";
import { UsersPage } from "./pages/users/UsersPage";
import { SessionGate, useSession } from "./session";
import { Shell } from "./shell/Shell";

function Gate() {
  return (
    <SessionGate
      waiting={
        <Center mih="100dvh">
          <Loader />
        </Center>
      }
      failed={(problem, retry) => (
        <Center component="main" mih="100dvh">
          <Failure problem={problem} retry={retry} />
        </Center>
      )}
      closed={<LoginPage />}
    >
      <Inside />
    </SessionGate>
  );
}

function Inside() {
  const session = useSession();
  if (session.must_change_password) return <InitialPasswordPage />;
  if (modulesOf(session.role).length === 0) return <NoConsolePage />;
  return (
    <Shell>
      <Outlet />
    </Shell>
  );
}

function Home() {
  const { role } = useSession();
  return <Navigate to={modulesOf(role)[0]?.path ?? "/help"} replace />;
}

/** Whoever does not have the module (any more) starts at what they have. */
function Only({ module }: { module: string }) {
  const { role } = useSession();
  return modulesOf(role).some(({ name }) => name === module) ? <Outlet /> : <Navigate to="/" replace />;
}

/** A super manager has no library, and looks for one MAC in all of them. */
function MacLibrary() {
  const { role } = useSession();
  return role === "super_manager" ? <MacSearchPage /> : <MacsPage />;
}

/** Lists are imported by whoever has a library. */
function OnlyWithLibrary() {
  const { role } = useSession();
  return role === "super_manager" ? <Navigate to="/mac-library" replace /> : <Outlet />;
}

function NotFound() {
  const { t } = useTranslation();
  return (
    <Page title={t("state.notFound")}>
      <section className="card">
        <NoData
          hint={t("state.notFoundHint")}
          action={
            <Button component={Link} to="/" variant="default">
              {t("state.home")}
            </Button>
          }
        />
      </section>
    </Page>
  );
}

function Broken() {
  const error = useRouteError();
  return (
    <Center component="main" mih="100dvh">
      <Failure problem={error} retry={() => location.reload()} />
    </Center>
  );
}

const router = createBrowserRouter([
  {
    element: <Gate />,
    errorElement: <Broken />,
    children: [
      { index: true, element: <Home /> },
      { path: "login", element: <Navigate to="/" replace /> },
      {
        element: <Only module="user" />,
        children: [
          { path: "user", element: <UsersPage /> },
          { path: "user/new", element: <AddUserPage /> },
          { path: "user/:id", element: <UserPage tab="details" /> },
          { path: "user/:id/family", element: <UserPage tab="family" /> },
          { path: "user/:id/audit", element: <UserPage tab="audit" /> },
          { path: "user/:id/devices", element: <UserPage tab="devices" /> },
          { path: "user/:id/devices/third-party", element: <UserPage tab="devices" devices="third-party" /> },
          { path: "user/:id/devices/new", element: <AddDevicePage /> },
          { path: "user/:id/access", element: <UserPage tab="access" /> },
        ],
      },
      {
        element: <Only module="device" />,
        children: [
          { path: "device", element: <DevicesPage tab="intercom" /> },
          { path: "device/third-party", element: <DevicesPage tab="third-party" /> },
          { path: "device/:id", element: <DevicePage tab="overview" /> },
          { path: "device/:id/edit", element: <EditDevicePage /> },
          { path: "device/:id/commands", element: <DevicePage tab="commands" /> },
          { path: "device/:id/access", element: <DevicePage tab="access" /> },
          { path: "device/:id/audit", element: <DevicePage tab="audit" /> },
          { path: "device/autop", element: <AutopPage /> },
          { path: "device/autop/new", element: <NewAutopPage /> },
          { path: "device/autop/:id", element: <BatchPage /> },
        ],
      },
      {
        element: <Only module="macLibrary" />,
        children: [
          { path: "mac-library", element: <MacLibrary /> },
          {
            element: <OnlyWithLibrary />,
            children: [
              { path: "mac-library/import", element: <ImportPage /> },
              { path: "mac-library/import/:id", element: <ImportResultPage /> },
            ],
          },
        ],
      },
      {
        element: <Only module="installers" />,
        children: [
          { path: "installers", element: <InstallersPage /> },
          { path: "installers/:id/audit", element: <PartnerAuditPage from="installers" /> },
        ],
      },
      {
        element: <Only module="distributors" />,
        children: [
          { path: "distributors", element: <DistributorsPage /> },
          { path: "distributors/:id/audit", element: <PartnerAuditPage from="distributors" /> },
        ],
      },
      { element: <Only module="budgets" />, children: [{ path: "budgets", element: <BudgetsPage /> }] },
      { path: "audit", element: <AuditPage /> },
      { path: "sessions", element: <SessionsPage /> },
      { path: "help", element: <HelpPage /> },
      { path: "*", element: <NotFound /> },
    ],
  },
]);

export function App() {
  return (
    <Surroundings>
      <RouterProvider router={router} />
    </Surroundings>
  );
}
