import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { GET, read } from '../api/client';
import { Page, Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { Term, words } from '../parts/text';

export default function Traits() {
  const traits = useQuery({ queryKey: ['traits'], queryFn: () => read(GET('/api/v1/traits')) });
  const [filter, setFilter] = useState('');
  return (
    <Page
      title="Traits"
      about={
        <>
          A <Term name="computed trait" /> is what the events of one name add up to for a person, kept up with each event.
        </>
      }
      json="/api/v1/traits"
    >
      <TextInput type="search" aria-label="Filter traits" placeholder="Filter" value={filter} onChange={(event) => setFilter(event.currentTarget.value)} mb="md" />
      <Shown of={traits} rows={6}>
        {(all) => {
          const rows = all.traits.filter((one) => `${one.name} ${one.means} ${one.description}`.toLowerCase().includes(filter.toLowerCase()));
          return rows.length === 0 ? (
            <Empty title={all.traits.length ? 'None fits the filter' : 'No computed traits'}>
              State one in <code>traits/*.yaml</code>; <code>onefold traits preview</code> shows what it comes to.
            </Empty>
          ) : (
            <Table
              label="Traits"
              name="traits"
              rows={rows}
              columns={[
                {
                  head: 'Trait',
                  cell: (one) => (
                    <>
                      <strong>{words(one.name)}</strong>
                      {one.description && <div className="small quiet">{one.description}</div>}
                    </>
                  ),
                  csv: (one) => one.name,
                },
                { head: 'What it is', cell: (one) => one.means },
                { head: 'Kind', cell: (one) => one.kind },
                { head: 'Status', cell: (one) => <span className={`tag ${one.status === 'live' ? 'good' : 'warn'}`}>{one.status}</span>, csv: (one) => one.status },
                {
                  head: 'Read by',
                  cell: (one) => one.read_by.map((slug) => (
                    <div key={slug}>
                      <Link to="/segments/$slug" params={{ slug }}>{words(slug)}</Link>
                    </div>
                  )),
                  csv: (one) => one.read_by.join('; '),
                },
                { head: 'Stated in', cell: (one) => <span className="mono small">{one.file}:{one.line}</span>, csv: (one) => `${one.file}:${one.line}` },
              ]}
            />
          );
        }}
      </Shown>
    </Page>
  );
}
