import { Anchor, Button, Stack, Text, Tooltip } from "@mantine/core";
import {
  IconDeviceMobileCog,
  IconHomeCog,
  IconPencil,
  IconPlus,
  IconRestore,
  IconUsersGroup,
} from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { fresh, listUsers, type ListUsersData, type UserRow } from "../../../api";
import { useAbout } from "../../../api/reference";
import { Page } from "../../../ui/Page";
import { type Column, PagedList, useListQuery } from "../../../ui/PagedList";
import { Phone } from "../../../ui/Phone";
import { RowAction } from "../../../ui/RowAction";
import { Search } from "../../../ui/Search";
import { NoData } from "../../../ui/States";
import { Count, Email, Machine, Time, UserText } from "../../../ui/Text";
import { ResetDialog } from "./ResetDialog";
import { Status } from "./status";

type UserSearchKey = NonNullable<ListUsersData["query"]>["key"];

const searchKeys = ["name", "email", "mobile", "family_sip", "sip"] as const satisfies UserSearchKey[];

export function UsersPage() {
  const { t } = useTranslation();
  const [query, setQuery] = useListQuery();
  const [resetting, setResetting] = useState<UserRow | null>(null);
  const smartHome = useAbout().data?.smart_home_url;
  const result = useQuery({
    queryKey: ["users", query],
    queryFn: ({ signal }) => listUsers({ query: fresh({ ...query, key: query.key as UserSearchKey }), signal }),
    placeholderData: keepPreviousData,
  });

  const columns: Column<UserRow>[] = [
    {
      key: "name",
      label: t("user.name"),
      lead: true,
      render: (user) => (
        <Anchor component={Link} to={`/user/${user.user_id}`} inherit fw={600}>
          <bdi>{user.name}</bdi>
        </Anchor>
      ),
    },
    {
      key: "sip",
      label: t("user.sip"),
      width: 140,
      render: (user) => (
        <Stack gap={0}>
          <span style={{ whiteSpace: "nowrap" }}>
            {t("user.familySip")}:<Machine value={user.family_sip} />
          </span>
          <span style={{ whiteSpace: "nowrap" }}>
            {t("user.personalSip")}:<Machine value={user.personal_sip} />
          </span>
        </Stack>
      ),
    },
    { key: "room", label: t("user.room"), render: (user) => <UserText value={user.room} /> },
    { key: "email", label: t("user.email"), render: (user) => <Email value={user.email} /> },
    {
      key: "mobile",
      label: t("user.mobile"),
      render: (user) => <Phone number={user.mobile} />,
    },
    {
      key: "members",
      label: t("user.members"),
      width: 64,
      render: (user) => {
        const free = t("user.quota", { free: Math.max(0, user.free_quota - user.members), quota: user.free_quota });
        return (
          <Tooltip label={free}>
            <Text span inherit tabIndex={0} aria-label={`${user.members} (${free})`}>
              <Count value={user.members} />
            </Text>
          </Tooltip>
        );
      },
    },
    { key: "active", label: t("user.active"), width: 84, render: (user) => <Status of={user.status} /> },
    {
      key: "expires",
      label: t("user.expires"),
      width: 84,
      optional: true,
      render: (user) => <Time value={user.expires_at} />,
    },
    { key: "premium", label: t("user.premium"), width: 84, render: (user) => <Status of={user.premium} /> },
    { key: "created", label: t("user.created"), width: 84, render: (user) => <Time value={user.created_at} /> },
    {
      key: "premium_expires",
      label: t("user.premiumExpires"),
      width: 84,
      render: (user) => <Time value={user.premium_expires_at} />,
    },
  ];

  return (
    <Page
      title={t("module.user")}
      actions={
        <Button component={Link} to="/user/new" leftSection={<IconPlus size={17} aria-hidden />}>
          {t("action.new")}
        </Button>
      }
    >
      <PagedList
        name="users"
        label={t("user.list")}
        columns={columns}
        rowKey={(user) => user.user_id}
        actionsWidth={176}
        query={query}
        onQuery={setQuery}
        result={result}
        toolbar={
          <Search
            keys={searchKeys.map((key) => ({ value: key, label: t(`search.${key}`) }))}
            query={query}
            onQuery={setQuery}
          />
        }
        empty={
          query.q ? (
            <NoData hint={t("user.noneFound")} />
          ) : (
            <NoData
              hint={t("user.noneYet")}
              action={
                <Button component={Link} to="/user/new" leftSection={<IconPlus size={17} aria-hidden />}>
                  {t("action.new")}
                </Button>
              }
            />
          )
        }
        actions={(user) => (
          <>
            <RowAction label={t("user.family")} name={user.name} to={`/user/${user.user_id}/family`}>
              <IconUsersGroup size={18} stroke={1.7} />
            </RowAction>
            <RowAction label={t("user.devices")} name={user.name} to={`/user/${user.user_id}/devices`}>
              <IconDeviceMobileCog size={18} stroke={1.7} />
            </RowAction>
            <RowAction label={t("user.reset")} name={user.name} onClick={() => setResetting(user)}>
              <IconRestore size={18} stroke={1.7} />
            </RowAction>
            <RowAction label={t("user.edit")} name={user.name} to={`/user/${user.user_id}`}>
              <IconPencil size={18} stroke={1.7} />
            </RowAction>
            {user.home_automation && smartHome && (
              <RowAction label={t("user.smartHome")} name={user.name} href={smartHome}>
                <IconHomeCog size={18} stroke={1.7} />
              </RowAction>
            )}
          </>
        )}
      />
      {resetting && <ResetDialog user={resetting} onClose={() => setResetting(null)} />}
    </Page>
  );
}
