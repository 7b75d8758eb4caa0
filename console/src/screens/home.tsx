import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ask, GET, read } from '../api/client';
import { may, useMe } from '../api/session';
import { Page, Table } from '../parts/page';
import { Shown } from '../parts/states';
import { number, plural, Term, Time, words } from '../parts/text';

const YESTERDAY = `SELECT
  (SELECT count(*) FROM staging.event WHERE received_at >= now() - INTERVAL 1 DAY) AS events,
  (SELECT max(received_at) FROM staging.event) AS latest,
  (SELECT count(*) FROM golden.profile WHERE first_seen_at >= now() - INTERVAL 1 DAY) AS people`;

const MOVED = `SELECT audience, count(*) FILTER (WHERE entered) AS entered, count(*) FILTER (WHERE NOT entered) AS gone
FROM golden.membership_change WHERE changed_at >= now() - INTERVAL 1 DAY AND NOT starts_with(audience, 'stage.')
GROUP BY audience ORDER BY count(*) DESC LIMIT 8`;

export default function Home() {
  const me = useMe();
  const admin = may(me, 'admin');
  const query = may(me, 'query');
  const stats = useQuery({ queryKey: ['stats'], queryFn: () => read(GET('/api/v1/stats')), refetchInterval: 15_000 });
  const sources = useQuery({ queryKey: ['sources'], queryFn: () => read(GET('/api/v1/sources')), refetchInterval: 15_000 });
  const review = useQuery({
    queryKey: ['review', 'count'],
    queryFn: () => read(GET('/api/v1/review/pairs', { params: { query: { limit: 1 } } })),
    enabled: admin,
  });
  const day = useQuery({ queryKey: ['yesterday'], queryFn: ({ signal }) => ask(YESTERDAY, 1, signal), enabled: query });
  const moved = useQuery({ queryKey: ['moved'], queryFn: ({ signal }) => ask(MOVED, 8, signal), enabled: query });
  const accounts = sources.data?.sources ?? [];
  const unbalanced = accounts.filter((one) => !one.balanced);
  const still = accounts.filter((one) => !one.moving);
  const [events, latest, people] = day.data?.rows[0] ?? [];
  return (
    <Page title="Home" about={`Workspace ${me?.workspace ?? ''}`} json="/api/v1/stats">
      <Shown of={stats} rows={3}>
        {(counts) => (
          <div className="cards">
            <Link to="/people" className="card">
              <div className="figure">{number(counts.people)}</div>
              <div className="quiet">people, of {plural(counts.nodes, 'identifier')}</div>
            </Link>
            <Link to="/live" className="card">
              <div className="figure">{number(counts.events)}</div>
              <div className="quiet">
                events{latest ? <>, the latest <Time at={String(latest)} /></> : ''}
              </div>
            </Link>
            {admin && (
              <Link to="/review" className="card">
                <div className="figure">{review.data ? number(review.data.counts.open) : '–'}</div>
                <div className="quiet">pairs that wait for a decision</div>
              </Link>
            )}
            {admin && (
              <Link to="/dead-letters" className="card">
                <div className="figure">{number(counts.dead_letters)}</div>
                <div className="quiet">open dead letters</div>
              </Link>
            )}
          </div>
        )}
      </Shown>
      <div className="two" style={{ marginTop: 20 }}>
        <section>
          <h2>What came in</h2>
          <Shown of={sources}>
            {({ sources: rows }) => (
              <Table
                label="Sources"
                name="sources"
                rows={rows}
                columns={[
                  { head: 'Source', cell: (one) => one.source },
                  { head: 'Received', number: true, cell: (one) => number(one.received) },
                  { head: 'Stored', number: true, cell: (one) => number(one.stored) },
                  { head: 'Rejected', number: true, cell: (one) => number(one.rejected) },
                  { head: 'Pending', number: true, cell: (one) => number(one.pending) },
                ]}
              />
            )}
          </Shown>
        </section>
        <section className="stack">
          <div className="card">
            <h2>Health</h2>
            {sources.data &&
              (unbalanced.length + still.length === 0 ? (
                <p>
                  <span className="tag good">balanced</span> Each <Term name="account">account</Term> adds up, and nothing stands still.
                </p>
              ) : (
                <>
                  {unbalanced.map((one) => (
                    <p key={one.source}>
                      <span className="tag bad">unbalanced</span> {one.source}: run <code>onefold verify</code>.
                    </p>
                  ))}
                  {still.map((one) => (
                    <p key={one.source}>
                      <span className="tag warn">standing still</span> {one.source}: {number(one.pending)} items wait for a worker.
                    </p>
                  ))}
                </>
              ))}
            {day.data && (
              <p className="quiet">
                In the last 24 hours: {plural(Number(events ?? 0), 'event')} stored, {plural(Number(people ?? 0), 'person', 'people')} seen
                for the first time.
              </p>
            )}
          </div>
          {query && (
            <div className="card">
              <h2>Segments in the last 24 hours</h2>
              <Shown of={moved} rows={3}>
                {(rows) =>
                  rows.rows.length === 0 ? (
                    <p className="quiet">Nobody entered or left one.</p>
                  ) : (
                    <dl className="pairs">
                      {rows.rows.map(([name, entered, gone]) => (
                        <div key={String(name)} style={{ display: 'contents' }}>
                          <dt>
                            <Link to="/segments/$slug" params={{ slug: String(name) }}>
                              {words(String(name))}
                            </Link>
                          </dt>
                          <dd>
                            +{number(Number(entered))} −{number(Number(gone))}
                          </dd>
                        </div>
                      ))}
                    </dl>
                  )
                }
              </Shown>
            </div>
          )}
        </section>
      </div>
    </Page>
  );
}
