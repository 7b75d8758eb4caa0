import { Button } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { GET, read, type Schemas } from '../api/client';
import { shownAs } from '../api/people';
import { may, useMe } from '../api/session';
import { ButtonLink } from '../parts/button-link';
import { Chart } from '../parts/chart';
import { useRows } from '../parts/keys';
import { Page, save, Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, plural, Time, words } from '../parts/text';
import { say } from '../parts/toast';
import { List } from './segment-list';
import { Overlap, Versions } from './segment-versions';

const TABS = [
  ['members', 'People'],
  ['growth', 'Size over time'],
  ['history', 'Entered and left'],
  ['overlap', 'Overlap'],
  ['definition', 'Rule'],
  ['versions', 'Versions'],
  ['list', 'List'],
] as const;

function because(reason: Schemas['MembershipReason']): string {
  const changed = reason.conditions.map((one) => `${one.condition}: ${one.before ?? 'unknown'} → ${one.now}`).join('; ');
  return changed || words(reason.because);
}

async function exported(slug: string) {
  const answer = await fetch(`/api/v1/segments/${encodeURIComponent(slug)}/members`, { headers: { Accept: 'text/csv' } });
  if (!answer.ok) return say('The export did not work; try again.');
  save(`${slug}.csv`, await answer.blob());
}

function Members({ slug }: { slug: string }) {
  const navigate = useNavigate();
  const pages = useInfiniteQuery({
    queryKey: ['members', slug],
    queryFn: ({ pageParam }) =>
      read(GET('/api/v1/segments/{slug}/members', { params: { path: { slug }, query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } } })) as Promise<Schemas['Members']>,
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    // Who enters is here soon after; who reads on is not disturbed.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 1) > 1 ? false : 5_000),
  });
  const rows = (pages.data?.pages ?? []).flatMap((page) => page.members);
  const selected = useRows(rows.length, (index) => {
    const one = rows[index];
    if (one) void navigate({ to: '/people/$id', params: { id: one.profile_id }, search: { tab: 'segments' } });
  });
  return (
    <Shown of={pages} rows={6}>
      {() =>
        rows.length === 0 ? (
          <Empty title="Nobody is in it">When somebody meets the rule, they are here within a second.</Empty>
        ) : (
          <>
            <Table
              label="People in this segment"
              rows={rows}
              selected={selected}
              open={(one) => void navigate({ to: '/people/$id', params: { id: one.profile_id } })}
              columns={[
                {
                  head: 'Person',
                  cell: (one) => (
                    <Link to="/people/$id" params={{ id: one.profile_id }} search={{ tab: 'segments' }} className={one.name ? undefined : 'mono'}>
                      {shownAs(one)}
                    </Link>
                  ),
                },
                {
                  head: 'Identifier',
                  cell: (one) => one.identifier && <span className="mono">{one.identifier.type}:{one.identifier.value}</span>,
                },
                { head: 'Since', cell: (one) => <Time at={one.since} /> },
                { head: 'Why', cell: (one) => <span className="small">{because(one.reason)}</span> },
              ]}
            />
            <div className="row" style={{ marginTop: 8 }}>
              {pages.hasNextPage && (
                <Button variant="default" size="xs" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                  Show more
                </Button>
              )}
              <Button variant="default" size="xs" onClick={() => void exported(slug)}>
                Download everybody as CSV
              </Button>
            </div>
          </>
        )
      }
    </Shown>
  );
}

function Growth({ slug }: { slug: string }) {
  const growth = useQuery({
    queryKey: ['growth', slug],
    queryFn: () => read(GET('/api/v1/segments/{slug}/growth', { params: { path: { slug } } })),
  });
  return (
    <Shown of={growth}>
      {({ days }) =>
        days.length === 0 ? (
          <Empty title="Nothing has changed yet">Each day on which somebody enters or leaves is shown here.</Empty>
        ) : (
          <>
            <Chart
              name={`${slug}-size`}
              label={`People in ${slug} by day`}
              spec={{
                data: { values: [...days] },
                width: 'container', height: 240,
                encoding: { x: { field: 'day', type: 'temporal', title: null, timeUnit: 'utcyearmonthdate' } },
                layer: [
                  { mark: { type: 'area', opacity: 0.15, interpolate: 'step-after' }, encoding: { y: { field: 'members', type: 'quantitative', title: 'People', axis: { tickMinStep: 1 } } } },
                  { mark: { type: 'line', point: true, interpolate: 'step-after' }, encoding: { y: { field: 'members', type: 'quantitative' } } },
                ],
              }}
            />
            <Table
              label="Size by day"
              name={`${slug}-growth`}
              rows={[...days].reverse()}
              columns={[
                { head: 'Day (UTC)', cell: (one) => one.day },
                { head: 'Entered', number: true, cell: (one) => number(one.entered) },
                { head: 'Left', number: true, cell: (one) => number(one.exited) },
                { head: 'People', number: true, cell: (one) => number(one.members) },
              ]}
            />
          </>
        )
      }
    </Shown>
  );
}

