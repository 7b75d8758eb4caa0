import { SegmentedControl, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { answered, GET, POST, read } from '../api/client';
import { shownAs } from '../api/people';
import { may, useMe } from '../api/session';
import { Page } from '../parts/page';
import { Failed, Loading, Shown } from '../parts/states';
import { number, plural, words } from '../parts/text';
import { choices, GroupEditor } from '../rules/editor';
import { pruned, tree, type Group } from '../rules/tree';
import { Publish, type Document } from './publish';

type Form = 'build' | 'text' | 'json';
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
                <Link to="/people/$id" params={{ id: sample.profile_id }} className={sample.name ? undefined : 'mono'}>
                  {shownAs(sample)}
                </Link>
              </li>
            ))}
          </ul>
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
  if (search.kind === 'list') {
    return (
      <Page title="New list" about="A segment by identifiers: whoever one of them belongs to is in it. Name it, apply it, and put identifiers on it.">
        <div style={{ maxWidth: 560 }}>
          <Publish rule={null} tag={null} kind="static" tab="list" />
        </div>
      </Page>
    );
  }
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
              {(known) => group && ready ? <GroupEditor group={group} options={choices(known)} fields={known} set={change} /> : check.isError ? <p className="quiet">This rule cannot be read, see below; choose “Text” to mend it.</p> : <Loading rows={3} />}
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
