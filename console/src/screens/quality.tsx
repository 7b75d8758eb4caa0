// Data quality: what each check asks and found, run by run, and the rows that are held back.
import { Button, Drawer, NativeSelect } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { GET, POST, read, type Schemas } from '../api/client';
import { may, useMe } from '../api/session';
import { useRows } from '../parts/keys';
import { Page, Table } from '../parts/page';
import { Empty, Failed, Shown } from '../parts/states';
import { number, plural, Term, Time } from '../parts/text';
import { say } from '../parts/toast';
import { placed } from './tables';

type Check = Schemas['QualityCheck'];
type Run = Schemas['CheckRun'];
const LOOKS: Record<string, string> = { passed: 'good', warned: 'warn', failed: 'bad' };

function State({ check }: { check: Check }) {
  const latest = check.runs[0];
  return latest ? <span className={`tag ${LOOKS[latest.status]}`}>{latest.status}</span> : <span className="tag">not run</span>;
}

function share(run: Run): number | null {
  if (run.failing === null) return null;
  return run.rows ? run.failing / run.rows : 0;
}

/** The runs from left to right: a bar for each, as high as its share of failing rows, in the colour of its status. */
function Trend({ runs }: { runs: readonly Run[] }) {
  const shown = [...runs].slice(0, 20).reverse();
  const most = Math.max(0.0001, ...shown.map((run) => share(run) ?? 0));
  const told = shown.map((run) => run.status).join(', ');
  return (
    <div role="img" aria-label={shown.length === 0 ? 'Never run' : `Runs, the latest last: ${told}`} style={{ display: 'flex', alignItems: 'flex-end', gap: 2, height: 22, minWidth: 80 }}>
      {shown.map((run, index) => (
        <i
          key={index} title={`${run.at}: ${run.detail}`}
          style={{ width: 6, borderRadius: 2, background: run.status === 'passed' ? 'var(--good)' : run.status === 'warned' ? 'var(--warn)' : 'var(--bad)', height: `${Math.max(18, (100 * (share(run) ?? (run.status === 'passed' ? 0 : most))) / most)}%` }}
        />
      ))}
    </div>
  );
}

function One({ check }: { check: Check }) {
  return (
    <div className="stack">
      <p>
        <State check={check} /> {check.asks}
      </p>
      {check.description && <p>{check.description}</p>}
      <dl className="pairs">
        <dt>relation</dt>
        <dd>
          <Link to="/tables/$schema/$name" params={placed(check.relation)}>
            {check.relation}
          </Link>
        </dd>
        <dt>owner</dt>
        <dd>{check.owner || 'nobody'}</dd>
        <dt>severity</dt>
        <dd>{check.severity}</dd>
        <dt>gate</dt>
        <dd>{check.gate ?? 'none: it stands alone'}</dd>
        <dt>written in</dt>
        <dd>{check.where || 'shipped with Onefold'}</dd>
      </dl>
      {check.sample.length > 0 && (
        <div>
          <h3>Some rows that fail</h3>
          <ul className="small">
            {check.sample.map((key) => (
              <li key={key}>
                <Link to="/tables/$schema/$name" params={placed(check.relation)} search={{ q: key.split('/')[0] }}>
                  {key}
                </Link>
              </li>
            ))}
          </ul>
          <Link to="/quality" search={{ tab: 'quarantine', relation: check.relation, check: check.name }}>
            All rows that it holds
          </Link>
        </div>
      )}
      <h3>Runs</h3>
      {check.runs.length === 0 ? (
        <Empty title="Never run">Run the checks, or let <code>onefold check</code> do it every night.</Empty>
      ) : (
        <Table
          label="Runs"
          name={`check-${check.name}`}
          rows={[...check.runs]}
          columns={[
            { head: 'When', cell: (run) => <Time at={run.at} />, csv: (run) => run.at },
            { head: 'Status', cell: (run) => run.status },
            { head: 'Rows', number: true, cell: (run) => number(run.rows), csv: (run) => run.rows },
            { head: 'Failing', number: true, cell: (run) => number(run.failing), csv: (run) => run.failing },
            { head: 'Found', cell: (run) => run.detail },
          ]}
        />
      )}
    </div>
  );
}

function Checks({ checks, open, chosen }: { checks: readonly Check[]; open: (check: Check | undefined) => void; chosen: Check | undefined }) {
  const selected = useRows(checks.length, (index) => open(checks[index]));
  return (
    <>
      <Table
        label="Checks"
        name="checks"
        rows={[...checks]}
        selected={selected}
        open={open}
        columns={[
          { head: 'State', cell: (one) => <State check={one} />, csv: (one) => one.runs[0]?.status ?? 'not run' },
          {
            head: 'Check',
            cell: (one) => (
              <button type="button" className="plain strong" onClick={() => open(one)}>
                {one.name}
              </button>
            ),
            csv: (one) => one.name,
          },
          { head: 'Relation', cell: (one) => one.relation },
          { head: 'Found', cell: (one) => one.runs[0]?.detail ?? one.asks },
          { head: 'Trend', cell: (one) => <Trend runs={one.runs} />, csv: (one) => one.runs.map((run) => run.status).join(' ') },
          { head: 'Severity', cell: (one) => one.severity },
          { head: 'Gate', number: true, cell: (one) => one.gate ?? '–', csv: (one) => one.gate },
          { head: 'Owner', cell: (one) => one.owner || '–', csv: (one) => one.owner },
          { head: 'Last run', cell: (one) => <Time at={one.runs[0]?.at} />, csv: (one) => one.runs[0]?.at },
        ]}
      />
      <Drawer opened={chosen !== undefined} onClose={() => open(undefined)} position="right" size="lg" title={chosen ? `${chosen.name} of ${chosen.relation}` : ''} closeButtonProps={{ 'aria-label': 'Close' }}>
        {chosen && <One check={chosen} />}
      </Drawer>
    </>
  );
}

