// Whether a device is connected, as a dot with a word: a colour alone says nothing to some.
import { useTranslation } from "react-i18next";
import classes from "./OnlineDot.module.css";

export function OnlineDot({ online }: { online: boolean }) {
  const { t } = useTranslation();
  return (
    <span className={classes.online} data-online={online || undefined}>
      {t(online ? "devices.online" : "devices.offline")}
    </span>
  );
}
