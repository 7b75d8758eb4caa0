import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { GET, read } from '../api/client';
import { may, useMe } from '../api/session';
import { Page, Table } from '../parts/page';
import { Shown } from '../parts/states';
import { number, plural, Term, Time, words } from '../parts/text';

export default function Home() {
  const me = useMe();
  const admin = may(me, 'admin');
  const home = useQuery({ queryKey: ['home'], queryFn: ({ signal }) => read(GET('/api/v1/home', { signal })), refetchInterval: 15_000 });
  const review = useQuery({
    queryKey: ['review', 'count'],
    queryFn: () => read(GET('/api/v1/review/pairs', { params: { query: { limit: 1 } } })),
    enabled: admin,
  });
  const accounts = home.data?.sources ?? [];
  const unbalanced = accounts.filter((one) => !one.balanced);
  const still = accounts.filter((one) => !one.moving);
  const day = home.data?.day;
  return (
    <Page title="Home" about={`Workspace ${me?.workspace ?? ''}`} json="/api/v1/home">
      <Shown of={home} rows={3}>
        {({ counts, checks_run, checks_failed, checks_warned }) => (
          <div className="cards">
            <Link to="/people" className="card">
              <div className="figure">{number(counts.people)}</div>
              <div className="quiet">people, of {plural(counts.nodes, 'identifier')}</div>
            </Link>
            <Link to="/live" className="card">
              <div className="figure">{number(counts.events)}</div>
              <div className="quiet">
                events{day?.latest ? <>, the latest <Time at={day.latest} /></> : ''}
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
            <Link to="/quality" className="card">
              <div className="figure">{checks_run ? number(checks_failed) : '–'}</div>
              <div className="quiet">
                {checks_run ? `checks of ${checks_run} failed${checks_warned > 0 ? `, ${checks_warned} warned` : ''}` : 'no check has run yet'}
              </div>
            </Link>
          </div>
        )}
      </Shown>
      <div className="two" style={{ marginTop: 20 }}>
        <section>
          <h2>What came in</h2>
          <Shown of={home}>
            {({ sources: rows }) => (
              <Table
                label="Sources"
                name="sources"
                rows={[...rows]}
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
            {home.data &&
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
            {home.data?.still && <p>{home.data.still}</p>}
          </div>
          <div className="card">
            <h2>Since this time yesterday</h2>
            <Shown of={home} rows={3}>
              {({ because }) =>
                !day ? (
                  <p className="quiet">{because}</p>
                ) : (
                  <dl className="pairs">
                    <dt>events received</dt>
                    <dd>{number(day.events)}</dd>
                    <dt>new people</dt>
                    <dd>{number(day.people)}</dd>
                    <dt>
                      <Term name="person">people merged</Term>
                    </dt>
                    <dd>{number(day.merges)}</dd>
                    <dt>people split</dt>
                    <dd>{number(day.splits)}</dd>
                  </dl>
                )
              }
            </Shown>
          </div>
          {day && (
            <div className="card">
              <h2>Segments since then</h2>
              {day.segments.length === 0 ? (
                <p className="quiet">Nobody entered or left one.</p>
              ) : (
                <dl className="pairs">
                  {day.segments.map((one) => (
                    <div key={one.slug} style={{ display: 'contents' }}>
                      <dt>
                        <Link to="/segments/$slug" params={{ slug: one.slug }}>
                          {words(one.slug)}
                        </Link>
                      </dt>
                      <dd>
                        +{number(one.entered)} −{number(one.left)}
                      </dd>
                    </div>
                  ))}
                </dl>
              )}
            </div>
          )}
        </section>
      </div>
    </Page>
  );
}
