// The identifiers of a list: put on it, or taken from it, from a file or from what was pasted.
import { Button, FileInput, NativeSelect, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { POST, read } from '../api/client';
import { Failed } from '../parts/states';
import { number, plural } from '../parts/text';
import { say } from '../parts/toast';

const TYPES = ['email', 'phone', 'user_id', 'crm_id', 'subscriber_id', 'contact_id', 'anonymous_id', 'device_id', 'external_id'];
const AT_ONCE = 10_000;
type Named = { type: string; value: string };

/** The fields of a line of CSV. */
function fields(line: string): string[] {
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,;\t]*)(?:[,;\t]|$)/g)].slice(0, -1).map(([, field = '']) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field).trim());
}

/**
 * Identifiers of a text: one a line, the value alone or as `type:value`; or CSV, whose head names the column of the type.
 * Lines that say nothing are left out; a value is told once.
 */
export function identifiers(text: string, type: string): Named[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/).filter((line) => line.trim());
  const head = fields(lines[0] ?? '').map((name) => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_'));
  const column = head.findIndex((name) => name === type || name === 'identifier' || name === 'value');
  const found = (column < 0 ? lines : lines.slice(1)).map((line) => fields(line)[Math.max(column, 0)] ?? '').filter(Boolean);
  const named = found.map((one) => {
    const stated = /^([a-z][a-z0-9_]*):(.+)$/.exec(one);
    return stated ? { type: stated[1]!, value: stated[2]! } : { type, value: one };
  });
  return [...new Map(named.map((one) => [`${one.type}:${one.value}`, one])).values()];
}

export function List({ slug, entries }: { slug: string; entries: number | null }) {
  const queries = useQueryClient();
  const [type, setType] = useState('email');
  const [text, setText] = useState('');
  const named = identifiers(text, type);
  const change = useMutation({
    mutationFn: async (what: 'add' | 'remove') => {
      let changed = 0;
      for (let at = 0; at < named.length; at += AT_ONCE) {
        const done = await read(POST('/api/v1/segments/{slug}/list', { params: { path: { slug } }, body: { identifiers: named.slice(at, at + AT_ONCE), change: what } }));
        changed += done.changed;
      }
      return { what, changed, read: named.length };
    },
    onSuccess: async (done) => {
      say(`${plural(done.read, 'identifier')} read, ${number(done.changed)} ${done.what === 'add' ? 'new on the list' : 'taken from the list'}.`);
      setText('');
      await queries.invalidateQueries();
    },
  });
  return (
    <div className="stack" style={{ maxWidth: 720 }}>
      <p className="quiet">
        {entries === null ? '' : `${plural(entries, 'identifier is', 'identifiers are')} on the list. `}Whoever one of them belongs to is in the segment, now or later.
      </p>
      <div className="row" style={{ alignItems: 'flex-end' }}>
        <NativeSelect label="Type of the identifiers" data={TYPES} value={type} onChange={(event) => setType(event.currentTarget.value)} />
        <FileInput label="A CSV file" placeholder="Choose…" accept=".csv,.txt,text/csv,text/plain" clearable={false} style={{ minWidth: 200 }} onChange={(file) => void file?.text().then(setText)} />
      </div>
      <Textarea label="Or paste them, one a line" autosize minRows={5} maxRows={14} spellCheck={false} value={text} onChange={(event) => setText(event.currentTarget.value)} placeholder={'ann@example.org\ncrm_id:00000153'} styles={{ input: { fontFamily: 'ui-monospace, monospace' } }} />
      {text.trim() && (
        <p aria-live="polite">
          {plural(named.length, 'identifier')}
          {named[0] && <>, the first one <code>{named[0].type}:{named[0].value}</code></>}.
        </p>
      )}
      {change.isError && <Failed error={change.error} />}
      <div className="row">
        <Button disabled={named.length === 0} loading={change.isPending} onClick={() => change.mutate('add')}>
          Put on the list
        </Button>
        <Button variant="default" disabled={named.length === 0} loading={change.isPending} onClick={() => change.mutate('remove')}>
          Take from the list
        </Button>
      </div>
    </div>
  );
}
