import { Anchor, Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { fresh, listProvisionings, type ProvisioningRow } from "../../../../api";
import { Page } from "../../../../ui/Page";
import { type Column, PagedList, useListQuery } from "../../../../ui/PagedList";
import { NoData } from "../../../../ui/States";
import { Count, Time } from "../../../../ui/Text";

/** What was submitted so far. */
export function AutopPage() {
  const { t } = useTranslation();
  const [query, setQuery] = useListQuery();
  const result = useQuery({
    queryKey: ["provisionings", query],
    queryFn: ({ signal }) =>
      listProvisionings({ query: fresh({ page: query.page, per_page: query.per_page }), signal }),
    placeholderData: keepPreviousData,
  });
  const columns: Column<ProvisioningRow>[] = [
    {
      key: "created",
      label: t("autop.submittedAt"),
      lead: true,
      render: (batch) => (
        <Anchor component={Link} to={`/device/autop/${batch.provisioning_id}`} inherit fw={600}>
          <Time value={batch.created_at} />
        </Anchor>
      ),
    },
    { key: "kind", label: t("autop.kind"), render: (batch) => t(`autop.kinds.${batch.kind}`) },
    { key: "devices", label: t("autop.devices"), render: (batch) => <Count value={batch.devices} /> },
    { key: "done", label: t("autop.done"), render: (batch) => <Count value={batch.done} /> },
    { key: "waiting", label: t("autop.waiting"), render: (batch) => <Count value={batch.waiting} /> },
    { key: "failed", label: t("autop.failed"), render: (batch) => <Count value={batch.failed} /> },
  ];
  const create = (
    <Button component={Link} to="/device/autop/new" leftSection={<IconPlus size={17} aria-hidden />}>
      {t("action.new")}
    </Button>
  );
  return (
    <Page title={t("autop.title")} back={{ to: "/device", label: t("module.device") }} actions={create}>
      <PagedList
        name="provisionings"
        label={t("autop.batches")}
        columns={columns}
        rowKey={(batch) => batch.provisioning_id}
        query={query}
        onQuery={setQuery}
        result={result}
        empty={<NoData hint={t("autop.batchesNone")} action={create} />}
      />
    </Page>
  );
}
