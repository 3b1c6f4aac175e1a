// What the gateway refused of a form as a whole, above its buttons.
import { Alert } from "@mantine/core";
import { IconAlertCircle } from "@tabler/icons-react";

export function GeneralRefusal({ text }: { text: string | null }) {
  if (!text) return null;
  return (
    <Alert color="red" variant="light" icon={<IconAlertCircle aria-hidden />} role="alert">
      {text}
    </Alert>
  );
}
