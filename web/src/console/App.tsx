import { Center, Loader } from "@mantine/core";
import { lazy, Suspense } from "react";
import { createBrowserRouter, Outlet, RouterProvider } from "react-router";
import { part } from "../api/parts";
import { Failure } from "../ui/States";
import { Surroundings } from "../ui/Surroundings";
import { fetchShell } from "./fetchShell";
import { modulesOf } from "./modules";
import { LoginPage } from "./pages/login/LoginPage";
import { ConsoleBroken } from "./pages/outcomes";
import { routes } from "./routes";
import { SessionGate, useSession } from "./session";

const Shell = lazy(() => part(fetchShell));
const InitialPasswordPage = lazy(() =>
  part(async () => ({ default: (await import("./pages/login/InitialPasswordPage")).InitialPasswordPage })),
);
const NoConsolePage = lazy(() =>
  part(async () => ({ default: (await import("./pages/login/NoConsolePage")).NoConsolePage })),
);

const waiting = (
  <Center mih="100dvh">
    <Loader />
  </Center>
);

function Gate() {
  return (
    <Suspense fallback={waiting}>
      <SessionGate
        waiting={waiting}
        failed={(problem, retry) => (
          <Center component="main" mih="100dvh">
            <Failure problem={problem} retry={retry} />
          </Center>
        )}
        closed={<LoginPage />}
      >
        <Inside />
      </SessionGate>
    </Suspense>
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

const router = createBrowserRouter([{ element: <Gate />, errorElement: <ConsoleBroken />, children: routes }]);

export function App() {
  return (
    <Surroundings>
      <RouterProvider router={router} />
    </Surroundings>
  );
}
