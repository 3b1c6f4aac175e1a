import { Button, Group, Text } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { findMac, fresh, Problem } from "../../../api";
import { LabelInput } from "../../../ui/LabelInput";
import { Page } from "../../../ui/Page";
import { Failure, NoData, Waiting } from "../../../ui/States";
import { macDigits } from "../devices/mac";
import { MacPlaceCard } from "./MacPlaceCard";

/** Where one MAC stands, for whoever may move it; its digits are part of the address, so that it can be sent on. */
export function MacSearchPage() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const mac = macDigits(params.get("mac") ?? "");
  const [text, setText] = useState(mac ?? "");
  const [wrong, setWrong] = useState(false);
  const found = useQuery({
    queryKey: ["macs", "place", mac],
    queryFn: ({ signal }) => findMac({ path: { mac: mac ?? "" }, query: fresh({}), signal }),
    enabled: mac !== null,
    retry: false,
  });
  const isUnknown = found.error instanceof Problem && found.error.code === "mac-unknown";
  return (
    <Page title={t("module.macLibrary")}>
      <Text c="dimmed" size="sm" mb="md" maw={720}>
        {t("macs.searchExplain")}
      </Text>
      <Group
        component="form"
        role="search"
        gap="xs"
        mb="lg"
        align="flex-end"
        onSubmit={(event) => {
          event.preventDefault();
          const digits = macDigits(text);
          setWrong(digits === null);
          if (digits === null) return;
          if (digits === mac) void found.refetch();
          else setParams({ mac: digits });
        }}
      >
        <LabelInput
          flex={{ base: "1 1 100%", xs: "0 1 360px" }}
          label={t("macs.mac")}
          description={t("macs.anyNotation")}
          required
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setWrong(false);
          }}
          error={wrong && t("refusal.mac-malformed")}
          inputWrapperOrder={["label", "description", "input", "error"]}
        />
        <Button type="submit" leftSection={<IconSearch size={16} aria-hidden />}>
          {t("search.submit")}
        </Button>
      </Group>
      <section className="card" aria-live="polite">
        {mac === null ? (
          <NoData hint={t("macs.searchFirst")} />
        ) : isUnknown ? (
          <NoData hint={t("macs.inNoLibrary")} />
        ) : found.error ? (
          <Failure problem={found.error} retry={() => void found.refetch()} />
        ) : found.data ? (
          <MacPlaceCard place={found.data} />
        ) : (
          <Waiting lines={3} />
        )}
      </section>
    </Page>
  );
}
