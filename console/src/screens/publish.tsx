// Saving a segment into the project's files, seeing who would move, and letting it hold.
import { Button, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { answered, POST, PUT, read, type Schemas } from '../api/client';
import { shownAs } from '../api/people';
import { Table } from '../parts/page';
import { Failed, Shown } from '../parts/states';
import { number, plural, words } from '../parts/text';
import { say } from '../parts/toast';

export type Document = string | Record<string, unknown>;
type Diff = Schemas['SegmentDiff'];
type Kind = 'realtime' | 'scheduled' | 'static';
export const MOVED_SHOWN = 500;

/** Who is in one of two versions only, person by person. */
export function Moved({ diff, name }: { diff: Diff; name: string }) {
  const total = diff.entering + diff.leaving;
  return (
    <>
      <p>
        {number(diff.entering)} enter, {number(diff.leaving)} leave, {number(diff.both)} stay.
      </p>
      {diff.people.length > 0 && (
        <Table
          label="Who would move" name={name} rows={[...diff.people]}
          columns={[
            { head: 'What', cell: (one) => <span className={`tag ${one.change === 'entering' ? 'good' : 'warn'}`}>{one.change}</span>, csv: (one) => one.change },
            {
              head: 'Person',
              cell: (one) => (
                <Link to="/people/$id" params={{ id: one.profile_id }} className={one.name ? undefined : 'mono'}>
                  {shownAs(one)}
                </Link>
              ),
              csv: shownAs,
            },
          ]}
        />
      )}
      {total > diff.people.length && <p className="quiet small">The first {number(diff.people.length)} of {number(total)}.</p>}
    </>
  );
}

/** Who would enter and leave a segment that is there, if its rule became this. */
function Compared({ slug, rule }: { slug: string; rule: Document }) {
  const diff = useQuery({
    queryKey: ['diff', slug, rule],
    queryFn: () => read(POST('/api/v1/segments/{slug}/diff', { params: { path: { slug } }, body: { rule, limit: MOVED_SHOWN } })),
  });
  return <Shown of={diff}>{(found) => <Moved diff={found} name={`${slug}-changes`} />}</Shown>;
}

export function slugOf(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[^a-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '');
}

function Change({ change }: { change: Schemas['SegmentChange'] }) {
  const samples = [...change.entering_samples.map((one) => ({ ...one, change: 'entering' })), ...change.leaving_samples.map((one) => ({ ...one, change: 'leaving' }))];
  return (
    <details>
      <summary>
        <strong>{words(change.audience)}</strong> <span className="tag">{change.what}</span> {number(change.members_before)} → {number(change.members_after)}:{' '}
        {number(change.entering)} enter, {number(change.leaving)} leave.
      </summary>
      <ul className="small" style={{ margin: '4px 0 8px', paddingLeft: 18 }}>
        {samples.map((one) => (
          <li key={one.profile_id}>
            {one.change}{' '}
            <Link to="/people/$id" params={{ id: one.profile_id }} className={one.name ? undefined : 'mono'}>
              {shownAs(one)}
            </Link>
          </li>
        ))}
        {samples.length < change.entering + change.leaving && <li className="quiet">and {plural(change.entering + change.leaving - samples.length, 'more', 'more')}</li>}
      </ul>
    </details>
  );
}

type Props = { rule: Document | null; definition?: Schemas['SegmentDefinition']; tag: string | null; kind?: Kind; tab?: string };

export function Publish({ rule, definition, tag, kind = 'realtime', tab }: Props) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [slug, setSlug] = useState('');
  const [description, setDescription] = useState(definition?.description ?? '');
  const [plan, setPlan] = useState<{ plan: Schemas['SegmentPlan']; tag: string }>();
  const name = definition?.slug ?? slugOf(slug);
  const save = useMutation({
    mutationFn: async () => {
      const kept = definition;
      await read(
        PUT('/api/v1/segments/{slug}/definition', {
          params: { path: { slug: name }, header: tag ? { 'if-match': tag } : { 'if-none-match': '*' } },
          body: {
            rule, description,
            kind: (kept?.kind ?? kind) as Kind,
            status: (kept?.status ?? 'active') as 'active' | 'draft' | 'archived',
            owner: kept?.owner ?? '', tags: [...(kept?.tags ?? [])], exclude: [...(kept?.exclude ?? [])],
            every_seconds: kept?.every_seconds ?? 86_400, top: kept?.top ?? null, suppression: kept?.suppression ?? false,
          },
        }),
      );
      const { data, response } = await answered(POST('/api/v1/segments/plan'));
      return { plan: data, tag: response.headers.get('etag') ?? '' };
    },
    onSuccess: async (done) => {
      setPlan(done);
      await queries.invalidateQueries({ queryKey: ['definition'] });
    },
  });
  const apply = useMutation({
    mutationFn: () => read(POST('/api/v1/segments/apply', { params: { header: { 'if-match': plan!.tag } } })),
    onSuccess: async () => {
      await queries.invalidateQueries();
      say(`${words(name)} holds now.`);
      await navigate({ to: '/segments/$slug', params: { slug: name }, search: { tab } });
    },
  });
  return (
    <div className="card stack">
      <h2>Save</h2>
      {!definition && <TextInput label="Name" placeholder="lapsed donors" value={slug} onChange={(event) => setSlug(event.currentTarget.value)} description={name && `Its slug: ${name}`} />}
      <TextInput label="Description" value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
      {definition && rule !== null && (
        <details>
          <summary>Who would move, person by person</summary>
          <Compared slug={name} rule={rule} />
        </details>
      )}
      {save.isError && <Failed error={save.error} />}
      {!plan && (
        <Button onClick={() => save.mutate()} loading={save.isPending} disabled={!name}>
          Save, and show who would enter
        </Button>
      )}
      {plan && (
        <>
          <h3>What applying would change</h3>
          {plan.plan.changes.length === 0 && <p className="quiet">Nobody enters or leaves.</p>}
          {plan.plan.changes.map((change) => (
            <Change key={change.audience} change={change} />
          ))}
          {plan.plan.notes.map((note) => (
            <p key={note} className="small quiet">
              {note}
            </p>
          ))}
          {apply.isError && <Failed error={apply.error} again={() => save.mutate()} />}
          <Button onClick={() => apply.mutate()} loading={apply.isPending}>
            Apply
          </Button>
        </>
      )}
    </div>
  );
}
