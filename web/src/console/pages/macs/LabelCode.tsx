import { TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

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
    <TextInput
      label={t("macs.labelCode")}
      description={t(claiming ? "macs.labelCodeClaims" : "macs.labelCodeSaid")}
      required={claiming}
      withAsterisk={claiming}
      autoFocus={claiming}
      dir="ltr"
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
      autoComplete="off"
      autoCapitalize="characters"
      spellCheck={false}
      maxLength={64}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
    />
  );
}
