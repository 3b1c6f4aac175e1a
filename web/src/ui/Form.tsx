// Parts of forms: titled sections, an On/Off row, and a telephone number behind its area code.
import { Input, SimpleGrid, Switch, Text, TextInput, Title } from "@mantine/core";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef } from "react";
import classes from "./Plain.module.css";
import { ABSENT } from "./Text";

/** Enter in a list to choose from chooses; it does not send the form as well. */
export function chooseOnEnter(event: KeyboardEvent<HTMLElement>): void {
  const { target, key } = event;
  if (key === "Enter" && target instanceof HTMLInputElement && target.getAttribute("aria-haspopup") === "listbox") {
    event.preventDefault();
  }
}

interface SectionProps {
  title: string;
  explain?: ReactNode;
  children: ReactNode;
  columns?: 1 | 2;
}

export function Section({ title, explain, children, columns = 2 }: SectionProps) {
  const id = useId();
  return (
    <div className={classes.section}>
      <fieldset className={`${classes.fieldset} ${classes.sectionGrid}`} aria-labelledby={id}>
        <div>
          <Title order={2} fz={15} id={id}>
            {title}
          </Title>
          {explain && (
            <Text size="sm" c="dimmed" mt={4}>
              {explain}
            </Text>
          )}
        </div>
        <SimpleGrid cols={{ base: 1, xs: columns }} spacing="md" verticalSpacing="md" style={{ alignItems: "start" }}>
          {children}
        </SimpleGrid>
      </fieldset>
    </div>
  );
}

interface SwitchRowProps {
  label: string;
  required?: boolean;
  explain?: ReactNode;
  note?: ReactNode;
  checked: boolean;
  onChange: (on: boolean) => void;
  disabled?: boolean;
  error?: ReactNode;
  on: string;
  off: string;
}

export function SwitchRow({
  label,
  required,
  explain,
  note,
  checked,
  onChange,
  disabled,
  error,
  on,
  off,
}: SwitchRowProps) {
  const id = useId();
  return (
    <div className={classes.switchRow}>
      <div style={{ minWidth: 0 }}>
        <Input.Label htmlFor={id} required={required} labelElement="label">
          {label}
        </Input.Label>
        {explain && (
          <Text size="sm" c="dimmed" id={`${id}-explain`}>
            {explain}
          </Text>
        )}
        {note && (
          <Text size="sm" mt={4} id={`${id}-note`}>
            {note}
          </Text>
        )}
        {error && <Input.Error mt={4}>{error}</Input.Error>}
      </div>
      <div className={classes.switchState}>
        <Text size="sm" c="dimmed" aria-hidden>
          {checked ? on : off}
        </Text>
        <Switch
          id={id}
          size="md"
          checked={checked}
          disabled={disabled}
          aria-describedby={[explain && `${id}-explain`, note && `${id}-note`].filter(Boolean).join(" ") || undefined}
          onChange={(event) => onChange(event.currentTarget.checked)}
          styles={{ body: { alignItems: "center" } }}
        />
      </div>
    </div>
  );
}

interface PhoneInputProps {
  label: string;
  areaCode: string | undefined;
  value: string;
  onChange: (value: string) => void;
  error?: ReactNode;
  readOnly?: boolean;
}

export function PhoneInput({ label, areaCode, value, onChange, error, readOnly }: PhoneInputProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  // A field of Mantine's is described by its own wrapper only, whatever it is given.
  useEffect(() => input.current?.setAttribute("aria-describedby", error ? `${id}-area ${id}-error` : `${id}-area`));
  return (
    <Input.Wrapper
      id={id}
      label={label}
      error={error}
      labelProps={{ htmlFor: id }}
      errorProps={{ id: `${id}-error`, mt: 5 }}
    >
      <div className={classes.phone} dir="ltr">
        <span className={classes.areaCode} id={`${id}-area`}>
          {areaCode ?? ABSENT}
        </span>
        <TextInput
          id={id}
          ref={input}
          className={classes.number}
          type="tel"
          inputMode="tel"
          autoComplete="off"
          dir="ltr"
          value={value}
          error={!!error}
          readOnly={readOnly}
          placeholder={areaCode ? undefined : "+…"}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      </div>
    </Input.Wrapper>
  );
}
