// One relation: its rows as the role may see them, its columns, and where each comes from.
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { GET, inTurn, literal, read, type Schemas } from '../api/client';
import { may, useMe } from '../api/session';
import { Page, Table } from '../parts/page';
import { Empty, Failed, Loading, Shown } from '../parts/states';
import { number, plural, show, Term, Time } from '../parts/text';

const Lineage = lazy(() => import('./lineage'));
const PAGE = 50;
type Description = Schemas['TableDescription'];
type Place = { q?: string; column?: string; sort?: string; skip?: string; tab?: string };

export const SEEN: Record<string, string> = { show: 'as it is', shorten: 'shortened', hide: 'hidden' };

function cut(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

function Value({ value }: { value: unknown }) {
  const text = cut(show(value));
  return (
    <span className="small" style={text.length <= 40 ? { whiteSpace: 'nowrap' } : undefined}>
      {value === null ? <span className="quiet">null</span> : text}
    </span>
  );
}

function Rows({ table, place, set }: { table: Description; place: Place; set: (change: Place) => void }) {
  const [typed, setTyped] = useState(place.q ?? '');
  const [settled] = useDebouncedValue(typed, 300);
  useEffect(() => {
    if (settled !== (place.q ?? '')) set({ q: settled || undefined, skip: undefined });
    // Only what was typed leads elsewhere; what the address says is shown as it is.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [settled]);
  const skip = Number(place.skip ?? 0) || 0;
  const asked = { limit: PAGE, skip, ...(place.q ? { q: place.q } : {}), ...(place.column ? { column: place.column } : {}), ...(place.sort ? { sort: place.sort } : {}) };
  const rows = useQuery({
    queryKey: ['rows', table.name, asked],
    queryFn: ({ signal }) => inTurn(() => read(GET('/api/v1/tables/{table}/rows', { params: { path: { table: table.name }, query: asked }, signal })) as Promise<Schemas['TableRows']>, signal),
    placeholderData: keepPreviousData,
    retry: false,
  });
  const csv = new URLSearchParams({ ...(place.q ? { q: place.q } : {}), ...(place.column ? { column: place.column } : {}), ...(place.sort ? { sort: place.sort } : {}), format: 'csv' });
  const hidden = table.columns.filter((one) => one.seen !== 'show').length;
  return (
    <>
      <div className="row" style={{ marginBottom: 12 }}>
        <TextInput type="search" aria-label="Rows that contain" placeholder="Contains" value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
        <NativeSelect aria-label="In the column" value={place.column ?? ''} data={[{ value: '', label: 'in any column' }, ...table.columns.map((one) => one.name)]} onChange={(event) => set({ column: event.currentTarget.value || undefined, skip: undefined })} />
        <NativeSelect
          aria-label="Order" value={place.sort ?? ''} onChange={(event) => set({ sort: event.currentTarget.value || undefined, skip: undefined })}
          data={[{ value: '', label: 'in no set order' }, ...table.columns.flatMap((one) => [{ value: one.name, label: `${one.name} ↑` }, { value: `-${one.name}`, label: `${one.name} ↓` }])]}
        />
        <a href={`/api/v1/tables/${encodeURIComponent(table.name)}/rows?${csv}`} download>
          Download as CSV
        </a>
      </div>
      {rows.isError ? (
        <Failed error={rows.error} again={() => void rows.refetch()} />
      ) : !rows.data ? (
        <Loading rows={6} what="Reading rows" />
      ) : rows.data.rows.length === 0 ? (
        <Empty title="No rows">{place.q ? 'No value that you may see contains this.' : 'Nothing has come into this table yet.'}</Empty>
      ) : (
        <>
          <Table
            label={`Rows of ${table.name}`}
            rows={rows.data.rows}
            columns={rows.data.columns.map((name, index) => ({ head: name, cell: (row: unknown[]) => <Value value={row[index]} /> }))}
          />
          <div className="row" style={{ marginTop: 8 }}>
            <Button size="xs" variant="default" disabled={skip === 0} onClick={() => set({ skip: skip > PAGE ? String(skip - PAGE) : undefined })}>
              Back
            </Button>
            <Button size="xs" variant="default" disabled={!rows.data.more} onClick={() => set({ skip: String(skip + PAGE) })}>
              Next
            </Button>
            <span className="quiet small">
              Rows {number(skip + 1)} to {number(skip + rows.data.rows.length)}
              {hidden > 0 && ` · ${plural(hidden, 'column')} shortened or hidden for your role`}
            </span>
          </div>
        </>
      )}
    </>
  );
}

function Columns({ table, look }: { table: Description; look: (column: string) => void }) {
  return (
    <Table
      label={`Columns of ${table.name}`}
      name={`${table.name}-columns`}
      rows={[...table.columns]}
      columns={[
        { head: 'Column', cell: (one) => <code>{one.name}</code>, csv: (one) => one.name },
        { head: 'Type', cell: (one) => one.type },
        { head: 'Null', cell: (one) => (one.required ? 'no' : 'yes') },
        { head: 'Personal data', cell: (one) => (one.personal === 'none' ? '' : <span className={`tag ${one.personal === 'sensitive' ? 'bad' : one.personal === 'identifier' ? 'warn' : ''}`}>{one.personal}</span>), csv: (one) => one.personal },
        { head: 'You see it', cell: (one) => SEEN[one.seen] },
        { head: 'Meaning', cell: (one) => one.description },
        {
          head: <span className="hidden">Lineage</span>,
          cell: (one) => (
            <button type="button" className="plain" onClick={() => look(one.name)}>
              Lineage<span className="hidden"> of {one.name}</span>
            </button>
          ),
        },
      ]}
    />
  );
}

export default function OneTable() {
  const params = useParams({ from: '/shell/tables/$schema/$name' });
  const name = `${params.schema}.${params.name}`;
  const search = useSearch({ from: '/shell/tables/$schema/$name' });
  const me = useMe();
  const navigate = useNavigate();
  const table = useQuery({
    queryKey: ['table', name],
    queryFn: ({ signal }) => inTurn(() => read(GET('/api/v1/tables/{table}', { params: { path: { table: name } }, signal })), signal),
    retry: false,
  });
  const tab = search.tab ?? 'rows';
  const set = (change: Place) => void navigate({ to: '/tables/$schema/$name', params, search: { ...search, ...change }, replace: true });
  return (
    <Page
      title={name}
      about={table.data?.description}
      json={tab === 'rows' ? `/api/v1/tables/${encodeURIComponent(name)}/rows` : `/api/v1/tables/${encodeURIComponent(name)}`}
      actions={
        may(me, 'query') && (
          <Link to="/sql" search={{ sql: `SELECT * FROM ${name}${search.q ? ` WHERE contains(lower(CAST(${search.column ?? table.data?.columns[0]?.name ?? 'person'} AS TEXT)), ${literal(search.q.toLowerCase())})` : ''}` }}>
            Ask it in SQL
          </Link>
        )
      }
    >
      <Shown of={table} rows={6}>
        {(found) => (
          <>
            <p className="quiet">
              {found.kind}, {found.rows === null ? 'rows not counted' : plural(found.rows, 'row')}, {plural(found.columns.length, 'column')}
              {found.fresh_at && (
                <>
                  , the latest <Time at={found.fresh_at} />
                </>
              )}
              {found.key.length > 0 && <> · key {found.key.join(', ')}</>}
            </p>
            <nav className="tabs" aria-label="Of this table">
              {(['rows', 'columns', 'lineage'] as const).map((one) => (
                <Link key={one} to="/tables/$schema/$name" params={params} search={{ tab: one === 'rows' ? undefined : one }} activeOptions={{ exact: true }} aria-current={tab === one ? 'page' : undefined}>
                  {one[0]!.toUpperCase() + one.slice(1)}
                </Link>
              ))}
            </nav>
            {tab === 'columns' ? (
              <Columns table={found} look={(column) => set({ tab: 'lineage', column, q: undefined, sort: undefined, skip: undefined })} />
            ) : tab === 'lineage' ? (
              <>
                <p className="quiet">
                  <Term name="lineage">Lineage</Term>: which columns a column comes from, and which come from it.
                </p>
                <Suspense fallback={<Loading rows={4} />}>
                  <Lineage table={found} column={search.column} choose={(column) => set({ column })} />
                </Suspense>
              </>
            ) : (
              <Rows key={name} table={found} place={search} set={set} />
            )}
          </>
        )}
      </Shown>
    </Page>
  );
}
