import { useSession } from "../../session";
import { MacSearchPage } from "./MacSearchPage";
import { MacsPage } from "./MacsPage";

/** A super manager has no library, and looks for one MAC in all of them. */
export function MacLibrary() {
  const { role } = useSession();
  return role === "super_manager" ? <MacSearchPage /> : <MacsPage />;
}
