// What stands where a page would: it is on its way, it broke, or there is none.
import { Button, Center, Loader } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useRouteError } from "react-router";
import { isPartMissing, reloadedForRelease } from "../../api/parts";
import { Page } from "../../ui/Page";
import { Failure, NoData } from "../../ui/States";

export function PageComing() {
  return (
    <Center mih="60dvh">
      <Loader />
    </Center>
  );
}

/** After a release the parts of the one before are gone: the page reloads, and says so in words when that does not help. */
export function PageBroken() {
  const error = useRouteError();
  const missing = isPartMissing(error);
  const [said, setSaid] = useState(!missing);
  useEffect(() => {
    if (missing) void reloadedForRelease().then((comesAgain) => setSaid(!comesAgain));
  }, [missing, error]);
  if (!said) return <PageComing />;
  return (
    <Center mih="60dvh">
      <Failure problem={error} retry={() => location.reload()} />
    </Center>
  );
}

/** The same when there is no console round it. */
export function ConsoleBroken() {
  return (
    <main>
      <PageBroken />
    </main>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Page title={t("state.notFound")}>
      <section className="card">
        <NoData
          hint={t("state.notFoundHint")}
          action={
            <Button component={Link} to="/" variant="default">
              {t("state.home")}
            </Button>
          }
        />
      </section>
    </Page>
  );
}
