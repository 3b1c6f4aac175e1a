import { Button, Group, Stack, Text } from "@mantine/core";
import { Trans, useTranslation } from "react-i18next";
import { Link } from "react-router";
import { type MacRow, once, removeMac } from "../../../api";
import { useChanged } from "../../../api/changes";
import { Confirmed } from "../../../ui/Confirmed";
import { useCommand } from "../../../api/useCommand";
import { Dialog } from "../../../ui/Dialog";
import { toastDone } from "../../../ui/refusals";
import { UserText } from "../../../ui/Text";
import { useSession } from "../../session";
import { MacText } from "../devices/MacText";

interface RemoveMacDialogProps {
  row: MacRow;
  onClose: () => void;
}

/** Asks before a free MAC goes, and says of any other why it cannot go and what would free it. */
export function RemoveMacDialog({ row, onClose }: RemoveMacDialogProps) {
  const { role } = useSession();
  if (row.device_id) return <BoundDialog row={row} onClose={onClose} />;
  if (role === "installer" && !row.installer_id) return <OthersDialog row={row} onClose={onClose} />;
  return <FreeDialog row={row} onClose={onClose} />;
}

function FreeDialog({ row, onClose }: RemoveMacDialogProps) {
  const { t } = useTranslation();
  const changed = useChanged();
  const remove = useCommand((mac: string, key) => removeMac({ path: { mac }, headers: once(key) }), {
    onSuccess: async () => {
      toastDone(t("macs.removed"));
      onClose();
      await changed("mac");
    },
  });
  return (
    <Confirmed
      title={t("macs.removeTitle")}
      command={remove}
      input={row.mac}
      asks={t("macs.removeWhich")}
      more={<MacText value={row.mac} fw={600} />}
      explain={t("macs.removeExplain")}
      onClose={onClose}
    />
  );
}

function BoundDialog({ row, onClose }: RemoveMacDialogProps) {
  const { t } = useTranslation();
  const { role } = useSession();
  return (
    <Dialog title={t("macs.boundTitle")} opened onClose={onClose}>
      <Stack gap="md">
        <div>
          <Text size="sm">
            {row.owner ? (
              <Trans
                i18nKey="macs.boundTo"
                components={{
                  mac: <MacText value={row.mac} fw={600} />,
                  owner: <UserText value={row.owner} fw={600} />,
                }}
              />
            ) : (
              <Trans i18nKey="macs.boundToDevice" components={{ mac: <MacText value={row.mac} fw={600} /> }} />
            )}
          </Text>
          <Text size="sm" c="dimmed" mt={6}>
            {t(role === "installer" ? "macs.boundExplain" : "macs.boundElsewhereExplain")}
          </Text>
        </div>
        <Group justify="flex-end" gap="sm" mt={4}>
          <Button variant="default" onClick={onClose} data-autofocus>
            {t("action.close")}
          </Button>
          {role === "installer" && (
            <Button component={Link} to={`/device/${row.device_id}`}>
              {t("macs.openDevice")}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  );
}

function OthersDialog({ row, onClose }: RemoveMacDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog title={t("macs.othersTitle")} opened onClose={onClose}>
      <Stack gap="md">
        <Text size="sm">
          <Trans i18nKey="macs.othersExplain" components={{ mac: <MacText value={row.mac} fw={600} /> }} />
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {t("action.close")}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
