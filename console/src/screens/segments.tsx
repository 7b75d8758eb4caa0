import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { GET, read } from '../api/client';
import { may, useMe } from '../api/session';
import { ButtonLink } from '../parts/button-link';
import { useRows } from '../parts/keys';
import { Page, Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, Term, words } from '../parts/text';

export default function Segments() {
  const me = useMe();
  const navigate = useNavigate();
  const [filter, setFilter] = useState('');
  const segments = useQuery({ queryKey: ['segments'], queryFn: () => read(GET('/api/v1/segments')), refetchInterval: 15_000 });
  const rows = (segments.data?.segments ?? []).filter((one) =>
    `${one.slug} ${one.description} ${one.owner} ${one.tags.join(' ')}`.toLowerCase().includes(filter.toLowerCase()),
  );
  const open = (slug: string | undefined) => {
    if (slug) void navigate({ to: '/segments/$slug', params: { slug } });
  };
  const selected = useRows(rows.length, (index) => open(rows[index]?.slug));
  return (
    <Page
      title="Segments"
      about={
        <>
          A <Term name="segment" /> is a group of people by a rule or a list. Who is in it follows the events, and the clock.
        </>
      }
      json="/api/v1/segments"
      actions={
        may(me, 'segments') && (
          <>
            <ButtonLink variant="default" to="/builder" search={{ kind: 'list' }}>
              New list
            </ButtonLink>
            <ButtonLink to="/builder">New segment</ButtonLink>
          </>
        )
      }
    >
      <TextInput type="search" aria-label="Filter segments" placeholder="Filter" value={filter} onChange={(event) => setFilter(event.currentTarget.value)} mb="md" />
      <Shown of={segments} rows={6}>
        {(all) => (
          <>
            {all.evaluating && (
              <p>
                <span className="tag warn">evaluating</span> Memberships follow a change; the numbers move until that is done.
              </p>
            )}
            {rows.length === 0 ? (
              <Empty title={all.segments.length ? 'None fits the filter' : 'No segments yet'}>Build the first one with “New segment”.</Empty>
            ) : (
              <Table
                label="Segments"
                name="segments"
                rows={rows}
                selected={selected}
                open={(one) => open(one.slug)}
                columns={[
                  {
                    head: 'Segment',
                    cell: (one) => (
                      <>
                        <Link to="/segments/$slug" params={{ slug: one.slug }}>
                          {words(one.slug)}
                        </Link>
                        <div className="small quiet">{one.sentence || one.description}</div>
                      </>
                    ),
                    csv: (one) => one.slug,
                  },
                  { head: 'People', number: true, cell: (one) => number(one.members), csv: (one) => one.members },
                  { head: 'Kind', cell: (one) => one.kind },
                  {
                    head: 'Status',
                    cell: (one) => (
                      <>
                        <span className={`tag ${one.status === 'active' ? 'good' : 'warn'}`}>{one.status}</span>{' '}
                        {one.pending && <span className="tag warn">{one.pending}, not applied</span>}
                      </>
                    ),
                    csv: (one) => one.status,
                  },
                  { head: 'Owner', cell: (one) => one.owner },
                ]}
              />
            )}
            <h2 style={{ marginTop: 24 }}>Lifecycle stages</h2>
            <div className="cards">
              {Object.entries(all.stages).map(([stage, people]) => (
                <Link key={stage} className="card" to="/segments/$slug" params={{ slug: `stage.${stage}` }}>
                  <div className="figure">{number(people)}</div>
                  <div className="quiet">{words(stage)}</div>
                </Link>
              ))}
            </div>
          </>
        )}
      </Shown>
    </Page>
  );
}
