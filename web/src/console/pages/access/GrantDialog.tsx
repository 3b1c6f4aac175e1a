// A new credential: of which kind, whose, for which doors, and when. What was made up for it is shown once.
import {
  Alert,
  Autocomplete,
  Button,
  Checkbox,
  Group,
  Input,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type AccessMethod,
  type CredentialKind,
  type DeviceDetail,
  fresh,
  type GrantAccepted,
  grantCredential,
  type GrantCredential,
  listMembers,
  once,
  type RelayRef,
} from "../../../api";
import { useChanged } from "../../../api/changes";
import { useCommand } from "../../../api/useCommand";
import { latinDigits } from "../../../i18n/format";
import { instantIn } from "../../../i18n/zones";
import { Line, QrCode } from "../../../ui/Credential";
import { Dialog, FormDialog } from "../../../ui/Dialog";
import { sortRefusals, toastDone } from "../../../ui/refusals";
import { Failure, Waiting } from "../../../ui/States";

const kinds = ["pin", "rf_card", "qr", "face", "bluetooth", "nfc"] as const satisfies CredentialKind[];
/** What can be left empty and is then made up. */
const madeUp: readonly CredentialKind[] = ["pin", "qr"];

/** A QR code is read by the camera that recognises faces. */
const methodOf = (kind: CredentialKind): AccessMethod => (kind === "qr" ? "face" : kind);

const nameOf = ({ device_id, relay }: RelayRef) => `${device_id} ${relay}`;

interface GrantDialogProps {
  userId: string;
  /** The household's; times are those of its clocks. */
  zone: string | undefined;
  doors: { data: DeviceDetail[] | undefined; error: unknown; refetch: () => unknown };
  onClose: () => void;
}

interface GrantForm {
  kind: CredentialKind;
  holder: string;
  secret: string;
  relays: string[];
  valid_from: string;
  valid_to: string;
}

