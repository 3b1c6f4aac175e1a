import { useTranslation } from "react-i18next";
import type { ImportState } from "../../../api";
import classes from "./macs.module.css";

export function ImportStatus({ of }: { of: ImportState }) {
  const { t } = useTranslation();
  return (
    <span className={classes.status} data-state={of}>
      {t(`macs.state.${of}`)}
    </span>
  );
}
