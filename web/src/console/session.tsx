// Who is signed in. Every page below the gate may rely on a session; when it ends, the gate closes by itself.
import { type Query, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, Fragment, type ReactNode, useCallback, useContext, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { forgetPositions, getSession, Problem, type SessionView } from "../api";
import { askAgain, rootsOf } from "../api/changes";
import { useLive } from "../api/live";
import { toastDone } from "../ui/refusals";
import { modulesOf } from "./modules";

const SessionContext = createContext<SessionView | null>(null);

export function useSession(): SessionView {
  const session = useContext(SessionContext);
  if (!session) throw new Error("a page outside the session gate asked for the session");
  return session;
}

/** Who is signed in; null when nobody is. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) =>
    getSession({ signal }).catch((reason: unknown) => {
      if (reason instanceof Problem && reason.status === 401) return null;
      throw reason;
    }),
  staleTime: 60_000,
});

function isOfOneAccount(query: Query): boolean {
  return !["session", "about", "reference"].includes(String(query.queryKey[0]));
}

/** Takes over a new session (signed in, switched account), or none. */
export function useTakeSession(): (session: SessionView | null) => void {
  const queries = useQueryClient();
  return useCallback((session) => queries.setQueryData(["session"], session), [queries]);
}

interface GateProps {
  waiting: ReactNode;
  failed: (problem: Error, retry: () => void) => ReactNode;
  closed: ReactNode;
  children: ReactNode;
}

export function SessionGate({ waiting, failed, closed, children }: GateProps) {
  const queries = useQueryClient();
  const { t } = useTranslation();
  const { data: session, error, refetch } = useQuery(sessionQuery);

  // Whatever is answered with "log in first" is a reason to look who this is now: nobody, or the distributor again.
  useEffect(() => {
    const doubt = (problem: unknown) => {
      if (!(problem instanceof Problem) || problem.status !== 401 || !queries.getQueryData(["session"])) return;
      void askAgain(queries, rootsOf("who-is-here"));
    };
    const stopAsking = queries.getQueryCache().subscribe((notice) => {
      if (notice.type === "updated" && notice.action.type === "error") doubt(notice.action.error);
    });
    const stopWishing = queries.getMutationCache().subscribe((notice) => {
      if (notice.type === "updated" && notice.action.type === "error") doubt(notice.action.error);
    });
    return () => {
      stopAsking();
      stopWishing();
    };
  }, [queries]);

  const account = session?.account_id;
  const before = useRef(account);
  if (before.current !== account) {
    // Somebody else, or nobody: what the former account saw is not theirs.
    before.current = account;
    forgetPositions();
    queries.removeQueries({ predicate: isOfOneAccount });
  }

  // An account entered by permission may be closed from elsewhere: say where one is now.
  const entered = !!session?.impersonator_id;
  const wasEntered = useRef(entered);
  useEffect(() => {
    if (wasEntered.current && !entered && account) toastDone(t("impersonation.over"));
    wasEntered.current = entered;
  }, [entered, account, t]);

  useLive(!!session && !session.must_change_password && modulesOf(session.role).length > 0);

  if (error && session === undefined) return failed(error, () => void refetch());
  if (session === undefined) return waiting;
  if (session === null) return closed;
  return (
    <SessionContext.Provider value={session}>
      <Fragment key={session.account_id}>{children}</Fragment>
    </SessionContext.Provider>
  );
}
