// The one list of the console: columns on a desk, cards on a phone, the same pager below both.
import {
  ActionIcon,
  Box,
  Button,
  Divider,
  Group,
  Menu,
  NumberInput,
  Select,
  Skeleton,
  Table,
  Text,
  Tooltip,
} from "@mantine/core";
import { useLocalStorage, useMediaQuery } from "@mantine/hooks";
import { IconChevronLeft, IconChevronRight, IconColumns3 } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import classes from "./PagedList.module.css";
import { Failure, NoData } from "./States";

const narrowScreen = "(max-width: 61.99em)";

export const linesPerPage = [10, 20, 50, 100] as const;

export interface ListQuery {
  page: number;
  per_page: number;
  key?: string;
  q?: string;
  /** One of the list's own choices of rows; absent is all of them. */
  filter?: string;
}

/**
 * Page, lines per page, search and filter live in the address, so that Back and a shared link show the same rows.
 * `filters` are the choices this list has.
 */
export function useListQuery(filters: readonly string[] = []): [ListQuery, (change: Partial<ListQuery>) => void] {
  const [parameters, setParameters] = useSearchParams();
  // The address is drawn some time after it was changed; a second change must not undo the first.
  const changed = useRef<URLSearchParams>(undefined);
  useEffect(() => {
    if (changed.current?.toString() === parameters.toString()) changed.current = undefined;
  });
  const change = (next: Partial<ListQuery>) => {
    const merged = { ...listQuery(changed.current ?? parameters, filters), page: 1, ...next };
    const kept = new URLSearchParams();
    if (merged.page > 1) kept.set("page", String(merged.page));
    if (merged.per_page !== linesPerPage[0]) kept.set("per_page", String(merged.per_page));
    if (merged.q) {
      kept.set("q", merged.q);
      if (merged.key) kept.set("key", merged.key);
    }
    if (merged.filter) kept.set("filter", merged.filter);
    changed.current = kept;
    setParameters(kept);
  };
  return [listQuery(parameters, filters), change];
}

function listQuery(parameters: URLSearchParams, filters: readonly string[]): ListQuery {
  const wanted = Number(parameters.get("per_page"));
  const page = Math.floor(Number(parameters.get("page")));
  return {
    page: page >= 1 ? page : 1,
    per_page: linesPerPage.find((lines) => lines === wanted) ?? linesPerPage[0],
    key: parameters.get("key") ?? undefined,
    q: parameters.get("q") ?? undefined,
    filter: filters.find((choice) => choice === parameters.get("filter")),
  };
}

export interface Column<Row> {
  key: string;
  label: string;
  render: (row: Row) => ReactNode;
  width?: number | string;
  /** Shown only when chosen in the column menu. */
  optional?: boolean;
  /** The heading of the row's card on a phone. */
  lead?: boolean;
}

interface PagedListProps<Row> {
  name: string;
  label: string;
  columns: Column<Row>[];
  rowKey: (row: Row) => string;
  actions?: (row: Row) => ReactNode;
  actionsWidth?: number;
  toolbar?: ReactNode;
  empty?: ReactNode;
  query: ListQuery;
  onQuery: (change: Partial<ListQuery>) => void;
  result: {
    data: { rows: Row[]; total: number } | undefined;
    error: unknown;
    isPlaceholderData: boolean;
    refetch: () => unknown;
  };
}

