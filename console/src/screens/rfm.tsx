import { NativeSelect, useComputedColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { GET, read, type Schemas } from '../api/client';
import { may, useMe } from '../api/session';
import { Page, Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, plural, show, Term, Time } from '../parts/text';

type Run = Schemas['RfmRun'];
const SCORES = [1, 2, 3, 4, 5];

/** People by recency and frequency, whatever their money. */
export function grid(run: Pick<Run, 'cells'>): Map<string, number> {
  const cells = new Map<string, number>();
  for (const cell of run.cells) {
    const key = `${cell.r}${cell.f}`;
    cells.set(key, (cells.get(key) ?? 0) + cell.people);
  }
  return cells;
}

function Grid({ run, opens }: { run: Run; opens: boolean }) {
  const dark = useComputedColorScheme('light') === 'dark';
  const cells = grid(run);
  const most = Math.max(1, ...cells.values());
  const look = (people: number) => {
    // The square root, so that the many do not hide the few.
    const share = Math.sqrt(people / most);
    const strong = share > 0.75;
    // Nothing between: on a colour of middle lightness neither dark nor light figures can be read.
    const light = dark ? 18 + share * 12 : strong ? 46 - share * 18 : 96 - share * 34;
    return { background: `hsl(200 ${20 + share * 45}% ${light}%)`, color: dark || strong ? '#fff' : '#10202b' };
  };
  return (
    <div className="grid5" role="group" aria-label="People by recency and frequency">
      {[5, 4, 3, 2, 1].map((f) => (
        <div key={f} style={{ display: 'contents' }}>
          <span className="axis">F{f}</span>
          {SCORES.map((r) => {
            const people = cells.get(`${r}${f}`) ?? 0;
            const label = `Recency ${r}, frequency ${f}: ${plural(people, 'person', 'people')}`;
            return opens && people > 0 ? (
              <Link key={r} className="cell" style={look(people)} aria-label={label} title={label} to="/people" search={{ rfm: run.rfm, r: String(r), f: String(f) }}>
                {number(people)}
              </Link>
            ) : (
              <span key={r} className="cell" style={look(people)} title={label}>
                {number(people)}
              </span>
            );
          })}
        </div>
      ))}
      <span />
      {SCORES.map((r) => (
        <span key={r} className="axis">
          R{r}
        </span>
      ))}
    </div>
  );
}

export default function Rfm() {
  const { name } = useSearch({ from: '/shell/rfm' });
  const navigate = useNavigate();
  const me = useMe();
  const runs = useQuery({ queryKey: ['rfm'], queryFn: () => read(GET('/api/v1/rfm')) });
  return (
    <Page
      title="RFM"
      about={
        <>
          <Term name="RFM" /> scores people by how recently, how often and for how much they acted.
        </>
      }
      json="/api/v1/rfm"
    >
      <Shown of={runs}>
        {({ runs: all }) => {
          const run = all.find((one) => one.rfm === name) ?? all[0];
          if (!run) {
            return (
              <Empty title="Nothing was scored yet">
                State a definition in <code>rfm/*.yaml</code>, then <code>onefold rfm run</code>.
              </Empty>
            );
          }
          return (
            <>
              <div className="row" style={{ marginBottom: 14 }}>
                {all.length > 1 && <NativeSelect aria-label="Definition" value={run.rfm} data={all.map((one) => one.rfm)} onChange={(event) => void navigate({ to: '/rfm', search: { name: event.currentTarget.value } })} />}
                <strong>{run.rfm}</strong>
                <span>{plural(run.people, 'person', 'people')}</span>
                <span className="quiet">
                  as of <Time at={run.as_of} />, {run.method}{run.currency && <>, in {run.currency}</>}
                </span>
              </div>
              <div className="two">
                <section className="card">
                  <h2>Recency and frequency</h2>
                  <Grid run={run} opens={may(me, 'query')} />
                  <p className="small quiet" style={{ marginTop: 8 }}>
                    5 is best: most recent, most often. {may(me, 'query') && 'A cell opens its people.'}
                  </p>
                </section>
                <section>
                  <Table
                    label="RFM segments"
                    name={`rfm-${run.rfm}`}
                    rows={[...run.segments]}
                    columns={[
                      { head: 'Segment', cell: (one) => one.name },
                      { head: 'People', number: true, cell: (one) => number(one.people) },
                      { head: 'Share', number: true, cell: (one) => `${((100 * one.people) / Math.max(1, run.people)).toFixed(1)} %` },
                    ]}
                  />
                  <h2 style={{ marginTop: 16 }}>
                    <Term name="cut point">Cut points</Term>
                  </h2>
                  <dl className="pairs">
                    {(['recency', 'frequency', 'monetary'] as const).map((axis) => (
                      <div key={axis} style={{ display: 'contents' }}>
                        <dt>{axis}</dt>
                        <dd>{run.cut_points[axis].map((cut) => show(cut.value)).join(' · ') || '–'}</dd>
                      </div>
                    ))}
                  </dl>
                </section>
              </div>
            </>
          );
        }}
      </Shown>
    </Page>
  );
}
