import { Button, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { GET, read, type Schemas } from '../api/client';
import { shownAs } from '../api/people';
import { useRows } from '../parts/keys';
import { Page, Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, plural } from '../parts/text';

type Household = Schemas['Household'];
type Member = Schemas['HouseholdMember'];

/** Who lives together, each with how much of what is known of them says so. */
export function Members({ members, but }: { members: readonly Member[]; but?: string }) {
  return (
    <ul style={{ margin: 0, paddingLeft: 18 }}>
      {members.map((one) => (
        <li key={one.profile_id}>
          {one.profile_id === but ? <strong>{shownAs(one)}</strong> : <Link to="/people/$id" params={{ id: one.profile_id }}>{shownAs(one)}</Link>}{' '}
          <span className="quiet small">
            {number(one.records_here)} of {plural(one.records, 'record')} with an address
          </span>
        </li>
      ))}
    </ul>
  );
}

export default function Households() {
  const { q } = useSearch({ from: '/shell/households' });
  const navigate = useNavigate();
  const [typed, setTyped] = useState(q ?? '');
  const pages = useInfiniteQuery({
    queryKey: ['households', q],
    queryFn: ({ pageParam }) =>
      read(GET('/api/v1/households', { params: { query: { limit: 50, ...(q ? { q } : {}), ...(pageParam ? { cursor: pageParam } : {}) } } })) as Promise<Schemas['Households']>,
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    retry: false,
  });
  const rows = (pages.data?.pages ?? []).flatMap((page) => page.households);
  const open = (one: Household | undefined) => {
    const first = one?.members[0];
    if (first) void navigate({ to: '/people/$id', params: { id: first.profile_id } });
  };
  const selected = useRows(rows.length, (index) => open(rows[index]));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void navigate({ to: '/households', search: { q: typed.trim() || undefined } });
  };
  return (
    <Page
      title="Households"
      about="People of one family name at one address. They stay people of their own: a household merges nobody."
      json={`/api/v1/households${q ? `?q=${encodeURIComponent(q)}` : ''}`}
    >
      <form onSubmit={submit} className="row" style={{ marginBottom: 16, alignItems: 'flex-end' }}>
        <TextInput type="search" label="Household of a person" placeholder="email:ann@example.org, or a profile id" value={typed} onChange={(event) => setTyped(event.currentTarget.value)} style={{ flex: '1 1 260px' }} />
        <Button type="submit" variant="default">
          Find
        </Button>
      </form>
      <Shown of={pages} rows={6}>
        {() =>
          rows.length === 0 && !pages.hasNextPage ? (
            <Empty title={q ? 'Nobody lives with this person' : 'No households yet'}>
              {q ? 'No other person has the same family name and address.' : <>They come with a run of the matcher, which reads addresses: <code>onefold identity match</code>, and every night.</>}
            </Empty>
          ) : (
            <>
              <Table
                label="Households" name="households" rows={rows} selected={selected}
                columns={[
                  { head: 'People', number: true, cell: (one) => number(one.people), csv: (one) => one.people },
                  { head: 'Who', cell: (one) => <Members members={one.members} />, csv: (one) => one.members.map(shownAs).join('; ') },
                ]}
              />
              {pages.hasNextPage && (
                <Button variant="default" size="xs" mt="sm" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                  Show more
                </Button>
              )}
            </>
          )
        }
      </Shown>
    </Page>
  );
}