export function PagedList<Row>(props: PagedListProps<Row>) {
  const { name, label, columns, rowKey, actions, actionsWidth, toolbar, empty, query, onQuery, result } = props;
  const { t } = useTranslation();
  const narrow = useMediaQuery(narrowScreen, undefined, { getInitialValueInEffect: false });
  const [extra, setExtra] = useLocalStorage<string[]>({ key: `smartplus.columns.${name}`, defaultValue: [] });
  const optional = columns.filter((column) => column.optional);
  const shown = columns.filter((column) => !column.optional || extra.includes(column.key));
  const rows = result.data?.rows;
  const last = result.data ? Math.max(1, Math.ceil(result.data.total / query.per_page)) : undefined;

  // The last row of the last page may be gone: show the page that is last now.
  useEffect(() => {
    if (last !== undefined && query.page > last && !result.isPlaceholderData) onQuery({ page: last });
  });

  let body: ReactNode;
  if (result.error && !rows) {
    body = <Failure problem={result.error} retry={() => void result.refetch()} />;
  } else if (rows?.length === 0) {
    body = empty ?? <NoData />;
  } else if (narrow) {
    body = <Cards {...{ columns: shown, rows, rowKey, actions, label }} />;
  } else {
    body = <Rows {...{ columns: shown, rows, rowKey, actions, actionsWidth, label, expected: query.per_page }} />;
  }

  return (
    <section className="card" aria-label={label} aria-busy={!rows || result.isPlaceholderData}>
      {(toolbar || optional.length > 0) && (
        <>
          <Group p="sm" gap="sm" justify="space-between" wrap="nowrap" align="flex-start">
            <Box flex={1} miw={0}>
              {toolbar}
            </Box>
            {optional.length > 0 && (
              <Menu closeOnItemClick={false} position="bottom-end" withInitialFocusPlaceholder={false}>
                <Menu.Target>
                  <Tooltip label={t("list.columns")}>
                    <ActionIcon variant="default" size={36} aria-label={t("list.columns")}>
                      <IconColumns3 size={18} />
                    </ActionIcon>
                  </Tooltip>
                </Menu.Target>
                <Menu.Dropdown>
                  {optional.map((column) => (
                    <Menu.CheckboxItem
                      key={column.key}
                      checked={extra.includes(column.key)}
                      onChange={(chosen) =>
                        setExtra((others) => [
                          ...others.filter((key) => key !== column.key),
                          ...(chosen ? [column.key] : []),
                        ])
                      }
                    >
                      {column.label}
                    </Menu.CheckboxItem>
                  ))}
                </Menu.Dropdown>
              </Menu>
            )}
          </Group>
          <Divider color="var(--line)" />
        </>
      )}
      <div className={classes.body} data-stale={result.isPlaceholderData || undefined}>
        {body}
      </div>
      <Divider color="var(--line)" />
      <Pager total={result.data?.total} last={last} query={query} onQuery={onQuery} />
    </section>
  );
}

interface PlainListProps<Row> extends Omit<RowsProps<Row>, "expected"> {
  error: unknown;
  refetch: () => void;
  toolbar?: ReactNode;
  empty?: ReactNode;
  footer?: ReactNode;
}

/** A list without pages: short by its nature, such as the members of one family, or read from its newest end. */
export function PlainList<Row>({ error, refetch, toolbar, empty, footer, ...list }: PlainListProps<Row>) {
  const narrow = useMediaQuery(narrowScreen, undefined, { getInitialValueInEffect: false });
  let body: ReactNode;
  if (error && !list.rows) body = <Failure problem={error} retry={refetch} />;
  else if (list.rows?.length === 0) body = empty ?? <NoData />;
  else body = narrow ? <Cards {...list} /> : <Rows {...list} expected={3} />;
  return (
    <section className="card" aria-label={list.label} aria-busy={!list.rows}>
      {toolbar && (
        <>
          <Box p="sm">{toolbar}</Box>
          <Divider color="var(--line)" />
        </>
      )}
      {body}
      {footer}
    </section>
  );
}

interface RowsProps<Row> {
  columns: Column<Row>[];
  rows: Row[] | undefined;
  rowKey: (row: Row) => string;
  actions?: (row: Row) => ReactNode;
  actionsWidth?: number;
  label: string;
  expected?: number;
}

