// Every dialog: a title, a close cross, Cancel, and Submit where it edits; what destroys asks again with OK.
import { Button, Group, Modal, Stack } from "@mantine/core";
import { type FormEvent, type ReactNode, useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { chooseOnEnter } from "./Form";
import { GeneralRefusal } from "./GeneralRefusal";

interface DialogProps {
  title: string;
  opened: boolean;
  onClose: () => void;
  children: ReactNode;
  size?: number | string;
  /** A stray click or Escape must not lose what is shown once. */
  guarded?: boolean;
}

/** A dialog that is taken away, rather than closed, gives the focus back as well. */
export function useFocusBack(): void {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      requestAnimationFrame(() => {
        if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
      });
    },
    [before],
  );
}

export function Dialog({ title, opened, onClose, children, size = 480, guarded = false }: DialogProps) {
  const { t } = useTranslation();
  useFocusBack();
  return (
    <Modal.Root
      opened={opened}
      onClose={onClose}
      size={size}
      centered
      closeOnClickOutside={!guarded}
      closeOnEscape={!guarded}
      padding="lg"
    >
      <Modal.Overlay backgroundOpacity={0.45} blur={2} />
      <Modal.Content>
        {/* A header element would be a second banner landmark. */}
        <Modal.Header role="presentation">
          <Modal.Title fw={650} fz="lg">
            {title}
          </Modal.Title>
          <Modal.CloseButton aria-label={t("action.close")} />
        </Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

interface FormDialogProps extends DialogProps {
  onSubmit: () => void;
  busy: boolean;
  refusal: string | null;
  submitLabel?: string;
  /** False while a mandatory field is empty. */
  ready?: boolean;
}

export function FormDialog({
  onSubmit,
  busy,
  refusal,
  submitLabel,
  ready = true,
  children,
  ...dialog
}: FormDialogProps) {
  const { t } = useTranslation();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    onSubmit();
  };
  return (
    <Dialog {...dialog}>
      <form onSubmit={submit} onKeyDown={chooseOnEnter} noValidate>
        <Stack gap="md">
          {children}
          <GeneralRefusal text={refusal} />
          <Group justify="flex-end" gap="sm" mt={4}>
            <Button variant="default" onClick={dialog.onClose}>
              {t("action.cancel")}
            </Button>
            <Button type="submit" loading={busy} disabled={!ready}>
              {submitLabel ?? t("action.submit")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

interface ConfirmDialogProps extends DialogProps {
  onConfirm: () => void;
  busy: boolean;
  refusal: string | null;
  destructive?: boolean;
}

export function ConfirmDialog({
  onConfirm,
  busy,
  refusal,
  destructive = true,
  children,
  ...dialog
}: ConfirmDialogProps) {
  const { t } = useTranslation();
  const described = useId();
  return (
    <Dialog {...dialog}>
      <Stack gap="md">
        <div id={described}>{children}</div>
        <GeneralRefusal text={refusal} />
        <Group justify="flex-end" gap="sm" mt={4}>
          <Button variant="default" onClick={dialog.onClose} data-autofocus>
            {t("action.cancel")}
          </Button>
          <Button
            color={destructive ? "red.8" : undefined}
            loading={busy}
            onClick={onConfirm}
            aria-describedby={described}
          >
            {t("action.ok")}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
