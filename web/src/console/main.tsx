import "@fontsource-variable/inter";
import "@fontsource-variable/noto-sans-hebrew";
import "@fontsource-variable/vazirmatn";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "../ui/base.css";

import { createRoot } from "react-dom/client";
import { followBrowser, startLanguages } from "../i18n";
import { App } from "./App";

await startLanguages();
followBrowser();

const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