function Rows<Row>({ columns, rows, rowKey, actions, actionsWidth = 120, label, expected = 10 }: RowsProps<Row>) {
  const { t } = useTranslation();
  return (
    <Table.ScrollContainer minWidth={900} type="native">
      <Table highlightOnHover={!!rows} verticalSpacing={8} horizontalSpacing={8} className={classes.table}>
        <Table.Caption className={classes.caption}>{label}</Table.Caption>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Table.Th key={column.key} w={column.width} scope="col">
                {column.label}
              </Table.Th>
            ))}
            {actions && (
              <Table.Th w={actionsWidth} scope="col" className={classes.actions}>
                {t("list.actions")}
              </Table.Th>
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows
            ? rows.map((row) => (
                <Table.Tr key={rowKey(row)}>
                  {columns.map((column) => (
                    <Table.Td key={column.key}>{column.render(row)}</Table.Td>
                  ))}
                  {actions && (
                    <Table.Td className={classes.actions}>
                      <Group gap={0} wrap="nowrap">
                        {actions(row)}
                      </Group>
                    </Table.Td>
                  )}
                </Table.Tr>
              ))
            : Array.from({ length: Math.min(expected, 20) }, (_, line) => (
                <Table.Tr key={line} className={classes.waiting}>
                  {[...columns, ...(actions ? [{ key: "actions" }] : [])].map((column) => (
                    <Table.Td key={column.key}>
                      <Skeleton height={12} radius="sm" />
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Cards<Row>({ columns, rows, rowKey, actions, label }: RowsProps<Row>) {
  const lead = columns.find((column) => column.lead) ?? columns[0];
  if (!rows) {
    return (
      <div className={classes.cards}>
        {Array.from({ length: 4 }, (_, card) => (
          <div key={card} className={classes.row}>
            <Skeleton height={16} width="50%" mb="md" />
            <Skeleton height={10} mb={10} />
            <Skeleton height={10} mb={10} />
            <Skeleton height={10} width="80%" />
          </div>
        ))}
      </div>
    );
  }
  return (
    <ul className={classes.cards} aria-label={label}>
      {rows.map((row) => (
        <li key={rowKey(row)} className={classes.row}>
          <Group justify="space-between" wrap="nowrap" gap="xs" align="flex-start">
            <Text component="div" fw={600} miw={0} pt={5}>
              {lead?.render(row)}
            </Text>
            {actions && (
              <Group gap={0} wrap="nowrap">
                {actions(row)}
              </Group>
            )}
          </Group>
          <dl className={classes.facts}>
            {columns
              .filter((column) => column !== lead)
              .map((column) => (
                <div key={column.key} className={classes.fact}>
                  <dt>{column.label}</dt>
                  <dd>{column.render(row)}</dd>
                </div>
              ))}
          </dl>
        </li>
      ))}
    </ul>
  );
}

interface PagerProps {
  total: number | undefined;
  last: number | undefined;
  query: ListQuery;
  onQuery: (change: Partial<ListQuery>) => void;
}

function Pager({ total, last, query, onQuery }: PagerProps) {
  const { t, i18n } = useTranslation();
  const [goTo, setGoTo] = useState<string | number>("");
  const go = () => {
    const page = Math.floor(Number(goTo));
    if (page >= 1) onQuery({ page: Math.min(page, last ?? page) });
    setGoTo("");
  };
  return (
    <nav className={classes.pager} aria-label={t("list.pages")}>
      <Group gap={8} wrap="nowrap">
        <Text size="sm" c="dimmed" id="lines-per-page">
          {t("list.linesPerPage")}
        </Text>
        <Select
          size="xs"
          w={72}
          aria-label={t("list.linesPerPage")}
          data={linesPerPage.map((lines) => ({ value: String(lines), label: lines.toLocaleString(i18n.language) }))}
          value={String(query.per_page)}
          onChange={(value) => value && onQuery({ per_page: Number(value) })}
          comboboxProps={{ shadow: "md" }}
        />
      </Group>
      <Text size="sm" className={classes.total} aria-live="polite">
        {total === undefined ? " " : t("list.total", { total })}
      </Text>
      <Group gap={4} wrap="nowrap">
        <ActionIcon
          variant="default"
          size={30}
          aria-label={t("list.previous")}
          disabled={query.page <= 1}
          onClick={() => onQuery({ page: query.page - 1 })}
        >
          <IconChevronLeft size={16} className="mirrored" />
        </ActionIcon>
        <Text size="sm" miw={64} ta="center" component="span" aria-current="page">
          {last === undefined ? " " : t("list.page", { page: query.page, last })}
        </Text>
        <ActionIcon
          variant="default"
          size={30}
          aria-label={t("list.next")}
          disabled={last === undefined || query.page >= last}
          onClick={() => onQuery({ page: query.page + 1 })}
        >
          <IconChevronRight size={16} className="mirrored" />
        </ActionIcon>
      </Group>
      <Group
        component="form"
        gap={6}
        wrap="nowrap"
        onSubmit={(event) => {
          event.preventDefault();
          go();
        }}
      >
        <Text size="sm" c="dimmed" aria-hidden>
          {t("list.goTo")}
        </Text>
        <NumberInput
          size="xs"
          w={56}
          hideControls
          allowDecimal={false}
          allowNegative={false}
          min={1}
          aria-label={t("list.goTo")}
          value={goTo}
          onChange={setGoTo}
        />
        <Button size="xs" variant="default" type="submit">
          {t("list.go")}
        </Button>
      </Group>
    </nav>
  );
}
