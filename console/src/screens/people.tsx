import { Button, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { literal } from '../api/client';
import { findPeople, peopleWhere, type Found } from '../api/people';
import { useMe } from '../api/session';
import { useRows } from '../parts/keys';
import { Page, Table } from '../parts/page';
import { Empty, Failed, Loading } from '../parts/states';
import { number, plural, show, Term, Time } from '../parts/text';

const SHOWN = ['email', 'phone', 'city'];

/** The people of a cell of the RFM grid, as a condition of SQL; null where none is chosen. */
function cellOf(search: { rfm?: string; r?: string; f?: string; m?: string }): string | null {
  if (!search.rfm) return null;
  const scores = (['r', 'f', 'm'] as const).flatMap((axis) => (/^[1-5]$/.test(search[axis] ?? '') ? [`${axis} = ${search[axis]}`] : []));
  const conditions = [`rfm = ${literal(search.rfm)}`, ...scores].join(' AND ');
  return `person IN (SELECT person FROM golden.rfm WHERE ${conditions})`;
}

export default function People() {
  const search = useSearch({ from: '/shell/people' });
  const me = useMe();
  const navigate = useNavigate();
  const [typed, setTyped] = useState(search.q ?? '');
  const [settled] = useDebouncedValue(typed.trim(), 250);
  useEffect(() => setTyped(search.q ?? ''), [search.q]);
  useEffect(() => {
    if (settled === typed.trim() && settled !== (search.q ?? '')) {
      void navigate({ to: '/people', search: { ...search, q: settled || undefined }, replace: true });
    }
  }, [settled, typed, search, navigate]);
  const cell = cellOf(search);
  const found = useInfiniteQuery({
    queryKey: ['find', search.q ?? '', cell],
    queryFn: ({ signal, pageParam }) => (cell ? peopleWhere(cell, 200, signal) : findPeople(search.q ?? '', pageParam, 50, signal)),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    enabled: !!me,
  });
  const people = (found.data?.pages ?? []).flatMap((page) => page.people);
  const because = found.data?.pages[0]?.because;
  const open = (one: Found | undefined) => {
    if (one) void navigate({ to: '/people/$id', params: { id: one.id } });
  };
  const selected = useRows(people.length, (index) => open(people[index]));
  return (
    <Page
      title="People"
      about={
        <>
          Each row is one <Term name="person" />: all records and events that belong together.
        </>
      }
      json={cell ? undefined : `/api/v1/people?search=${encodeURIComponent(search.q ?? '')}`}
    >
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          void navigate({ to: '/people', search: { q: typed.trim() || undefined } });
        }}
      >
        <TextInput
          type="search"
          aria-label="Search people"
          placeholder="A name, an e-mail address, a phone number, any id"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          mb="md"
          size="md"
          autoFocus={!search.q && !cell}
        />
      </form>
      {cell && (
        <p className="row">
          <span className="tag accent">
            RFM {search.rfm}: {(['r', 'f', 'm'] as const).filter((axis) => search[axis]).map((axis) => `${axis.toUpperCase()} ${search[axis]}`).join(', ')}
          </span>
          <Button size="compact-xs" variant="default" onClick={() => void navigate({ to: '/people' })}>
            Show everybody
          </Button>
        </p>
      )}
      {because && (
        <p className="quiet" role="status">
          Only whole identifiers were looked up: {because}
        </p>
      )}
      {found.isError ? (
        <Failed error={found.error} again={() => void found.refetch()} />
      ) : found.isPending ? (
        <Loading rows={8} what="Looking for people" />
      ) : people.length === 0 ? (
        <Empty title={search.q ? `Nobody found for “${search.q}”` : 'Nobody is here yet'}>
          {search.q ? (
            <>Try fewer letters, another spelling, or state the type: <code>crm_id:00000153</code>.</>
          ) : (
            <>
              Send events or load a file; <Link to="/sources">Sources</Link> shows what comes in.
            </>
          )}
        </Empty>
      ) : (
        <>
          <Table
            label="People found"
            name="people"
            rows={people}
            selected={selected}
            open={open}
            columns={[
              {
                head: 'Name',
                cell: (one) => (
                  <Link to="/people/$id" params={{ id: one.id }}>
                    {one.label}
                  </Link>
                ),
                csv: (one) => one.label,
              },
              { head: 'Identifier', cell: (one) => <span className="mono">{one.identifier}</span>, csv: (one) => one.identifier },
              ...SHOWN.map((name) => ({ head: name, cell: (one: Found) => (one.attributes[name] === undefined ? '' : show(one.attributes[name])) })),
              { head: 'Events', number: true, cell: (one) => number(one.events), csv: (one) => one.events },
              { head: 'Revenue', number: true, cell: (one) => one.revenue ?? '–', csv: (one) => one.revenue },
              { head: 'Last seen', cell: (one) => <Time at={one.lastSeen} />, csv: (one) => one.lastSeen },
            ]}
          />
          {found.hasNextPage && (
            <Button mt="sm" size="xs" variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
              Show more
            </Button>
          )}
          <p className="quiet small" aria-live="polite">
            {plural(people.length, 'person', 'people')}
            {found.hasNextPage && ', of more'}
          </p>
        </>
      )}
    </Page>
  );
}
