// What if a rule were another: who would move, before anything counts; then applied, and undone.
import { Button, NativeSelect, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { answered, GET, POST, PUT, read, type Schemas } from '../api/client';
import { shownAs } from '../api/people';
import { may, useMe } from '../api/session';
import { Page, Table } from '../parts/page';
import { Empty, Failed, Loading, Shown } from '../parts/states';
import { number, plural, Term, words } from '../parts/text';
import { say } from '../parts/toast';
import { WhatIfIdentity } from './what-if-identity';

type Definition = Schemas['SegmentDefinition'] & { tag: string | null };
type Rule = string | Record<string, unknown> | null;

async function definitionOf(slug: string): Promise<Definition> {
  const found = await answered(GET('/api/v1/segments/{slug}/definition', { params: { path: { slug } } }));
  return { ...found.data, tag: found.response.headers.get('etag') };
}

/** Write a segment with another rule, as it is otherwise; the tag of its file from then on. */
async function written(kept: Definition, rule: Rule, tag: string | null): Promise<string> {
  const { slug, kind, status, description, owner, every_seconds, top, suppression } = kept;
  const { response } = await answered(
    PUT('/api/v1/segments/{slug}/definition', {
      params: { path: { slug }, header: { 'if-match': tag ?? '' } },
      body: {
        rule, description, owner, every_seconds, suppression, top: top ?? null, tags: [...kept.tags], exclude: [...kept.exclude],
        kind: kind as 'realtime' | 'scheduled' | 'static', status: status as 'active' | 'draft' | 'archived',
      },
    }),
  );
  return response.headers.get('etag') ?? '';
}

async function planned() {
  const { data, response } = await answered(POST('/api/v1/segments/plan'));
  return { plan: data, tag: response.headers.get('etag') ?? '' };
}

function Moves({ plan }: { plan: Schemas['SegmentPlan'] }) {
  if (plan.changes.length === 0) return <p className="quiet">No segment changes.</p>;
  return (
    <Table
      label="Segments that change"
      name="what-if"
      rows={[...plan.changes]}
      columns={[
        { head: 'Segment', cell: (one) => words(one.audience), csv: (one) => one.audience },
        { head: 'What', cell: (one) => one.what },
        { head: 'Members now', number: true, cell: (one) => number(one.members_before), csv: (one) => one.members_before },
        { head: 'Then', number: true, cell: (one) => number(one.members_after), csv: (one) => one.members_after },
        { head: 'Enter', number: true, cell: (one) => number(one.entering), csv: (one) => one.entering },
        { head: 'Leave', number: true, cell: (one) => number(one.leaving), csv: (one) => one.leaving },
      ]}
    />
  );
}

function Trial({ definition, rule }: { definition: Definition; rule: string }) {
  const queries = useQueryClient();
  const [saved, setSaved] = useState<{ file: string; plan: Schemas['SegmentPlan']; tag: string }>();
  const diff = useQuery({
    queryKey: ['what-if', definition.slug, rule],
    queryFn: ({ signal }) => read(POST('/api/v1/segments/{slug}/diff', { params: { path: { slug: definition.slug } }, body: { rule, limit: 200 }, signal })),
    placeholderData: keepPreviousData,
    retry: false,
  });
  const before = definition.rule as Rule;
  const again = async () => {
    await queries.invalidateQueries();
  };
  const save = useMutation({
    mutationFn: async () => {
      const file = await written(definition, rule, definition.tag);
      return { file, ...(await planned()) };
    },
    onSuccess: setSaved,
  });
  const back = useMutation({
    mutationFn: () => written(definition, before, saved!.file),
    onSuccess: async () => {
      setSaved(undefined);
      await again();
      say('Taken back: the rule is as it was.');
    },
  });
  const undo = async (file: string) => {
    try {
      await written(definition, before, file);
      const { tag } = await planned();
      await read(POST('/api/v1/segments/apply', { params: { header: { 'if-match': tag } } }));
      say(`Undone: ${words(definition.slug)} is as it was.`);
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
    await again();
  };
  const apply = useMutation({
    mutationFn: () => read(POST('/api/v1/segments/apply', { params: { header: { 'if-match': saved!.tag } } })),
    onSuccess: async () => {
      const { file } = saved!;
      setSaved(undefined);
      await again();
      say(`${words(definition.slug)} holds with the new rule.`, () => void undo(file));
    },
  });
  if (diff.isError) return <Failed error={diff.error} again={() => void diff.refetch()} />;
  if (!diff.data) return <Loading rows={4} what="Working out who moves" />;
  const one = diff.data;
  return (
    <div className="stack" aria-busy={diff.isFetching} style={{ opacity: diff.isFetching ? 0.6 : 1 }}>
      <div className="cards" aria-live="polite">
        <div className="card">
          <div className="figure">{number(one.entering)}</div>
          <div className="quiet">would enter</div>
        </div>
        <div className="card">
          <div className="figure">{number(one.leaving)}</div>
          <div className="quiet">would leave</div>
        </div>
        <div className="card">
          <div className="figure">{number(one.both)}</div>
          <div className="quiet">stay</div>
        </div>
      </div>
      {one.people.length > 0 && (
        <Table
          label="Who moves"
          name={`what-if-${definition.slug}`}
          rows={[...one.people]}
          columns={[
            {
              head: 'Person',
              cell: (moved) => (
                <Link to="/people/$id" params={{ id: moved.profile_id }} className={moved.name ? undefined : 'mono'}>
                  {shownAs(moved)}
                </Link>
              ),
              csv: (moved) => moved.profile_id,
            },
            { head: 'Would', cell: (moved) => <span className={`tag ${moved.change === 'entering' ? 'good' : 'bad'}`}>{moved.change === 'entering' ? 'enter' : 'leave'}</span>, csv: (moved) => (moved.change === 'entering' ? 'enter' : 'leave') },
          ]}
        />
      )}
      {one.people.length < one.entering + one.leaving && <p className="quiet small">The first {plural(one.people.length, 'person', 'people')} of {number(one.entering + one.leaving)}.</p>}
      {[save, back, apply].map((step, index) => step.isError && <Failed key={index} error={step.error} />)}
      {saved ? (
        <div className="card stack">
          <h2>What applying would change, segment by segment</h2>
          <Moves plan={saved.plan} />
          {saved.plan.notes.map((note) => (
            <p key={note} className="small quiet">
              {note}
            </p>
          ))}
          <div className="row">
            <Button onClick={() => apply.mutate()} loading={apply.isPending}>
              Apply
            </Button>
            <Button variant="default" onClick={() => back.mutate()} loading={back.isPending}>
              Take it back
            </Button>
          </div>
        </div>
      ) : (
        <div className="row">
          <Button onClick={() => save.mutate()} loading={save.isPending}>
            Save, and see every segment that changes
          </Button>
          <span className="quiet small">Nobody moves until you apply it.</span>
        </div>
      )}
    </div>
  );
}

function WhatIfSegment() {
  const search = useSearch({ from: '/shell/what-if' });
  const navigate = useNavigate();
  const segments = useQuery({ queryKey: ['segments'], queryFn: () => read(GET('/api/v1/segments')) });
  const ruled = (segments.data?.segments ?? []).filter((one) => one.kind !== 'static' && one.kind !== 'stage').map((one) => one.slug);
  const slug = search.segment ?? '';
  const definition = useQuery({ queryKey: ['definition', slug, 'what-if'], queryFn: () => definitionOf(slug), enabled: slug !== '', retry: false });
  const rule = definition.data?.rule ?? null;
  const text = useQuery({
    queryKey: ['check', rule],
    queryFn: () => read(POST('/api/v1/rules/check', { body: { rule: rule as string } })),
    enabled: rule !== null,
  });
  const [typed, setTyped] = useState(search.rule ?? '');
  const stands = text.data?.text ?? '';
  const shown = typed || (search.rule ?? stands);
  const [settled] = useDebouncedValue(shown.trim(), 400);
  useEffect(() => {
    if (typed && settled === typed.trim() && settled !== search.rule) void navigate({ to: '/what-if', search: { segment: slug, rule: settled }, replace: true });
  }, [settled, typed, search.rule, slug, navigate]);
  return (
    <>
      <NativeSelect
        label="Segment" value={slug} data={[{ value: '', label: 'Choose one' }, ...ruled]} style={{ maxWidth: 320, marginBottom: 12 }}
        onChange={(event) => {
          setTyped('');
          void navigate({ to: '/what-if', search: { segment: event.currentTarget.value || undefined } });
        }}
      />
      {!slug ? (
        <Empty title="Which segment?">Choose one above. Its rule is shown; change it, and see who would enter and leave.</Empty>
      ) : (
        <Shown of={definition}>
          {(kept) => (
            <div className="stack">
              <Textarea
                label="Rule" autosize minRows={2} value={shown} spellCheck={false} styles={{ input: { fontFamily: 'ui-monospace, monospace' } }}
                description={shown.trim() === stands ? 'As it holds now; change it.' : `It holds now: ${stands}`}
                onChange={(event) => setTyped(event.currentTarget.value || ' ')}
              />
              {text.isLoading && <Loading rows={2} what="Reading the rule" />}
              {text.isError && <Failed error={text.error} />}
              {settled && settled !== stands && stands !== '' && <Trial key={kept.tag ?? ''} definition={kept} rule={settled} />}
            </div>
          )}
        </Shown>
      )}
    </>
  );
}

export default function WhatIf() {
  const me = useMe();
  const { of, segment } = useSearch({ from: '/shell/what-if' });
  const identity = of === 'identity';
  const twin = segment ? `/api/v1/segments/${encodeURIComponent(segment)}/definition` : '/api/v1/segments';
  return (
    <Page
      title="What if"
      about={
        <>
          Change the rule of a <Term name="segment" />, or how people are told apart, and see who would move, before anything counts.
        </>
      }
      json={identity ? '/api/v1/identity/settings' : twin}
    >
      <nav className="tabs" aria-label="What to change">
        <Link to="/what-if" search={{ segment }} activeOptions={{ exact: true }} aria-current={identity ? undefined : 'page'}>
          A segment
        </Link>
        {may(me, 'segments') && (
          <Link to="/what-if" search={{ of: 'identity' }} activeOptions={{ exact: true }} aria-current={identity ? 'page' : undefined}>
            Who is who
          </Link>
        )}
      </nav>
      {identity ? <WhatIfIdentity /> : <WhatIfSegment />}
    </Page>
  );
}
