import "@fontsource-variable/inter";
import "@fontsource-variable/noto-sans-hebrew";
import "@fontsource-variable/vazirmatn";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "../ui/base.css";

import { createRoot } from "react-dom/client";
import { isPartMissing, reloadedForRelease } from "../api/parts";
import { followBrowser, sayUnloaded, startLanguages } from "../i18n";
import { queries } from "../ui/queries";
import { App } from "./App";
import { fetchShell } from "./fetchShell";
import { sessionQuery } from "./session";

// Who is signed in, and the frame of the console for whoever may be, come while the texts do.
void queries.prefetchQuery(sessionQuery);
if (document.cookie.includes("csrftoken=")) fetchShell().catch(() => undefined);

const root = document.getElementById("root");
try {
  await startLanguages();
  followBrowser();
  if (root) createRoot(root).render(<App />);
} catch (reason) {
  if (!isPartMissing(reason)) throw reason;
  if (!(await reloadedForRelease())) sayUnloaded(root);
}
