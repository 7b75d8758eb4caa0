import { Button, Textarea } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { ask } from '../api/client';
import { Page, Table } from '../parts/page';
import { Empty, Failed, Loading } from '../parts/states';
import { plural, show, Term } from '../parts/text';

const STARTS: [string, string][] = [
  ['People', 'SELECT * FROM golden.profile'],
  ['Identifiers', 'SELECT * FROM golden.identity'],
  ['Memberships', 'SELECT * FROM golden.membership'],
  ['Traits', 'SELECT * FROM golden.trait'],
  ['Quality of profiles', 'SELECT * FROM golden.profile_quality'],
  ['Events', 'SELECT * FROM staging.event'],
  ['Records', 'SELECT * FROM staging.record'],
  ['People by stage', 'SELECT stage, count(*) AS people FROM golden.profile GROUP BY stage ORDER BY people DESC'],
];
const LIMIT = 500;

export default function Sql() {
  const { sql } = useSearch({ from: '/shell/sql' });
  const navigate = useNavigate();
  const [typed, setTyped] = useState(sql ?? '');
  useEffect(() => setTyped(sql ?? ''), [sql]);
  const rows = useQuery({
    queryKey: ['sql', sql],
    queryFn: ({ signal }) => ask(sql!, LIMIT, signal),
    enabled: !!sql,
    placeholderData: keepPreviousData,
    retry: false,
  });
  const run = (text: string) => void navigate({ to: '/sql', search: { sql: text.trim() || undefined } });
  return (
    <Page
      title="SQL"
      about={
        <>
          The <Term name="warehouse" /> in SQL. Personal columns are shown as your role may see them.
        </>
      }
    >
      <div className="row" style={{ marginBottom: 10 }}>
        {STARTS.map(([name, text]) => (
          <Button key={name} size="compact-sm" variant="default" onClick={() => run(text)}>
            {name}
          </Button>
        ))}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          run(typed);
        }}
      >
        <Textarea
          aria-label="SQL" autosize minRows={3} maxRows={16} value={typed} spellCheck={false} placeholder="SELECT stage, count(*) FROM golden.profile GROUP BY stage"
          onChange={(event) => setTyped(event.currentTarget.value)} styles={{ input: { fontFamily: 'ui-monospace, monospace' } }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) run(typed);
          }}
        />
        <div className="row" style={{ margin: '8px 0 16px' }}>
          <Button type="submit" loading={rows.isFetching}>
            Run
          </Button>
          <span className="quiet small">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd> · one SELECT, in DuckDB's SQL
          </span>
        </div>
      </form>
      {!sql ? (
        <Empty title="Ask something">
          Choose a table above, or write a SELECT. <Link to="/tables">Tables</Link> lists them all.
        </Empty>
      ) : rows.isError ? (
        <Failed error={rows.error} />
      ) : !rows.data ? (
        <Loading rows={6} what="Asking the warehouse" />
      ) : rows.data.rows.length === 0 ? (
        <Empty title="No rows" />
      ) : (
        <>
          <Table
            label="Rows"
            name="rows"
            rows={rows.data.rows}
            columns={rows.data.columns.map((column, index) => ({
              head: column,
              cell: (row: unknown[]) => <span className="small">{row[index] === null ? <span className="quiet">null</span> : cut(show(row[index]))}</span>,
              csv: (row: unknown[]) => row[index],
            }))}
          />
          <p className="quiet small">
            {plural(rows.data.rows.length, 'row')}
            {rows.data.more && '; there are more, which `onefold sql` writes to a file'}
          </p>
        </>
      )}
    </Page>
  );
}

function cut(text: string): string {
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
