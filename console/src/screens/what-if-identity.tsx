// What if identity.yaml said otherwise: who would be another person, which segments would follow; written down, applied, taken back.
import { Button, NativeSelect, NumberInput, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { answered, GET, POST, PUT, read, type Schemas } from '../api/client';
import { may, useMe } from '../api/session';
import { Table } from '../parts/page';
import { Failed, Loading, Shown } from '../parts/states';
import { number, plural, Term, words } from '../parts/text';
import { say } from '../parts/toast';

type Stated = Schemas['IdentityStated'] & { tag: string };
type Plan = Schemas['IdentityPlan'];
type Changed = Record<string, unknown>;
type Draft = {
  join_from: number; review_from: number; contradiction_below: number; model: string;
  weights: Record<string, number>; types: Record<string, { limit: number | null; shared_after: number | null }>; blocked: string[];
};

async function stated(): Promise<Stated> {
  const { data, response } = await answered(GET('/api/v1/identity/settings'));
  return { ...data, tag: response.headers.get('etag') ?? '' };
}

async function planned(changed: Changed): Promise<{ plan: Plan; tag: string }> {
  const { data, response } = await answered(POST('/api/v1/identity/plan', { body: changed }));
  return { plan: data, tag: response.headers.get('etag') ?? '' };
}

function draftOf(one: Stated): Draft {
  const { join_from, review_from, contradiction_below, model, weights, blocked } = one;
  const types = Object.fromEntries(one.types.map(({ name, limit, shared_after }) => [name, { limit: limit ?? null, shared_after: shared_after ?? null }]));
  return { join_from, review_from, contradiction_below, model, weights: { ...weights }, types, blocked: [...blocked] };
}

/** The keys of identity.yaml in which a draft differs from what it says. */
function difference(one: Stated, draft: Draft): Changed {
  const was = draftOf(one);
  const match: Changed = {};
  for (const key of ['join_from', 'review_from', 'contradiction_below', 'model'] as const) if (draft[key] !== was[key]) match[key] = draft[key];
  const weights = Object.fromEntries(Object.entries(draft.weights).filter(([name, value]) => value !== was.weights[name]));
  if (Object.keys(weights).length > 0) match.weights = weights;
  const types: Changed = {};
  for (const [name, bounds] of Object.entries(draft.types)) {
    const other = Object.fromEntries(Object.entries(bounds).filter(([key, value]) => value !== null && value !== was.types[name]![key as 'limit']));
    if (Object.keys(other).length > 0) types[name] = other;
  }
  const changed: Changed = {};
  if (Object.keys(match).length > 0) changed.match = match;
  if (Object.keys(types).length > 0) changed.types = types;
  const blocked = draft.blocked.map((value) => value.trim()).filter(Boolean);
  if (JSON.stringify(blocked) !== JSON.stringify(was.blocked)) changed.blocked = { values: blocked };
  return changed;
}

function People({ of }: { of: readonly Schemas['PlannedPerson'][] }) {
  return (
    <>
      {of.slice(0, 4).map((one, index) => (
        <div key={index}>
          <Link to="/people/$id" params={{ id: one.profile_id }} className="mono">
            {one.identifier ? `${one.identifier.type}:${one.identifier.value}` : one.profile_id}
          </Link>{' '}
          <span className="quiet small">{plural(one.identifiers, 'identifier')}</span>
        </div>
      ))}
      {of.length > 4 && <span className="quiet small">and {number(of.length - 4)} more</span>}
    </>
  );
}

function Moves({ plan }: { plan: Plan }) {
  return (
    <>
      <div className="cards" aria-live="polite">
        {([['people now', plan.people], ['people then', plan.people_after], ['would be one with others', plan.merged], ['would be several', plan.split]] as const).map(([what, many]) => (
          <div key={what} className="card">
            <div className="figure">{number(many)}</div>
            <div className="quiet">{what}</div>
          </div>
        ))}
      </div>
      {plan.notes.map((note) => (
        <p key={note} className="small quiet">
          {note}
        </p>
      ))}
      {plan.changes.length > 0 && (
        <Table
          label="Who would be somebody else"
          rows={[...plan.changes]}
          columns={[
            { head: 'What', cell: (one) => <span className={`tag ${one.kind === 'merged' ? 'good' : one.kind === 'split' ? 'bad' : 'warn'}`}>{one.kind}</span> },
            { head: 'Now', cell: (one) => <People of={one.before} /> },
            { head: 'Then', cell: (one) => <People of={one.after} /> },
          ]}
        />
      )}
      {plan.changes.length < plan.changes_total && <p className="quiet small">The first {number(plan.changes.length)} of {number(plan.changes_total)}.</p>}
      {plan.segments.length > 0 && (
        <Table
          label="Segments that would follow"
          rows={[...plan.segments]}
          columns={[
            { head: 'Segment', cell: (one) => words(one.audience) },
            { head: 'Members now', number: true, cell: (one) => number(one.members_before) },
            { head: 'Then', number: true, cell: (one) => number(one.members_after) },
            { head: 'Enter', number: true, cell: (one) => number(one.entering) },
            { head: 'Leave', number: true, cell: (one) => number(one.leaving) },
          ]}
        />
      )}
    </>
  );
}

/** What the file says and is not applied yet: seen, and applied. */
function Standing({ one }: { one: Stated }) {
  const me = useMe();
  const queries = useQueryClient();
  const plan = useQuery({ queryKey: ['identity', 'standing', one.tag], queryFn: () => planned({}), retry: false, enabled: !one.restart });
  const apply = useMutation({
    mutationFn: () => read(POST('/api/v1/identity/apply', { params: { header: { 'if-match': plan.data!.tag } } })),
    onSuccess: async () => {
      say('Applied: people are worked out again.');
      await queries.invalidateQueries();
    },
  });
  const undo = useMutation({
    mutationFn: () => read(POST('/api/v1/identity/settings/undo', { params: { header: { 'if-match': one.tag } } })),
    onSuccess: async () => {
      say('Taken back: identity.yaml says what it said before.');
      await queries.invalidateQueries();
    },
  });
  const waits = plan.data && plan.data.plan.changes_total > 0;
  if (!one.restart && !one.undo && !waits) return null;
  return (
    <section className="card stack" aria-label="identity.yaml and what is stored">
      {one.restart && (
        <p>
          <strong>identity.yaml was changed, and the server does not work by it yet.</strong> Start the server again, then come back here to apply it
          to the people who are stored.
        </p>
      )}
      {waits && (
        <>
          <h2>identity.yaml says what is not applied to everybody yet</h2>
          <Moves plan={plan.data.plan} />
        </>
      )}
      {[plan, apply, undo].map((step, index) => step.isError && <Failed key={index} error={step.error} />)}
      <div className="row">
        {waits && (
          <Button onClick={() => apply.mutate()} loading={apply.isPending}>
            Apply
          </Button>
        )}
        {one.undo && may(me, 'admin') && (
          <Button variant="default" onClick={() => undo.mutate()} loading={undo.isPending}>
            Take the last change back
          </Button>
        )}
      </div>
    </section>
  );
}

function Form({ one }: { one: Stated }) {
  const me = useMe();
  const queries = useQueryClient();
  const [draft, setDraft] = useState(() => draftOf(one));
  const changed = difference(one, draft);
  const isChanged = Object.keys(changed).length > 0;
  const [tried, setTried] = useState<string>();
  const plan = useMutation({ mutationFn: () => planned(changed), onSuccess: () => setTried(JSON.stringify(changed)) });
  const save = useMutation({
    mutationFn: () => read(PUT('/api/v1/identity/settings', { params: { header: { 'if-match': one.tag } }, body: changed })),
    onSuccess: async () => {
      say('Written into identity.yaml.');
      await queries.invalidateQueries({ queryKey: ['identity'] });
    },
  });
  const part = (key: 'join_from' | 'review_from' | 'contradiction_below', label: string, description: string) => (
    <NumberInput
      label={label} description={description} value={draft[key]} min={0} max={1} step={0.01} decimalScale={3} disabled={!one.matching} style={{ width: 260 }}
      onChange={(value) => typeof value === 'number' && setDraft({ ...draft, [key]: value })}
    />
  );
  const bound = (name: string, key: 'limit' | 'shared_after', what: string) => (
    <NumberInput
      size="xs" aria-label={`${what} of ${name}`} value={draft.types[name]![key] ?? ''} min={key === 'limit' ? 1 : 2} max={10000} allowDecimal={false} style={{ width: 110 }}
      onChange={(value) => setDraft({ ...draft, types: { ...draft.types, [name]: { ...draft.types[name]!, [key]: typeof value === 'number' ? value : null } } })}
    />
  );
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged) plan.mutate();
      }}
    >
      <h2>Thresholds</h2>
      {!one.matching && <p className="quiet">Thresholds are set where `match` is in identity.yaml: names and addresses are then compared every night, too.</p>}
      <div className="row" style={{ alignItems: 'flex-end', gap: 16 }}>
        {part('join_from', 'Join from', 'Groups of records above it are one person.')}
        {part('review_from', 'Review from', 'A pair above it is for somebody to look at.')}
        {part('contradiction_below', 'Contradiction below', 'A pair below it is not joined by an address they share.')}
        <NativeSelect
          label="Model" value={draft.model} data={['learned', 'weighted']} disabled={!one.matching} style={{ width: 160 }}
          onChange={(event) => setDraft({ ...draft, model: event.currentTarget.value })}
        />
      </div>
      {draft.model === 'weighted' && (
        <div className="row">
          {Object.entries(draft.weights).map(([name, value]) => (
            <NumberInput
              key={name} label={`Weight of ${words(name)}`} value={value} min={0} max={1} step={0.05} decimalScale={3} style={{ width: 170 }}
              onChange={(to) => typeof to === 'number' && setDraft({ ...draft, weights: { ...draft.weights, [name]: to } })}
            />
          ))}
        </div>
      )}
      <h2>
        Limits of <Term name="identifier">identifiers</Term>
      </h2>
      <Table
        label="Limits of identifiers"
        rows={one.types.filter((type) => !type.unique)}
        columns={[
          { head: 'Type', cell: (type) => <span className="mono">{type.name}</span> },
          { head: 'Strength', number: true, cell: (type) => type.priority },
          { head: 'Most of one person', cell: (type) => bound(type.name, 'limit', 'Most') },
          { head: 'Shared when known to', cell: (type) => bound(type.name, 'shared_after', 'Shared') },
        ]}
      />
      <Textarea
        label="Blocked values" description="They never identify anybody, besides the built-in ones; one a line." autosize minRows={2} spellCheck={false}
        value={draft.blocked.join('\n')} style={{ maxWidth: 620 }}
        onChange={(event) => setDraft({ ...draft, blocked: event.currentTarget.value === '' ? [] : event.currentTarget.value.split('\n') })}
      />
      <div className="row">
        <Button type="submit" disabled={!isChanged} loading={plan.isPending}>
          See who would move
        </Button>
        <Button variant="default" disabled={!isChanged} onClick={() => setDraft(draftOf(one))}>
          As it is
        </Button>
        <span className="quiet small">Nobody moves until it is written down and applied.</span>
      </div>
      {plan.isError && <Failed error={plan.error} />}
      {plan.data && tried === JSON.stringify(changed) && (
        <div className="stack">
          <Moves plan={plan.data.plan} />
          {plan.data.plan.changes_total === 0 && <p>Nobody would be another person.</p>}
          {one.locked ? (
            <p className="quiet">{one.locked}</p>
          ) : may(me, 'admin') ? (
            <div className="row">
              <Button onClick={() => save.mutate()} loading={save.isPending}>
                Write it into identity.yaml
              </Button>
            </div>
          ) : (
            <p className="quiet">A steward, an engineer or an owner can write it down.</p>
          )}
          {save.isError && <Failed error={save.error} />}
        </div>
      )}
    </form>
  );
}

export function WhatIfIdentity() {
  const settings = useQuery({ queryKey: ['identity', 'settings'], queryFn: stated });
  if (settings.isPending) return <Loading rows={6} />;
  return (
    <Shown of={settings}>
      {(one) => (
        <div className="stack">
          <Standing one={one} />
          <Form key={one.tag} one={one} />
        </div>
      )}
    </Shown>
  );
}
