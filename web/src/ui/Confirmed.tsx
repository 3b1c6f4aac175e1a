// A command that is asked about first: what it does to whom, Cancel, OK, and the refusal when there is one.
import { Text } from "@mantine/core";
import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Problem } from "../api";
import { ConfirmDialog } from "./Dialog";
import { useRefusalText } from "./refusals";

interface ConfirmedProps<Input> {
  title: string;
  command: Pick<UseMutationResult<unknown, Problem, Input>, "mutate" | "isPending" | "error" | "reset">;
  /** What the command is given on OK. */
  input: Input;
  /** Whose or which it is about: the question, the name in bold, and what else tells it apart. */
  asks?: string;
  name?: string;
  more?: ReactNode;
  explain?: ReactNode;
  /** What stands below the explanation. */
  children?: ReactNode;
  destructive?: boolean;
  size?: number;
  onClose: () => void;
}

export function Confirmed<Input>({
  command,
  input,
  asks,
  name,
  more,
  explain,
  children,
  onClose,
  ...dialog
}: ConfirmedProps<Input>) {
  const text = useRefusalText();
  return (
    <ConfirmDialog
      {...dialog}
      opened
      onClose={() => {
        if (!command.isPending) command.reset();
        onClose();
      }}
      busy={command.isPending}
      refusal={command.error && text(command.error)}
      onConfirm={() => command.mutate(input)}
    >
      {(asks || name || more) && (
        <Text size="sm">
          {asks} {name && <bdi style={{ fontWeight: 600 }}>{name}</bdi>} {more}
        </Text>
      )}
      {explain && (
        <Text size="sm" c="dimmed" mt={asks || name || more ? 6 : 0}>
          {explain}
        </Text>
      )}
      {children}
    </ConfirmDialog>
  );
}
