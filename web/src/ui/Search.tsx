// Search by one key at a time, started by Enter or the button; the list keeps its place until then.
import { ActionIcon, Button, Group, Select, TextInput, Tooltip } from "@mantine/core";
import { IconSearch, IconX } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { latinDigits } from "../i18n/format";
import type { ListQuery } from "./PagedList";

interface SearchProps {
  /** What may be searched by; without a choice the list decides. */
  keys?: { value: string; label: string }[];
  query: ListQuery;
  onQuery: (change: Partial<ListQuery>) => void;
}

export function Search({ keys = [], query, onQuery }: SearchProps) {
  const { t } = useTranslation();
  const [key, setKey] = useState(query.key ?? keys[0]?.value ?? "");
  const [text, setText] = useState(query.q ?? "");
  useEffect(() => {
    setText(query.q ?? "");
    if (query.q && query.key) setKey(query.key);
  }, [query.q, query.key]);
  const search = (words: string) => {
    const q = (["name", "owner"].includes(key) ? words : latinDigits(words)).trim();
    onQuery(q ? { key: key || undefined, q } : { key: undefined, q: undefined });
  };
  return (
    <Group
      component="form"
      role="search"
      gap="xs"
      onSubmit={(event) => {
        event.preventDefault();
        search(text);
      }}
    >
      {keys.length > 0 && (
        <Select
          w={190}
          flex={{ base: "1 1 100%", xs: "0 0 auto" }}
          aria-label={t("search.by")}
          data={keys}
          value={key}
          onChange={(value) => value && setKey(value)}
        />
      )}
      <TextInput
        flex={{ base: "1 1 0", xs: "0 1 260px" }}
        miw={0}
        aria-label={t("search.text")}
        placeholder={t("search.text")}
        value={text}
        className="typed"
        onChange={(event) => setText(event.currentTarget.value)}
        leftSection={<IconSearch size={16} aria-hidden />}
        rightSection={
          text ? (
            <Tooltip label={t("search.clear")}>
              <ActionIcon
                size={26}
                color="gray"
                aria-label={t("search.clear")}
                onClick={() => {
                  setText("");
                  search("");
                }}
              >
                <IconX size={15} />
              </ActionIcon>
            </Tooltip>
          ) : null
        }
      />
      <Button type="submit" variant="default">
        {t("search.submit")}
      </Button>
    </Group>
  );
}
