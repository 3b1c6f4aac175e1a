import { useTranslation } from "react-i18next";
import { useLocation, useParams } from "react-router";
import { fresh, listAudit } from "../../../api";
import { Page } from "../../../ui/Page";
import { AuditList } from "./AuditList";

/** One's own audit trail. */
export function AuditPage() {
  const { t } = useTranslation();
  return (
    <Page title={t("audit.title")}>
      <AuditList queryKey={["audit"]} list={(query, signal) => listAudit({ query: fresh(query), signal })} />
    </Page>
  );
}

/** The audit trail of an account below one's own; the list that leads here says whose it is. */
export function PartnerAuditPage({ from }: { from: "installers" | "distributors" }) {
  const { t } = useTranslation();
  const { id = "" } = useParams();
  const { state } = useLocation() as { state: { name?: string } | null };
  return (
    <Page
      title={t("audit.title")}
      heading={
        state?.name && (
          <>
            {t("audit.title")} · <bdi>{state.name}</bdi>
          </>
        )
      }
      back={{ to: `/${from}`, label: t(`module.${from}`) }}
    >
      <AuditList
        queryKey={["audit", id]}
        list={(query, signal) => listAudit({ query: fresh({ ...query, subject_id: id }), signal })}
      />
    </Page>
  );
}
