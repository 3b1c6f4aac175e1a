import { ActionIcon, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";

interface RowActionProps {
  label: string;
  /** Whose row: read out, so that ten equal icons can be told apart. */
  name: string;
  children: ReactNode;
  to?: string;
  /** Handed to the page that `to` leads to. */
  state?: unknown;
  href?: string;
  onClick?: () => void;
  disabled?: boolean;
}

export function RowAction({ label, name, children, to, state, href, onClick, disabled }: RowActionProps) {
  const common = { "aria-label": `${label}: ${name}`, size: 31, disabled, children };
  let control: ReactNode;
  if (to) control = <ActionIcon component={Link} to={to} state={state} {...common} />;
  else if (href) control = <ActionIcon component="a" href={href} target="_blank" rel="noreferrer" {...common} />;
  else control = <ActionIcon onClick={onClick} {...common} />;
  return <Tooltip label={label}>{control}</Tooltip>;
}
