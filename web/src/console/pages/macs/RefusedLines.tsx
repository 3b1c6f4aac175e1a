import { Button, Divider, Group, Skeleton, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useMediaQuery } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { type CSSProperties, useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { fresh, listRefusedRows, type MacImportView } from "../../../api";
import { refusalText } from "../../../ui/refusals";
import { Failure } from "../../../ui/States";
import { Absent, Count } from "../../../ui/Text";
import classes from "./macs.module.css";

/** A row keeps its height; on a phone there is room in it for three lines of text. */
const wide = { rowPx: 36, lines: 1 };
const narrow = { rowPx: 60, lines: 3 };
/** Drawn above and below what is seen, so that nothing white is scrolled into. */
const spareRows = 12;

/** Every line that was not taken, with its reason. There may be 100,000 of them: only those in sight are drawn. */
export function RefusedLines({ one }: { one: MacImportView }) {
  const { t, i18n } = useTranslation();
  const result = useInfiniteQuery({
    // Refusals are added while the import runs.
    queryKey: ["mac-refused", one.import_id, one.refused],
    queryFn: ({ pageParam, signal }) =>
      listRefusedRows({
        path: { import_id: one.import_id },
        query: fresh({ cursor: pageParam }),
        signal,
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });
  const isNarrow = useMediaQuery("(max-width: 47.99em)", undefined, { getInitialValueInEffect: false });
  const { rowPx, lines } = isNarrow ? narrow : wide;
  const [seen, setSeen] = useState({ top: 0, height: 480 });
  const look = useCallback((element: HTMLElement | null) => {
    if (element) setSeen({ top: element.scrollTop, height: element.clientHeight || 480 });
  }, []);
  const rows = result.data?.pages.flatMap((page) => page.rows) ?? [];
  const from = Math.max(0, Math.floor(seen.top / rowPx) - spareRows);
  const to = Math.min(rows.length, Math.ceil((seen.top + seen.height) / rowPx) + spareRows);

  const { hasNextPage, isFetchingNextPage, fetchNextPage } = result;
  const nearEnd = to >= rows.length;
  useEffect(() => {
    if (nearEnd && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [nearEnd, hasNextPage, isFetchingNextPage, fetchNextPage]);

  return (
    <section className="card" aria-labelledby="refused-lines" aria-busy={!result.data && !result.error}>
      <Group justify="space-between" gap="sm" py="sm" px={20}>
        <Title order={2} fz={15} id="refused-lines">
          {t("macs.refusedLines")} (<Count value={one.refused} />)
        </Title>
        <Button
          component="a"
          href={`/api/v1/macs/imports/${one.import_id}/refused.csv`}
          download
          size="xs"
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
        >
          {t("macs.downloadRefused")}
        </Button>
      </Group>
      <Divider color="var(--line)" />
      {result.error && !result.data ? (
        <Failure problem={result.error} retry={() => void result.refetch()} />
      ) : !result.data ? (
        <div style={{ padding: 20 }}>
          {Array.from({ length: 4 }, (_, line) => (
            <Skeleton key={line} height={12} my={14} />
          ))}
        </div>
      ) : (
        <div
          className={classes.scroller}
          ref={look}
          onScroll={(event) => look(event.currentTarget)}
          role="region"
          aria-labelledby="refused-lines"
          tabIndex={0}
          style={{ "--row": `${rowPx}px`, "--lines": lines } as CSSProperties}
        >
          <table className={classes.refused} aria-labelledby="refused-lines" aria-rowcount={one.refused + 1}>
            <thead>
              <tr aria-rowindex={1}>
                <th scope="col">{t("macs.line")}</th>
                <th scope="col" style={{ width: "34%" }}>
                  {t("macs.content")}
                </th>
                <th scope="col">{t("macs.reason")}</th>
              </tr>
            </thead>
            <tbody>
              {from > 0 && (
                <tr className={classes.gap} aria-hidden>
                  <td colSpan={3} style={{ height: from * rowPx }} />
                </tr>
              )}
              {rows.slice(from, to).map((row, index) => (
                <tr key={row.line} aria-rowindex={from + index + 2}>
                  <td>{row.line.toLocaleString(i18n.language, { useGrouping: false })}</td>
                  <td title={row.text}>
                    <span className={classes.clipped}>
                      {row.text ? <bdi className={classes.content}>{row.text}</bdi> : <Absent />}
                    </span>
                  </td>
                  <td title={refusalText(row.code, undefined)}>
                    <span className={classes.clipped}>{refusalText(row.code, undefined)}</span>
                  </td>
                </tr>
              ))}
              {to < rows.length && (
                <tr className={classes.gap} aria-hidden>
                  <td colSpan={3} style={{ height: (rows.length - to) * rowPx }} />
                </tr>
              )}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
