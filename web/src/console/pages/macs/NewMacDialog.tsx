import { Alert, Text } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useState } from "react";
import { Trans, useTranslation } from "react-i18next";
import { claimMac, once, type Problem, registerMac } from "../../../api";
import { useChanged } from "../../../api/changes";
import { useCommand } from "../../../api/useCommand";
import { FormDialog } from "../../../ui/Dialog";
import { LabelInput } from "../../../ui/LabelInput";
import { sortRefusals, toastDone } from "../../../ui/refusals";
import { MacText } from "../devices/MacText";
import { macDigits } from "../devices/mac";
import { useSession } from "../../session";
import { LabelCode } from "./LabelCode";

/** What a label says: the MAC and, where a distributor delivers it, a code. */
interface Label {
  mac: string;
  code: string;
}

/**
 * A distributor may say the code with the MAC. An installer is asked for it when the MAC is in somebody else's library,
 * and claims it with that.
 */
export function NewMacDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { role } = useSession();
  const changed = useChanged();
  const [text, setText] = useState("");
  const [code, setCode] = useState("");
  const [elsewhere, setElsewhere] = useState<string | null>(null);
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [refusal, setRefusal] = useState<string | null>(null);
  const digits = macDigits(text);
  const claiming = role === "installer" && digits !== null && digits === elsewhere;
  const done = (message: string) => async () => {
    toastDone(message);
    onClose();
    await changed("mac");
  };
  const onError = (problem: Problem) => {
    const { byField, general } = sortRefusals(problem, ["mac", "code"]);
    setWrong(byField);
    setRefusal(general);
  };
  const register = useCommand(
    ({ mac, code }: Label, key) =>
      registerMac({ body: { mac, ...(code && role === "distributor" ? { code } : {}) }, headers: once(key) }),
    {
      onSuccess: done(t("macs.added")),
      onError: (problem, { mac }) => {
        if (role === "installer" && problem.errors.some((each) => each.code === "mac-elsewhere")) setElsewhere(mac);
        else onError(problem);
      },
    },
  );
  const claim = useCommand(
    ({ mac, code }: Label, key) => claimMac({ path: { mac }, body: { code }, headers: once(key) }),
    { onSuccess: done(t("macs.claimed")), onError },
  );
  return (
    <FormDialog
      title={t("macs.addTitle")}
      opened
      onClose={onClose}
      busy={register.isPending || claim.isPending}
      refusal={refusal}
      ready={text.trim() !== "" && (!claiming || code.trim() !== "")}
      onSubmit={() => {
        setRefusal(null);
        setWrong({});
        if (!digits) setWrong({ mac: t("refusal.mac-malformed") });
        else (claiming ? claim : register).mutate({ mac: digits, code: code.trim() });
      }}
    >
      <LabelInput
        label={t("macs.mac")}
        description={t("macs.anyNotation")}
        withAsterisk
        required
        data-autofocus
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setWrong({});
        }}
        error={wrong.mac}
      />
      {digits && digits !== text && !wrong.mac && (
        <Text size="sm" c="dimmed">
          <Trans i18nKey="macs.storedAs" components={{ mac: <MacText value={digits} fw={600} /> }} />
        </Text>
      )}
      {claiming && (
        <Alert variant="light" color="yellow" icon={<IconInfoCircle aria-hidden />} role="status">
          {t("macs.elsewhere")}
        </Alert>
      )}
      {(claiming || role === "distributor") && (
        <LabelCode
          value={code}
          onChange={(value) => {
            setCode(value);
            setWrong(({ code: _, ...rest }) => rest);
          }}
          error={wrong.code}
          claiming={claiming}
        />
      )}
    </FormDialog>
  );
}
