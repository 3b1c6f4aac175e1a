import { Text, type TextProps } from "@mantine/core";
import { Absent } from "../../../ui/Text";

/** Twelve hexadecimal digits, left to right in every language and as wide as each other, so that lists can be compared. */
export function MacText({ value, ...rest }: { value: string | null | undefined } & TextProps) {
  if (!value) return <Absent />;
  return (
    <Text
      span
      inherit
      ff="monospace"
      fz="0.97em"
      {...rest}
      dir="ltr"
      className="machine"
      style={{ whiteSpace: "nowrap" }}
    >
      {value}
    </Text>
  );
}
