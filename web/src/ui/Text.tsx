// How values are shown: what people typed is isolated from the direction around it, machine values always run left to right.
import { Text, type TextProps } from "@mantine/core";
import { Fragment } from "react";
import { useTranslation } from "react-i18next";
import { timestamp } from "../i18n/format";
import { timestampIn } from "../i18n/zones";

/** Shown for a value that is not there. */
export const ABSENT = "--";

export function Absent() {
  return (
    <Text span inherit c="dimmed" dir="ltr" className="machine">
      {ABSENT}
    </Text>
  );
}

/** Names, rooms, addresses: in whatever script they were typed. */
export function UserText({ value, ...rest }: { value: string | null | undefined } & TextProps) {
  if (!value) return <Absent />;
  return (
    <Text span inherit {...rest}>
      <bdi>{value}</bdi>
    </Text>
  );
}

/** May be broken where a reader would break it. */
export function Email({ value }: { value: string | null | undefined }) {
  if (!value) return <Absent />;
  const parts = value.split(/(?=[@.])/);
  return (
    <span dir="ltr" className="machine">
      {parts.map((part, index) => (
        <Fragment key={index}>
          {index > 0 && <wbr />}
          {part}
        </Fragment>
      ))}
    </span>
  );
}

/** MAC, SIP, e-mail, telephone, UID. */
export function Machine({ value, ...rest }: { value: string | null | undefined } & TextProps) {
  if (!value) return <Absent />;
  return (
    <Text span inherit {...rest} dir="ltr" className="machine" title={rest.truncate ? value : undefined}>
      {value}
    </Text>
  );
}

export function Count({ value }: { value: number }) {
  const { i18n } = useTranslation();
  return value.toLocaleString(i18n.language);
}

/** A moment by the clocks of `zone`; without one, by those of the viewer. */
export function Time({ value, zone }: { value: string | null | undefined; zone?: string | undefined }) {
  const shown = value && zone ? timestampIn(zone, value) : timestamp(value);
  if (!shown) return <Absent />;
  return (
    <time dateTime={value ?? undefined} dir="ltr" className="machine">
      <span>{shown.slice(0, 10)}</span> <span>{shown.slice(11)}</span>
    </time>
  );
}
