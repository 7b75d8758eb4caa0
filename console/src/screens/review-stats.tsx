import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { GET, read } from '../api/client';
import { Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, plural, show, Time } from '../parts/text';

/** Cohen's kappa in a word, by Landis and Koch. */
function kappaWord(kappa: number): string {
  if (kappa < 0.2) return 'slight';
  if (kappa < 0.4) return 'fair';
  if (kappa < 0.6) return 'moderate';
  return kappa < 0.8 ? 'substantial' : 'almost perfect';
}

/** How far the review is, who answered how much, and how far reviewers agree. */
export function Agreement() {
  const stats = useQuery({ queryKey: ['review', 'stats'], queryFn: () => read(GET('/api/v1/review/stats')) });
  const decisions = useQuery({ queryKey: ['review', 'decisions'], queryFn: () => read(GET('/api/v1/review/decisions', { params: { query: { limit: 50 } } })) });
  return (
    <Shown of={stats}>
      {(found) => (
        <div className="stack" style={{ gap: 20 }}>
          <div className="cards">
            {Object.entries(found.counts).map(([name, many]) => (
              <Link key={name} className="card" to="/review" search={{ status: name === 'open' ? undefined : name }}>
                <div className="figure">{number(many)}</div>
                <div className="quiet">{name === 'second' ? 'wait for a second reviewer' : name}</div>
              </Link>
            ))}
          </div>
          <section>
            <h2>Agreement</h2>
            {found.answered_twice === 0 ? (
              <Empty title="No pair was answered by two people yet">
                <Link to="/review" search={{ status: 'second' }}>Give a second opinion</Link>: pairs that one reviewer decided, without that answer.
              </Empty>
            ) : (
              <>
                <p>
                  Of {plural(found.answered_twice, 'pair')} that two people answered, {number(found.agreeing)} got the same answer
                  {found.kappa !== null && <>; Cohen’s kappa is <strong>{found.kappa.toFixed(2)}</strong>, {kappaWord(found.kappa)} agreement</>}.
                </p>
                <Table
                  label="Agreement of reviewers" name="review-agreement" rows={[...found.agreement]}
                  columns={[
                    { head: 'Reviewers', cell: (one) => one.reviewers.join(' and ') },
                    { head: 'Pairs', number: true, cell: (one) => number(one.pairs), csv: (one) => one.pairs },
                    { head: 'Same answer', number: true, cell: (one) => number(one.agreeing), csv: (one) => one.agreeing },
                    { head: 'Kappa', number: true, cell: (one) => (one.kappa === null ? '–' : one.kappa.toFixed(2)), csv: (one) => one.kappa },
                  ]}
                />
              </>
            )}
          </section>
          {found.reviewers.length > 0 && (
            <section>
              <h2>Reviewers</h2>
              <Table
                label="Reviewers" name="reviewers" rows={[...found.reviewers]}
                columns={[
                  { head: 'Reviewer', cell: (one) => one.reviewer },
                  { head: 'Same', number: true, cell: (one) => number(one.same), csv: (one) => one.same },
                  { head: 'Different', number: true, cell: (one) => number(one.different), csv: (one) => one.different },
                  { head: 'Could not tell', number: true, cell: (one) => number(one.unsure), csv: (one) => one.unsure },
                ]}
              />
            </section>
          )}
          <Shown of={decisions}>
            {({ decisions: rows }) =>
              rows.length > 0 && (
                <section>
                  <h2>Latest decisions</h2>
                  <Table
                    label="Latest decisions" name="review-decisions" rows={[...rows]}
                    columns={[
                      { head: 'Answer', cell: (one) => <span className={`tag ${one.stands ? 'accent' : ''}`}>{one.verdict}</span>, csv: (one) => one.verdict },
                      { head: 'Pair', cell: (one) => <Link to="/people/$id" params={{ id: one.a }} className="mono">{one.pair.slice(0, 8)}</Link>, csv: (one) => one.pair },
                      { head: 'By', cell: (one) => one.by },
                      { head: 'Reason', cell: (one) => show(one.reason || null) },
                      { head: 'At once', number: true, cell: (one) => number(one.bulk), csv: (one) => one.bulk },
                      { head: 'When', cell: (one) => <Time at={one.at} />, csv: (one) => one.at },
                    ]}
                  />
                </section>
              )
            }
          </Shown>
        </div>
      )}
    </Shown>
  );
}
