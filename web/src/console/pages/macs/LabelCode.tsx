import { useTranslation } from "react-i18next";
import { LabelInput } from "../../../ui/LabelInput";

interface LabelCodeProps {
  value: string;
  onChange: (value: string) => void;
  error?: string;
  /** Whether a MAC is claimed by it, rather than registered with it. */
  claiming: boolean;
}

/** The code on a label. Asked for because of what was submitted, it has the focus. */
export function LabelCode({ value, onChange, error, claiming }: LabelCodeProps) {
  const { t } = useTranslation();
  return (
    <LabelInput
      label={t("macs.labelCode")}
      description={t(claiming ? "macs.labelCodeClaims" : "macs.labelCodeSaid")}
      required={claiming}
      withAsterisk={claiming}
      autoFocus={claiming}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
    />
  );
}
