import { TextInput, type TextInputProps } from "@mantine/core";

/** What is read off a device's label: a MAC, or a code. */
export function LabelInput(props: TextInputProps) {
  return (
    <TextInput
      dir="ltr"
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
      autoComplete="off"
      autoCapitalize="characters"
      spellCheck={false}
      maxLength={64}
      {...props}
    />
  );
}