function Quarantine({ relation, check, admin }: { relation?: string; check?: string; admin: boolean }) {
  const pages = useInfiniteQuery({
    queryKey: ['quarantine', relation, check],
    queryFn: ({ pageParam }) => read(GET('/api/v1/quarantine', { params: { query: { skip: pageParam, limit: 100, ...(relation ? { relation } : {}), ...(check ? { check } : {}) } } })),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
  });
  const rows = (pages.data?.pages ?? []).flatMap((page) => page.rows);
  return (
    <Shown of={pages} rows={5}>
      {(found) =>
        rows.length === 0 ? (
          <Empty title="No row is held">Rows that fail a check of severity error come here, with what is wrong with them.</Empty>
        ) : (
          <>
            <p className="quiet">
              {plural(found.pages[0]!.total, 'row')}
              {check && ` held by ${check}`}. What came in a log entry is mended as a dead letter; the others where they come from.
            </p>
            <Table
              label="Quarantine"
              name="quarantine"
              rows={rows}
              columns={[
                { head: 'Relation', cell: (one) => <Link to="/tables/$schema/$name" params={placed(one.relation)}>{one.relation}</Link>, csv: (one) => one.relation },
                { head: 'Key', cell: (one) => <span className="mono">{one.key}</span>, csv: (one) => one.key },
                { head: 'Fails', cell: (one) => <span className="row">{one.checks.map((name) => <span key={name} className="tag bad">{name}</span>)}</span>, csv: (one) => one.checks.join(' ') },
                {
                  head: <span className="hidden">Mend it</span>,
                  cell: (one) =>
                    one.offset !== null && admin ? (
                      <Link to="/dead-letters" search={{ offset: String(one.offset) }}>
                        Mend and send again
                      </Link>
                    ) : (
                      ''
                    ),
                },
              ]}
            />
            {pages.hasNextPage && (
              <Button mt="sm" size="xs" variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                Show more
              </Button>
            )}
          </>
        )
      }
    </Shown>
  );
}

export default function Quality() {
  const search = useSearch({ from: '/shell/quality' });
  const navigate = useNavigate();
  const queries = useQueryClient();
  const admin = may(useMe(), 'admin');
  const checks = useQuery({ queryKey: ['checks'], queryFn: () => read(GET('/api/v1/checks')) });
  const run = useMutation({
    mutationFn: () => read(POST('/api/v1/checks/run', { body: { select: [] } })),
    onSuccess: async (done) => {
      say(`${plural(done.ran, 'check')} run: ${done.failed} failed, ${done.warned} warned${done.held ? `, ${plural(done.held, 'entry', 'entries')} held` : ''}.`);
      await Promise.all(['checks', 'quarantine', 'dead-letters', 'home'].map((name) => queries.invalidateQueries({ queryKey: [name] })));
    },
  });
  const set = (change: Record<string, string | undefined>) => void navigate({ to: '/quality', search: { ...search, ...change }, replace: true });
  const all = checks.data?.checks ?? [];
  const relations = [...new Set(all.map((one) => one.relation))].sort();
  const shown = all.filter((one) => (!search.relation || one.relation === search.relation) && (!search.status || (one.runs[0]?.status ?? 'not run') === search.status));
  const chosen = search.tab ? undefined : all.find((one) => search.check === `${one.relation}:${one.name}`);
  const count = (status: string) => all.filter((one) => one.runs[0]?.status === status).length;
  return (
    <Page
      title="Quality"
      about={
        <>
          What each <Term name="check" /> asks of the data and what it found; rows that fail are in <Term name="quarantine" />.
        </>
      }
      json={search.tab ? '/api/v1/quarantine' : '/api/v1/checks'}
      actions={
        admin && (
          <Button loading={run.isPending} onClick={() => run.mutate()}>
            Run the checks
          </Button>
        )
      }
    >
      {run.isError && <Failed error={run.error} again={() => run.mutate()} />}
      <nav className="tabs" aria-label="Of quality">
        <Link to="/quality" search={{ relation: search.relation }} activeOptions={{ exact: true }} aria-current={search.tab ? undefined : 'page'}>
          Checks
        </Link>
        <Link to="/quality" search={{ tab: 'quarantine', relation: search.relation }} activeOptions={{ exact: true }} aria-current={search.tab ? 'page' : undefined}>
          Quarantine
        </Link>
      </nav>
      <div className="row" style={{ marginBottom: 12 }}>
        <NativeSelect aria-label="Relation" value={search.relation ?? ''} data={[{ value: '', label: 'All relations' }, ...relations]} onChange={(event) => set({ relation: event.currentTarget.value || undefined })} />
        {!search.tab && (
          <>
            <NativeSelect aria-label="State" value={search.status ?? ''} data={[{ value: '', label: 'All states' }, 'failed', 'warned', 'passed', 'not run']} onChange={(event) => set({ status: event.currentTarget.value || undefined })} />
            <span className="quiet small" role="status">
              {plural(count('failed'), 'check')} failed, {count('warned')} warned, {count('passed')} passed
            </span>
          </>
        )}
        {search.tab && search.check && (
          <Button size="xs" variant="default" onClick={() => set({ check: undefined })}>
            Of all checks
          </Button>
        )}
      </div>
      {search.tab ? (
        <Quarantine relation={search.relation} check={search.check} admin={admin} />
      ) : (
        <Shown of={checks} rows={8}>
          {() => <Checks checks={shown} chosen={chosen} open={(one) => set({ check: one && `${one.relation}:${one.name}` })} />}
        </Shown>
      )}
    </Page>
  );
}