export function GrantDialog({ userId, zone, doors, onClose }: GrantDialogProps) {
  const { t } = useTranslation();
  const changed = useChanged();
  const [refusal, setRefusal] = useState<string | null>(null);
  const [made, setMade] = useState<{ holder: string; kind: CredentialKind; secret: string } | null>(null);
  const members = useQuery({
    queryKey: ["members", userId],
    queryFn: ({ signal }) => listMembers({ path: { user_id: userId }, query: fresh(), signal }),
  }).data?.rows;
  const form = useForm<GrantForm>({
    initialValues: { kind: "pin", holder: "", secret: "", relays: [], valid_from: "", valid_to: "" },
  });
  const { values, errors } = form;
  const method = methodOf(values.kind);
  const all = (doors.data ?? []).flatMap((device) =>
    device.relays
      .filter(({ enabled }) => enabled)
      .map((relay) => ({
        ref: { device_id: device.device_id, relay: relay.number },
        device: device.name,
        name: relay.name,
        open: relay.methods.includes(method),
      })),
  );
  const chosen = all.filter(({ ref, open }) => open && values.relays.includes(nameOf(ref)));
  const grant = useCommand<GrantCredential, GrantAccepted>(
    (body, key) => grantCredential({ path: { user_id: userId }, body, headers: once(key) }),
    {
      onSuccess: ({ extra }, { kind, holder }) => {
        void changed("credential");
        toastDone(t("access.granted"));
        if (extra.secret) setMade({ holder, kind, secret: extra.secret });
        else onClose();
      },
      onError: (problem) => {
        const { byField, general } = sortRefusals(problem, Object.keys(values));
        form.setErrors(byField);
        setRefusal(general);
      },
    },
  );
  if (made) return <SecretDialog {...made} onClose={onClose} />;
  const complete =
    values.holder.trim() !== "" && chosen.length > 0 && (values.secret.trim() !== "" || madeUp.includes(values.kind));
  return (
    <FormDialog
      title={t("access.grantTitle")}
      opened
      onClose={onClose}
      size={600}
      busy={grant.isPending}
      refusal={refusal}
      ready={complete}
      onSubmit={() => {
        setRefusal(null);
        grant.mutate({
          kind: values.kind,
          holder: values.holder.trim(),
          secret: latinDigits(values.secret.trim()) || null,
          relays: chosen.map(({ ref }) => ref),
          valid_from: instantIn(zone ?? "", values.valid_from),
          valid_to: instantIn(zone ?? "", values.valid_to),
        });
      }}
    >
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
        <Select
          label={t("access.credentialKind")}
          withAsterisk
          data={kinds.map((kind) => ({ value: kind, label: t(`access.credential.${kind}`) }))}
          data-autofocus
          {...form.getInputProps("kind")}
        />
        <Autocomplete
          label={t("access.holder")}
          withAsterisk
          required
          className="typed"
          autoComplete="off"
          data={[...new Set(members?.map(({ name }) => name))]}
          {...form.getInputProps("holder")}
        />
      </SimpleGrid>
      <TextInput
        key={values.kind}
        label={t(`access.secret.${values.kind}`)}
        description={t(`access.secretHint.${values.kind}`)}
        withAsterisk={!madeUp.includes(values.kind)}
        required={!madeUp.includes(values.kind)}
        dir="ltr"
        autoComplete="off"
        inputMode={values.kind === "pin" ? "numeric" : undefined}
        {...form.getInputProps("secret")}
      />
      {doors.error && !doors.data ? (
        <Failure problem={doors.error} retry={() => void doors.refetch()} />
      ) : !doors.data ? (
        <Waiting lines={2} />
      ) : (
        <Input.Wrapper label={t("access.doors")} labelElement="div" withAsterisk error={errors.relays}>
          {all.length === 0 ? (
            <Text size="sm" c="dimmed" mt={4}>
              {t("access.noDoors")}
            </Text>
          ) : (
            <Stack gap="sm" mt={8} role="group" aria-label={t("access.doors")}>
              {all.map(({ ref, device, name, open }) => (
                <Checkbox
                  key={nameOf(ref)}
                  label={
                    <>
                      <bdi>{name}</bdi>{" "}
                      <Text span inherit c="dimmed">
                        · <bdi>{device}</bdi>
                      </Text>
                    </>
                  }
                  description={open ? undefined : t("refusal.method-off")}
                  checked={open && values.relays.includes(nameOf(ref))}
                  disabled={!open}
                  onChange={(event) => {
                    const on = event.currentTarget.checked;
                    const others = values.relays.filter((each) => each !== nameOf(ref));
                    form.setFieldValue("relays", on ? [...others, nameOf(ref)] : others);
                  }}
                />
              ))}
            </Stack>
          )}
        </Input.Wrapper>
      )}
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="md">
        <TextInput
          type="datetime-local"
          label={t("access.validFrom")}
          disabled={!zone}
          dir="ltr"
          {...form.getInputProps("valid_from")}
        />
        <TextInput
          type="datetime-local"
          label={t("access.validTo")}
          disabled={!zone}
          dir="ltr"
          {...form.getInputProps("valid_to")}
        />
      </SimpleGrid>
      {zone && (
        <Text size="sm" c="dimmed">
          {t("access.zone")} <bdi>{zone}</bdi>
        </Text>
      )}
    </FormDialog>
  );
}

interface SecretDialogProps {
  holder: string;
  kind: CredentialKind;
  secret: string;
  onClose: () => void;
}

function SecretDialog({ holder, kind, secret, onClose }: SecretDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog title={t("access.madeTitle")} opened onClose={onClose} guarded size={520}>
      <Stack gap="md">
        <Text size="sm">
          {t(`access.credential.${kind}`)} · <bdi style={{ fontWeight: 600 }}>{holder}</bdi>
        </Text>
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle aria-hidden />}>
          {t("access.madeOnce")}
        </Alert>
        <Group align="stretch" gap="md" wrap="wrap" justify="center">
          <Stack gap="xs" flex={1} miw={220}>
            <Line label={t(`access.secret.${kind}`)} value={secret} />
          </Stack>
          {kind === "qr" && <QrCode payload={secret} label={t("access.credential.qr")} />}
        </Group>
        <Group justify="flex-end">
          <Button onClick={onClose}>{t("credential.done")}</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
