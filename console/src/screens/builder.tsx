import { Button, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { answered, GET, POST, PUT, read, type Schemas } from '../api/client';
import { may, useMe } from '../api/session';
import { Page } from '../parts/page';
import { Failed, Loading, Shown } from '../parts/states';
import { number, plural, words } from '../parts/text';
import { say } from '../parts/toast';
import { choices, GroupEditor } from '../rules/editor';
import { pruned, tree, type Group } from '../rules/tree';

type Form = 'build' | 'text' | 'json';
type Document = string | Record<string, unknown>;
const EMPTY: Group = { logic: 'and', conditions: [{ operator: 'equals' }], groups: [] };

/** A rule of a URL: JSON where it is, otherwise the text form. */
function parsed(text: string | undefined): Document | null {
  if (!text) return null;
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : text;
  } catch {
    return text;
  }
}

function Preview({ rule, slug }: { rule: Document; slug: string | undefined }) {
  const [settled] = useDebouncedValue(rule, 250);
  const preview = useQuery({
    queryKey: ['preview', settled, slug],
    queryFn: ({ signal }) => read(POST('/api/v1/segments/preview', { body: { rule: settled, slug: slug ?? 'preview', exclude: [] }, signal })),
    placeholderData: keepPreviousData,
    retry: false,
  });
  if (preview.isError) return <Failed error={preview.error} />;
  if (!preview.data) return <Loading rows={3} what="Counting" />;
  const one = preview.data;
  return (
    <div style={{ opacity: preview.isFetching ? 0.6 : 1 }} aria-live="polite" aria-busy={preview.isFetching}>
      <div className="figure">{number(one.members)}</div>
      <p className="quiet">
        of {plural(one.people, 'person', 'people')}, <span className="tag good">exact</span>
        {slug && <> · {number(one.entering)} would enter, {number(one.leaving)} would leave</>}
      </p>
      <p>{one.sentence}</p>
      {one.latency && <p className="small quiet">A change shows {one.latency}</p>}
      {one.samples.length > 0 && (
        <>
          <h3>Some of them</h3>
          <ul style={{ margin: 0, paddingLeft: 18 }}>
            {one.samples.map((sample) => (
              <li key={sample.profile_id}>
                <Link to="/people/$id" params={{ id: sample.profile_id }} className="mono">
                  {sample.identifier ? `${sample.identifier.type}:${sample.identifier.value}` : sample.profile_id}
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function Publish({ rule, definition, tag }: { rule: Document; definition: Schemas['SegmentDefinition'] | undefined; tag: string | null }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [slug, setSlug] = useState('');
  const [description, setDescription] = useState(definition?.description ?? '');
  const [plan, setPlan] = useState<{ plan: Schemas['SegmentPlan']; tag: string }>();
  const name = definition?.slug ?? slug.trim().toLowerCase().replaceAll(/[^a-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '');
  const save = useMutation({
    mutationFn: async () => {
      const kept = definition;
      await read(
        PUT('/api/v1/segments/{slug}/definition', {
          params: { path: { slug: name }, header: tag ? { 'if-match': tag } : { 'if-none-match': '*' } },
          body: {
            rule, description,
            kind: (kept?.kind ?? 'realtime') as 'realtime' | 'scheduled' | 'static',
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
      await navigate({ to: '/segments/$slug', params: { slug: name } });
    },
  });
  return (
    <div className="card stack">
      <h2>Save</h2>
      {!definition && <TextInput label="Name" placeholder="lapsed donors" value={slug} onChange={(event) => setSlug(event.currentTarget.value)} description={name && `Its slug: ${name}`} />}
      <TextInput label="Description" value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
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
            <p key={change.audience}>
              <strong>{words(change.audience)}</strong> <span className="tag">{change.what}</span> {number(change.members_before)} →{' '}
              {number(change.members_after)}: {number(change.entering)} enter, {number(change.leaving)} leave.
            </p>
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

export default function Builder() {
  const search = useSearch({ from: '/shell/builder' });
  const navigate = useNavigate();
  const me = useMe();
  const form: Form = search.form === 'text' || search.form === 'json' ? search.form : 'build';
  const fields = useQuery({ queryKey: ['fields'], queryFn: () => read(GET('/api/v1/rules/fields')), staleTime: 300_000 });
  const definition = useQuery({
    queryKey: ['definition', search.segment],
    queryFn: async () => {
      const found = await answered(GET('/api/v1/segments/{slug}/definition', { params: { path: { slug: search.segment! } } }));
      return { ...found.data, tag: found.response.headers.get('etag') };
    },
    enabled: !!search.segment,
  });
  const document = parsed(search.rule) ?? (definition.data?.rule as Document | undefined) ?? null;
  const check = useQuery({
    queryKey: ['check', document],
    queryFn: () => read(POST('/api/v1/rules/check', { body: { rule: document! } })),
    enabled: document !== null,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const [group, setGroup] = useState<Group | null>(null);
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState('');
  const keep = (rule: Document | null) =>
    void navigate({
      to: '/builder',
      search: { ...search, rule: rule === null ? undefined : typeof rule === 'string' ? rule : JSON.stringify(rule) },
      replace: true,
    });
  // The tree is kept here while it is built, for it may hold what is not filled in yet; a rule from elsewhere replaces it.
  const current = check.data && !check.isPlaceholderData ? check.data : undefined;
  useEffect(() => {
    if (document === null) {
      if (!search.segment) setGroup((now) => now ?? EMPTY);
      return;
    }
    if (!current) return;
    setGroup((now) => (now && (form === 'build') && pruned(now) !== null ? now : tree(current.json)));
  }, [current, document, form, search.segment]);
  useEffect(() => {
    if (form === 'text' && current) setTyped((now) => now || current.text);
    if (form === 'json' && current) setTyped((now) => now || JSON.stringify(current.json, null, 2));
  }, [form, current]);
  const change = (next: Group | null) => {
    setGroup(next ?? EMPTY);
    keep(next && pruned(next));
  };
  const write = (text: string) => {
    setTyped(text);
    setWrong('');
    if (form === 'json') {
      try {
        keep(JSON.parse(text) as Record<string, unknown>);
      } catch {
        setWrong('This is not JSON yet.');
      }
    } else keep(text.trim() || null);
  };
  const ready = !search.segment || definition.data !== undefined;
  return (
    <Page title={search.segment ? `Change ${words(search.segment)}` : 'New segment'} about="Say who is meant; the count follows while you build. Nothing changes until you apply it.">
      {definition.isError && <Failed error={definition.error} />}
      <div className="two">
        <section className="stack">
          <SegmentedControl
            aria-label="Form of the rule" value={form} style={{ alignSelf: 'flex-start' }}
            data={[{ value: 'build', label: 'Build' }, { value: 'text', label: 'Text' }, { value: 'json', label: 'JSON' }]}
            onChange={(value) => {
              setTyped('');
              setGroup(null);
              void navigate({ to: '/builder', search: { ...search, form: value === 'build' ? undefined : value }, replace: true });
            }}
          />
          {form === 'build' ? (
            <Shown of={fields}>
              {(known) => group && ready ? <GroupEditor group={group} options={choices(known)} fields={known} set={change} /> : <Loading rows={3} />}
            </Shown>
          ) : (
            <Textarea aria-label={form === 'text' ? 'The rule as text' : 'The rule as JSON'} autosize minRows={6} value={typed} onChange={(event) => write(event.currentTarget.value)} error={wrong} styles={{ input: { fontFamily: 'ui-monospace, monospace' } }} placeholder={form === 'text' ? "purchases >= 1 and days_since(last_active) > 30" : undefined} spellCheck={false} />
          )}
          {check.isError && document !== null && <Failed error={check.error} />}
          {current && <p style={{ fontSize: 16 }}>People for whom {current.sentence}.</p>}
        </section>
        <section className="stack">
          <div className="card">
            <h2>Who that is</h2>
            {document === null || check.isError ? <p className="quiet">Add a condition to see how many.</p> : may(me, 'segments') ? <Preview rule={document} slug={search.segment} /> : <p className="quiet">Your role does not count people.</p>}
          </div>
          {document !== null && !check.isError && ready && may(me, 'segments') && <Publish key={search.segment ?? ''} rule={document} definition={definition.data} tag={definition.data?.tag ?? null} />}
        </section>
      </div>
    </Page>
  );
}
