// The relations of the warehouse.
import { NativeSelect, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { GET, inTurn, read, type Schemas } from '../api/client';
import { useRows } from '../parts/keys';
import { Page, Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, Term, Time } from '../parts/text';

/** The parameters of a relation's address: a name with a point in it would be taken for a file. */
export function placed(full: string): { schema: string; name: string } {
  const [schema = '', name = ''] = full.split('.');
  return { schema, name };
}

const SCHEMAS = ['golden', 'marts', 'staging', 'profiles', 'dimensions', 'raw', 'quality', 'analyst'];

function place(schema: string): number {
  const found = SCHEMAS.indexOf(schema);
  return found < 0 ? SCHEMAS.length : found;
}

function size(bytes: number | null): string {
  if (bytes === null) return '–';
  return bytes < 1 << 20 ? `${number(Math.ceil(bytes / 1024))} KB` : `${number(Math.round(bytes / (1 << 20)))} MB`;
}

export default function Tables() {
  const { schema, q } = useSearch({ from: '/shell/tables' });
  const navigate = useNavigate();
  const tables = useQuery({
    queryKey: ['tables'],
    queryFn: ({ signal }) => inTurn(() => read(GET('/api/v1/tables', { signal })), signal),
  });
  const all = tables.data?.tables ?? [];
  const schemas = [...new Set(all.map((one) => one.schema))].sort((a, b) => place(a) - place(b));
  const wanted = (q ?? '').toLowerCase();
  const shown = all
    .filter((one) => (schema ? one.schema === schema : wanted !== '' || one.schema !== 'analyst'))
    .filter((one) => `${one.name} ${one.description}`.toLowerCase().includes(wanted))
    .sort((a, b) => place(a.schema) - place(b.schema) || a.name.localeCompare(b.name));
  const set = (change: Record<string, string | undefined>) => void navigate({ to: '/tables', search: { schema, q, ...change }, replace: true });
  const open = (one: Schemas['Table'] | undefined) => one && void navigate({ to: '/tables/$schema/$name', params: placed(one.name) });
  const selected = useRows(shown.length, (index) => open(shown[index]));
  return (
    <Page
      title="Tables"
      about={
        <>
          Each <Term name="relation" /> of the <Term name="warehouse" />, shown as your role may see it.
        </>
      }
      json="/api/v1/tables"
    >
      <div className="row" style={{ marginBottom: 12 }}>
        <TextInput type="search" aria-label="Find a table" placeholder="Name or meaning" value={q ?? ''} onChange={(event) => set({ q: event.currentTarget.value || undefined })} />
        <NativeSelect aria-label="Schema" value={schema ?? ''} data={[{ value: '', label: 'All schemas' }, ...schemas]} onChange={(event) => set({ schema: event.currentTarget.value || undefined })} />
      </div>
      <Shown of={tables} rows={8}>
        {() =>
          shown.length === 0 ? (
            <Empty title="No such table">Look for another word, or choose another schema.</Empty>
          ) : (
            <Table
              label="Tables"
              name="tables"
              rows={shown}
              selected={selected}
              open={open}
              columns={[
                {
                  head: 'Table',
                  cell: (one) => (
                    <Link to="/tables/$schema/$name" params={placed(one.name)}>
                      {one.name}
                    </Link>
                  ),
                  csv: (one) => one.name,
                },
                { head: 'What a row is', cell: (one) => one.description },
                { head: 'Kind', cell: (one) => one.kind },
                { head: 'Rows', number: true, cell: (one) => number(one.rows), csv: (one) => one.rows },
                { head: 'Size', number: true, cell: (one) => size(one.bytes), csv: (one) => one.bytes },
                { head: 'Latest row', cell: (one) => <Time at={one.fresh_at} />, csv: (one) => one.fresh_at },
                {
                  head: 'Personal data',
                  cell: (one) => <span className="row">{one.personal.map((of) => <span key={of} className={`tag ${of === 'sensitive' ? 'bad' : of === 'identifier' ? 'warn' : ''}`}>{of}</span>)}</span>,
                  csv: (one) => one.personal.join(' '),
                },
              ]}
            />
          )
        }
      </Shown>
    </Page>
  );
}
