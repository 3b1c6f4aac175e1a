import { Radio, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Accepted, type DeviceRow, once, resetDevice, type ResetScope } from "../../../../api";
import { useCommand } from "../../../../api/useCommand";
import { FormDialog } from "../../../../ui/Dialog";
import { sortRefusals } from "../../../../ui/refusals";
import { MacText } from "../MacText";
import { macDigits } from "../mac";

interface ResetDeviceDialogProps {
  device: Pick<DeviceRow, "device_id" | "mac" | "name">;
  onClose: () => void;
  onDone: (accepted: Accepted) => void;
}

export function ResetDeviceDialog({ device, onClose, onDone }: ResetDeviceDialogProps) {
  const { t } = useTranslation();
  const [scope, setScope] = useState<ResetScope>("configuration");
  const [typed, setTyped] = useState("");
  const reset = useCommand<{ scope: ResetScope; confirmed_mac: string | null }, Accepted>(
    (body, key) => resetDevice({ path: { device_id: device.device_id }, body, headers: once(key) }),
    { onSuccess: onDone },
  );
  const factory = scope === "factory";
  const { byField, general } = reset.error
    ? sortRefusals(reset.error, ["confirmed_mac"])
    : { byField: {} as Record<string, string>, general: null };
  return (
    <FormDialog
      title={t("device.resetTitle")}
      opened
      onClose={onClose}
      size={540}
      busy={reset.isPending}
      refusal={general}
      submitLabel={t("action.ok")}
      ready={!factory || macDigits(typed) === device.mac}
      onSubmit={() => reset.mutate({ scope, confirmed_mac: factory ? macDigits(typed) : null })}
    >
      <Text size="sm">
        <bdi style={{ fontWeight: 600 }}>{device.name}</bdi> <MacText value={device.mac} c="dimmed" />
      </Text>
      <Radio.Group label={t("device.resetWhich")} value={scope} onChange={(value) => setScope(value as ResetScope)}>
        <Stack gap="sm" mt={8}>
          <Radio
            value="configuration"
            label={t("device.resetConfiguration")}
            description={t("device.resetConfigurationHint")}
            data-autofocus
          />
          <Radio value="factory" label={t("device.resetFactory")} description={t("device.resetFactoryHint")} />
        </Stack>
      </Radio.Group>
      {factory && (
        <TextInput
          label={t("device.typeMac")}
          description={<MacText value={device.mac} />}
          withAsterisk
          required
          dir="ltr"
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          error={byField.confirmed_mac}
        />
      )}
      <Text size="sm" c="dimmed">
        {t("device.resetAfter")}
      </Text>
    </FormDialog>
  );
}
