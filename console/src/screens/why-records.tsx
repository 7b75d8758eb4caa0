// What two records say for and against one person: the way to the score as a waterfall, and what would change the decision.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { GET, read, type Schemas } from '../api/client';
import { Chart } from '../parts/chart';
import { Table } from '../parts/page';
import { Failed, Loading } from '../parts/states';
import { plural, Term, words } from '../parts/text';

type Evidence = Schemas['PairEvidence'];

function nameOf(step: Schemas['EvidenceStep']): string {
  return step.field ? words(step.field) : words(step.level) || 'all pairs';
}

/** Bars from sum to sum, as a score grows and falls. */
function waterfall(found: Pick<Evidence, 'steps' | 'join_from'>) {
  const bars = found.steps.map((step, n) => ({
    n, name: `${n + 1}. ${nameOf(step)}`, from: step.sum - step.weight, to: step.sum, weight: step.weight, level: words(step.level), side: step.weight < 0 ? 'against' : 'for',
  }));
  const need = Math.log(found.join_from / (1 - found.join_from));
  return {
    data: { values: bars },
    width: 'container', height: { step: 26 },
    encoding: { y: { field: 'name', type: 'nominal', sort: { field: 'n' }, title: null, axis: { labelLimit: 150 } } },
    layer: [
      {
        mark: { type: 'bar', height: 15, cornerRadius: 2 },
        encoding: {
          x: { field: 'from', type: 'quantitative', title: 'log odds of being one person' }, x2: { field: 'to' },
          color: { field: 'side', type: 'nominal', scale: { domain: ['for', 'against'], range: ['#2f8f5b', '#c4504f'] }, legend: { title: null, orient: 'top' } },
          tooltip: [{ field: 'name', title: 'field' }, { field: 'level' }, { field: 'weight', format: '+.2f' }],
        },
      },
      { mark: { type: 'rule', strokeDash: [4, 4] }, encoding: { x: { datum: need }, y: {} } },
    ],
  };
}

export function Records({ a, b }: { a: string; b: string }) {
  const evidence = useQuery({
    queryKey: ['evidence', a, b],
    queryFn: () => read(GET('/api/v1/explain/evidence', { params: { query: { a, b } } })),
    retry: false,
  });
  if (evidence.error) return <Failed error={evidence.error} />;
  if (!evidence.data) return <Loading rows={6} what="Comparing the records" />;
  const found = evidence.data;
  return (
    <section className="card" style={{ marginTop: 20 }} aria-label="What the records say">
      <h2>What the records say</h2>
      {found.steps.length === 0 ? (
        <p className="quiet">{found.because ?? 'There is nothing to compare.'}</p>
      ) : (
        <>
          <p>
            <span className="mono">{found.a}</span> and <span className="mono">{found.b}</span>
            {found.probability !== null && <>: one person with a probability of <strong>{(found.probability * 100).toFixed(1)} %</strong></>}
            {found.instead && <>; if not, they are likeliest {found.instead === 'household' ? 'of one household' : found.instead}</>}.{' '}
            <span className="quiet">Records join from {(found.join_from * 100).toFixed(1)} % on average, the dashed line.</span>
          </p>
          <Chart name="waterfall" label={`How the score comes about, in ${plural(found.steps.length, 'step')}`} spec={waterfall(found)} />
          <Table
            label="The way to the score" name="evidence" rows={[...found.steps]}
            columns={[
              { head: 'Field', cell: nameOf },
              { head: 'Agreement', cell: (step) => words(step.level) },
              { head: 'One record', cell: (step) => step.a ?? <span className="quiet">–</span>, csv: (step) => step.a },
              { head: 'The other', cell: (step) => step.b ?? <span className="quiet">–</span>, csv: (step) => step.b },
              { head: 'Adds', number: true, cell: (step) => step.weight.toFixed(2), csv: (step) => step.weight },
              { head: 'Sum', number: true, cell: (step) => step.sum.toFixed(2), csv: (step) => step.sum },
            ]}
          />
        </>
      )}
      <h3 style={{ marginTop: 16 }}>{found.one_person ? 'What would make them two people' : 'What would make them one person'}</h3>
      {found.changes.length > 0 ? (
        <ul style={{ margin: 0, paddingLeft: 18 }}>
          {found.changes.map((change, index) => (
            <li key={index}>
              {change.sentence}
              {change.evidence.map((step, at) => (
                <div key={at} className="small quiet" style={{ overflowWrap: 'anywhere' }}>
                  {step.from.label} and {step.to.label}, {words(step.kind)}{step.source && ` from ${step.source}`}
                </div>
              ))}
            </li>
          ))}
        </ul>
      ) : (
        <p className="quiet">{found.changes_searched ? 'No single change would do that.' : 'Too much evidence would have to be looked through to say.'}</p>
      )}
    </section>
  );
}

/** The weakest link of a person: without it, who would they be? */
export function Weakest({ id }: { id: string }) {
  const evidence = useQuery({
    queryKey: ['person-evidence', id],
    queryFn: () => read(GET('/api/v1/profiles/id/{profile_id}/evidence', { params: { path: { profile_id: id } } })),
  });
  if (evidence.error) return <Failed error={evidence.error} />;
  if (!evidence.data) return <Loading rows={2} />;
  const found = evidence.data;
  const [apart = [], rest = []] = found.parts;
  return (
    <section className="card" style={{ marginBottom: 14 }} aria-label="What holds this person together">
      <h2>What holds this person together</h2>
      {found.weakest && (
        <p>
          <Link to="/why" search={{ a: found.weakest.from.label, b: found.weakest.to.label }}>
            The weakest link
          </Link>{' '}
          is between <span className="mono">{found.weakest.from.label}</span> and <span className="mono">{found.weakest.to.label}</span>. Without it,{' '}
          {apart.length === 1 ? <span className="mono">{apart[0]}</span> : plural(apart.length, 'identifier')} would be somebody else than the other {rest.length}.
        </p>
      )}
      {found.sentences.map((sentence, index) => (
        <p key={index} className="small quiet" style={{ overflowWrap: 'anywhere' }}>
          {sentence}
        </p>
      ))}
      {found.contradictions.length > 0 && (
        <p className="small">
          {plural(found.contradictions.length, 'score speaks', 'scores speak')} against it; where they are right, a <Term name="judgement" /> splits the person.
        </p>
      )}
    </section>
  );
}
