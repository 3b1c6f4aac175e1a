// What happened, newest first, with older lines on request: audit trails and logs.
import { Button, Group } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { type Column, PlainList } from "./PagedList";
import { NoData } from "./States";

interface Page<Row> {
  rows: Row[];
  next?: string | null;
}

/** How a time line is read: from the newest line, then from each page's `next`. */
export type ListLines<Row> = (query: { cursor?: string; limit: number }, signal: AbortSignal) => Promise<Page<Row>>;

interface TimeLineProps<Row> {
  label: string;
  queryKey: readonly string[];
  list: ListLines<Row>;
  columns: Column<Row>[];
  rowKey: (row: Row) => string;
  /** What to say when nothing has happened yet. */
  none: string;
}

const linesAtATime = 50;

export function TimeLine<Row>({ label, queryKey, list, columns, rowKey, none }: TimeLineProps<Row>) {
  const { t } = useTranslation();
  const result = useInfiniteQuery({
    queryKey: [...queryKey, "lines"],
    queryFn: ({ pageParam, signal }) => list({ cursor: pageParam, limit: linesAtATime }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  return (
    <PlainList
      label={label}
      columns={columns}
      rowKey={rowKey}
      rows={result.data?.pages.flatMap((page) => page.rows)}
      error={result.error}
      refetch={() => void result.refetch()}
      empty={<NoData hint={none} />}
      footer={
        result.hasNextPage && (
          <Group justify="center" p="sm">
            <Button variant="default" loading={result.isFetchingNextPage} onClick={() => void result.fetchNextPage()}>
              {t("audit.older")}
            </Button>
          </Group>
        )
      }
    />
  );
}
