import { useTranslation } from "react-i18next";
import type { AccountStatus, PremiumStatus } from "../../../api";
import classes from "./status.module.css";

export function Status({ of }: { of: AccountStatus | PremiumStatus }) {
  const { t } = useTranslation();
  return (
    <span className={classes.status} data-status={of}>
      {t(`status.${of}`)}
    </span>
  );
}
