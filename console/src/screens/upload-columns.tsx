// What each column of a file is; each can be said to be something else.
import { NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Change, Kind, Preview } from '../api/upload';
import { Table } from '../parts/page';

const KINDS: { value: Kind; label: string }[] = [
  { value: 'identifier', label: 'Identifier' },
  { value: 'trait', label: 'Trait of the person' },
  { value: 'property', label: 'Property of the event' },
  { value: 'consent', label: 'Consent' },
  { value: 'time', label: 'When it happened' },
  { value: 'id', label: 'Id of what happened' },
  { value: 'none', label: 'Left out' },
];
const NAMED: Kind[] = ['identifier', 'trait', 'property', 'consent'];

type Column = Preview['columns'][number];

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, '_').replaceAll(/^_|_$/g, '');
}

// While a change is being answered nothing can be typed: the answer would take its place.
function Is({ column, busy, change }: { column: Column; busy: boolean; change: (one: Change) => void }) {
  const several = column.uses.length > 1;
  const use = several ? undefined : column.uses[0];
  const kind = (use?.kind ?? 'none') as Kind;
  const [name, setName] = useState(use?.name ?? '');
  const commit = () => {
    if (name.trim() && name.trim() !== use?.name) change({ column: column.name, kind, name: name.trim() });
  };
  return (
    <div className="row" style={{ flexWrap: 'nowrap' }}>
      <NativeSelect
        size="xs" aria-label={`What ${column.name} is`} value={several ? '' : kind} disabled={busy} style={{ minWidth: 170 }}
        data={several ? [{ value: '', label: column.uses.map((one) => one.name || one.kind).join(', ') }, ...KINDS] : KINDS}
        onChange={(event) => {
          const chosen = event.currentTarget.value as Kind;
          if (chosen) change({ column: column.name, kind: chosen, name: NAMED.includes(chosen) ? use?.name || plain(column.name) : '' });
        }}
      />
      {!several && NAMED.includes(kind) && (
        <TextInput
          size="xs" aria-label={`Name of ${column.name}`} value={name} readOnly={busy} list={kind === 'identifier' ? 'identifier-types' : undefined} style={{ minWidth: 140 }}
          onChange={(event) => setName(event.currentTarget.value)} onBlur={commit}
          onKeyDown={(event) => event.key === 'Enter' && commit()}
        />
      )}
    </div>
  );
}

export function Columns({ shown, busy, change }: { shown: Preview; busy: boolean; change: (one: Change) => void }) {
  const place = new Map(shown.columns.map((one, index) => [one.name, index]));
  const cells = (name: string) => [...new Set(shown.rows.slice(0, 6).map((row) => row.cells[place.get(name) ?? 0]).filter(Boolean))].slice(0, 3);
  return (
    <>
      <datalist id="identifier-types">
        {['email', 'phone', 'user_id', 'device_id', 'anonymous_id', '.customer_id'].map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <Table
        label="Columns"
        rows={[...shown.columns]}
        columns={[
          { head: 'Column', cell: (one) => <strong>{one.name}</strong> },
          { head: 'Is', cell: (one) => <Is key={`${one.name}${JSON.stringify(one.uses)}`} column={one} busy={busy} change={change} /> },
          { head: 'For example', cell: (one) => <span className="small">{cells(one.name).join(' · ') || '–'}</span> },
          { head: 'Why', cell: (one) => <span className="small quiet">{one.note}</span> },
        ]}
      />
    </>
  );
}

function Event({ event }: { event: Preview['rows'][number]['events'][number] }) {
  const pairs = [...Object.entries(event.traits), ...Object.entries(event.properties)];
  return (
    <div className="small" style={{ marginBottom: 4 }}>
      <div className="row" style={{ gap: 4 }}>
        <span className="tag accent">{event.event || event.kind}</span>
        {event.identifiers.map((one, index) => (
          <span key={index} className="tag good">{`${one.type}: ${one.value}`}</span>
        ))}
        {event.identifiers.length === 0 && <span className="tag warn">nobody</span>}
        {Object.entries(event.consent).map(([purpose, granted]) => (
          <span key={purpose} className="tag">{`${purpose}: ${granted ? 'granted' : 'denied'}`}</span>
        ))}
        {event.timestamp && <span className="tag">{event.timestamp}</span>}
        {event.findings.map((code, index) => (
          <span key={index} className="tag warn">{code.replaceAll('_', ' ')}</span>
        ))}
      </div>
      {pairs.map(([name, value]) => (
        <span key={name}>
          <span className="quiet">{name}</span> {typeof value === 'string' ? value : JSON.stringify(value)}
          {'  '}
        </span>
      ))}
    </div>
  );
}

export function Rows({ shown }: { shown: Preview }) {
  return (
    <Table
      label="First rows"
      rows={[...shown.rows]}
      columns={[
        { head: 'Line', number: true, cell: (row) => row.line },
        { head: 'As it stands', cell: (row) => <span className="mono" style={{ overflowWrap: 'anywhere' }}>{row.cells.join(' | ')}</span> },
        {
          head: 'As it would become',
          cell: (row) => (
            <>
              {row.events.map((event, index) => (
                <Event key={index} event={event} />
              ))}
              {row.rejected && <span className="tag bad" style={{ whiteSpace: 'normal' }}>{`Dead letter: ${row.rejected}`}</span>}
              {row.skipped && <span className="tag" style={{ whiteSpace: 'normal' }}>{`Left out: ${row.skipped}`}</span>}
            </>
          ),
        },
      ]}
    />
  );
}
