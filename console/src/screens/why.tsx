import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState, type FormEvent } from 'react';
import { GET, read, type Schemas } from '../api/client';
import { Page } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, plural, Term, Time, words } from '../parts/text';
import { Records } from './why-records';

type Step = Schemas['Step'];

const VERDICTS = { same: 'One person', different: 'Two people', not_connected: 'Nothing connects them' } as const;
const KINDS: Record<string, string> = {
  event: 'seen together in an event', record: 'stated by one record', alias: 'stated by an alias call',
  scored: 'alike enough', judgement: 'ruled by a person',
};

function strengthOf(step: Step): number | null {
  return typeof step.strength === 'number' ? step.strength : null;
}

/** The step without which the path falls apart first: of those followed, the one with the least strength. */
export function weakest(path: readonly Step[]): number {
  let at = -1;
  path.forEach((step, index) => {
    const strength = strengthOf(step);
    const least = at < 0 ? Infinity : (strengthOf(path[at]!) ?? Infinity);
    if (!step.refusal && strength !== null && strength < least) at = index;
  });
  return path.length > 1 ? at : -1;
}

function Evidence({ step, weak }: { step: Step; weak: boolean }) {
  const strength = strengthOf(step);
  return (
    <li className={`step${weak ? ' weak' : ''}${step.refusal ? ' refused' : ''}`}>
      <div className="row">
        <strong>{KINDS[step.kind] ?? step.kind}</strong>
        {step.source && <span className="tag">{step.source}</span>}
        {step.rule && <span className="mono quiet">{step.rule}</span>}
        {weak && <span className="tag warn">weakest link</span>}
        {step.refusal && <span className="tag bad">not followed</span>}
        <span className="quiet small">
          <Time at={step.at} /> · log entry {number(step.offset)}
        </span>
      </div>
      {strength !== null && (
        <div className="row" style={{ marginTop: 4, maxWidth: 380 }}>
          <span className="small quiet" style={{ width: 96 }}>
            strength {strength}
          </span>
          <span className="bar" style={{ flex: 1 }} aria-hidden="true">
            <i style={{ width: `${Math.min(strength, 100)}%` }} />
          </span>
        </div>
      )}
      {typeof step.score === 'number' && <div className="small quiet">log odds {step.score.toFixed(2)}</div>}
      {step.by && (
        <div className="small">
          {step.verdict && words(step.verdict)} by {step.by}
          {step.reason && <>: “{step.reason}”</>}
        </div>
      )}
      {step.refusal && <div className="small">{step.refusal.why}</div>}
    </li>
  );
}

export function Path({ steps }: { steps: readonly Step[] }) {
  const weak = weakest(steps);
  return (
    <ol className="chain" aria-label="Path of evidence">
      {steps.map((step, index) => (
        <li key={index} style={{ listStyle: 'none' }}>
          {index === 0 && <div className="end">{step.from.label}</div>}
          <ul className="chain">
            <Evidence step={step} weak={index === weak} />
          </ul>
          <div className="end">{step.to.label}</div>
        </li>
      ))}
    </ol>
  );
}

function Consequence({ path }: { path: readonly Step[] }) {
  const at = weakest(path);
  const step = path[at];
  if (!step) return null;
  return (
    <p>
      <strong>Weakest link: </strong>
      {step.from.label} and {step.to.label}
      {step.source && <>, from {step.source}</>}. The path is the strongest there is: were this step not followed, only evidence that
      is no stronger could still make them one person. If it is wrong, split the person in their history; where several people use{' '}
      {step.to.label}, it should be <Term name="shared" />.
    </p>
  );
}

/** Whether the two are one person for each use that has a threshold of its own. */
function Uses({ a, b }: { a: string; b: string }) {
  const uses = useQuery({
    queryKey: ['uses', a, b],
    queryFn: () => read(GET('/api/v1/explain/uses', { params: { query: { a, b } } })),
    retry: false,
  });
  if (!uses.data || uses.data.uses.length === 0) return null;
  return (
    <>
      <h2>By use</h2>
      <ul aria-label="By use" style={{ listStyle: 'none', margin: '0 0 12px', padding: 0 }}>
        {uses.data.uses.map((one) => (
          <li key={one.use} className="row">
            <strong>{words(one.use)}</strong>
            <span className={`tag ${one.one_person ? 'good' : 'warn'}`}>{one.one_person ? 'one person' : 'two people'}</span>
            <span className="quiet small">joined from {(one.join_from * 100).toFixed(0)} %</span>
          </li>
        ))}
      </ul>
    </>
  );
}

export default function Why() {
  const search = useSearch({ from: '/shell/why' });
  const navigate = useNavigate();
  const [a, setA] = useState(search.a ?? '');
  const [b, setB] = useState(search.b ?? '');
  useEffect(() => {
    setA(search.a ?? '');
    setB(search.b ?? '');
  }, [search.a, search.b]);
  const found = useQuery({
    queryKey: ['explain', search.a, search.b],
    queryFn: () => read(GET('/api/v1/explain', { params: { query: { a: search.a!, b: search.b! } } })),
    enabled: !!search.a && !!search.b,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void navigate({ to: '/why', search: { a: a.trim(), b: b.trim() } });
  };
  const json =
    search.a && search.b ? `/api/v1/explain?a=${encodeURIComponent(search.a)}&b=${encodeURIComponent(search.b)}` : undefined;
  return (
    <Page title="Why one person" about="The chain of evidence by which two identifiers are one person, or are not." json={json}>
      <form onSubmit={submit} className="row" style={{ alignItems: 'flex-end', marginBottom: 20 }}>
        <TextInput label="This identifier" placeholder="email:ann@example.org" required value={a} onChange={(event) => setA(event.currentTarget.value)} style={{ flex: '1 1 220px' }} />
        <TextInput label="and this one" placeholder="crm_id:00000153" required value={b} onChange={(event) => setB(event.currentTarget.value)} style={{ flex: '1 1 220px' }} />
        <Button type="submit">Explain</Button>
      </form>
      {!json ? (
        <Empty title="Name two identifiers">
          Write each as <code>type:value</code>. The page of a person has a link for each of theirs.
        </Empty>
      ) : (
        <>
        <Shown of={found}>
          {(explained) => (
            <div className="two">
              <section>
                <p className="row">
                  <span className={`tag ${explained.verdict === 'same' ? 'good' : 'warn'}`}>{VERDICTS[explained.verdict]}</span>
                  {explained.path.length > 0 && <span className="quiet">by {plural(explained.path.length, 'step')}</span>}
                </p>
                {explained.path.length > 0 ? <Path steps={explained.path} /> : <p>{explained.sentences[0]}</p>}
                {explained.refused.length > 0 && (
                  <>
                    <h2 style={{ marginTop: 20 }}>Evidence that was not followed ({number(explained.refused_total)})</h2>
                    {explained.refused.map((step, index) => (
                      <Path key={index} steps={[step]} />
                    ))}
                  </>
                )}
              </section>
              <section className="card">
                {explained.verdict === 'same' && <Consequence path={explained.path} />}
                <Uses a={search.a!} b={search.b!} />
                <h2>In words</h2>
                {explained.sentences.map((sentence, index) => (
                  <p key={index} className={index === 0 ? '' : 'small quiet'} style={{ overflowWrap: 'anywhere' }}>
                    {sentence}
                  </p>
                ))}
              </section>
            </div>
          )}
        </Shown>
        {search.a && search.b && <Records a={search.a} b={search.b} />}
        </>
      )}
    </Page>
  );
}