function Changes({ slug }: { slug: string }) {
  const history = useQuery({
    queryKey: ['segment-history', slug],
    queryFn: () => read(GET('/api/v1/segments/{slug}/history', { params: { path: { slug }, query: { limit: 200 } } })),
  });
  return (
    <Shown of={history}>
      {({ changes }) =>
        changes.length === 0 ? (
          <Empty title="Nobody has entered or left" />
        ) : (
          <Table
            label="Who entered and left"
            name={`${slug}-history`}
            rows={[...changes]}
            columns={[
              { head: 'What', cell: (one) => <span className={`tag ${one.entered ? 'good' : 'warn'}`}>{one.entered ? 'entered' : 'left'}</span>, csv: (one) => (one.entered ? 'entered' : 'left') },
              {
                head: 'Person',
                cell: (one) => (
                  <Link to="/people/$id" params={{ id: one.profile_id }} className="mono">
                    {one.profile_id}
                  </Link>
                ),
                csv: (one) => one.profile_id,
              },
              { head: 'When', cell: (one) => <Time at={one.at} />, csv: (one) => one.at },
              { head: 'Why', cell: (one) => <span className="small">{because(one.reason)}</span>, csv: (one) => because(one.reason) },
              { head: 'Version', number: true, cell: (one) => number(one.version), csv: (one) => one.version },
            ]}
          />
        )
      }
    </Shown>
  );
}

export default function Segment() {
  const { slug } = useParams({ from: '/shell/segments/$slug' });
  const search = useSearch({ from: '/shell/segments/$slug' });
  const me = useMe();
  const stage = slug.startsWith('stage.');
  const segment = useQuery({
    queryKey: ['segment', slug],
    queryFn: () => read(GET('/api/v1/segments/{slug}', { params: { path: { slug } } })),
    enabled: !stage,
    refetchInterval: 15_000,
  });
  const one = segment.data;
  const tabs = TABS.filter(([name]) => {
    if (name === 'list') return search.tab === name || (one?.kind === 'static' && may(me, 'segments'));
    return !stage || !['definition', 'versions', 'overlap'].includes(name);
  });
  const tab = tabs.find(([name]) => name === search.tab)?.[0] ?? 'members';
  const twin = { members: '/members', growth: '/growth', history: '/history', overlap: '', definition: '', versions: '/versions', list: '' }[tab];
  return (
    <Page
      title={words(slug)}
      about={one?.description || one?.sentence}
      json={tab === 'overlap' ? '/api/v1/segments/overlap' : `/api/v1/segments/${slug}${twin}`}
      actions={
        !stage && may(me, 'segments') && one && one.kind !== 'static' && (
          <ButtonLink variant="default" to="/builder" search={{ segment: slug }}>
            Change the rule
          </ButtonLink>
        )
      }
    >
      {one && (
        <div className="row" style={{ marginBottom: 14 }}>
          <strong>{plural(one.members ?? 0, 'person', 'people')}</strong>
          <span className={`tag ${one.status === 'active' ? 'good' : 'warn'}`}>{one.status}</span>
          <span className="tag">{one.kind}</span>
          {one.pending && <span className="tag warn">{one.pending}, not applied</span>}
          <span className="quiet">
            {one.version !== null && <>version {one.version}, applied <Time at={one.applied_at} /></>}
            {one.owner && ` · ${one.owner}`}
          </span>
        </div>
      )}
      {segment.isError && !stage ? (
        <Shown of={segment}>{() => null}</Shown>
      ) : (
        <>
          <nav className="tabs" aria-label="Of this segment">
            {tabs.map(([name, label]) => (
              <Link key={name} to="/segments/$slug" params={{ slug }} search={{ tab: name }} aria-current={name === tab ? 'page' : undefined} activeProps={{ 'aria-current': name === tab ? 'page' : undefined }}>
                {label}
              </Link>
            ))}
          </nav>
          {tab === 'members' && <Members slug={slug} />}
          {tab === 'growth' && <Growth slug={slug} />}
          {tab === 'history' && <Changes slug={slug} />}
          {tab === 'overlap' && <Overlap slug={slug} />}
          {tab === 'versions' && one && <Versions key={one.version} slug={slug} one={one} />}
          {tab === 'list' && one && <List slug={slug} entries={one.entries} />}
          {tab === 'definition' && one && (
            <div className="stack">
              <div className="card">
                <h2>In words</h2>
                <p>{one.sentence || 'A list.'}</p>
              </div>
              {one.rule !== null && <pre tabIndex={0} aria-label="The rule">{typeof one.rule === 'string' ? one.rule : JSON.stringify(one.rule, null, 2)}</pre>}
              <p className="quiet small">
                {one.file && <>Stated in {one.file}, line {one.line}. </>}
                {one.reads.length > 0 && <>Reads {one.reads.join(', ')}. </>}Fingerprint {one.fingerprint}.
              </p>
            </div>
          )}
        </>
      )}
    </Page>
  );
}
