import { NativeSelect, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import { GET, read, type Schemas } from '../api/client';
import { Empty, Failed, Loading } from '../parts/states';
import { number, plural, Time, words } from '../parts/text';
import type { Profile } from './person';

type Entry = Schemas['Event'] | Schemas['RefusedEvent'];
const PAGE = 100;

function isEvent(entry: Entry): entry is Schemas['Event'] {
  return 'message_id' in entry;
}

/** What an event states, without what is empty. */
function stated(event: Schemas['Event']): Record<string, unknown> {
  const { properties, traits, traits_once, consents, groups, operations, cleared, context, identifiers, violations } = event;
  const all = { properties, traits, traits_once, consents, groups, operations, cleared, identifiers, violations, context };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => Object.keys(value as object).length > 0));
}

function Row({ entry }: { entry: Entry }) {
  if (!isEvent(entry)) {
    return (
      <div className="event">
        <span className="tag bad">{entry.outcome}</span> Log entry {number(entry.offset)} from {entry.source}: today's configuration would
        not accept it.
      </div>
    );
  }
  return (
    <details className="event">
      <summary>
        <strong>{entry.name || words(entry.kind)}</strong>
        <span className="tag">{entry.source}</span>
        <span className="quiet small">{entry.kind}</span>
        {entry.findings.length > 0 && <span className="tag warn">{plural(entry.findings.length, 'finding')}</span>}
        <span className="when">
          <Time at={entry.timestamp ?? entry.received_at} />
        </span>
      </summary>
      <pre tabIndex={0} aria-label="What the event states">{JSON.stringify(stated(entry), null, 2)}</pre>
      {entry.findings.map((finding, index) => (
        <p key={index} className="small">
          <span className="tag warn">{words(finding.code)}</span> {finding.where}
        </p>
      ))}
      <p className="small quiet">
        Message {entry.message_id} · log entry {number(entry.offset)} · match quality {entry.emq}
      </p>
    </details>
  );
}

export function Timeline({ profile }: { profile: Profile }) {
  const search = useSearch({ from: '/shell/people/$id' });
  const navigate = useNavigate();
  const pages = useInfiniteQuery({
    queryKey: ['timeline', profile.id],
    queryFn: ({ pageParam }) =>
      read(
        GET('/api/v1/profiles/id/{profile_id}/timeline', {
          params: { path: { profile_id: profile.id }, query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) } },
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  });
  const all = (pages.data?.pages ?? []).flatMap((page) => page.events as Entry[]);
  const kinds = [...new Set(all.flatMap((entry) => (isEvent(entry) ? [entry.kind] : [])))].sort();
  const rows = all.filter(
    (entry) =>
      (!search.source || entry.source === search.source) &&
      (!search.kind || (isEvent(entry) && entry.kind === search.kind)) &&
      (!search.name || (isEvent(entry) && entry.name.toLowerCase().includes(search.name.toLowerCase()))),
  );
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => 42,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  useEffect(() => {
    // Also where a filter leaves few rows: what it looks for may be further down.
    if (last >= rows.length - 15 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  const set = (change: Record<string, string>) =>
    void navigate({ to: '/people/$id', params: { id: profile.id }, search: { ...search, ...change }, replace: true });
  if (pages.isError) return <Failed error={pages.error} again={() => void pages.refetch()} />;
  if (pages.isPending) return <Loading rows={8} />;
  return (
    <>
      <div className="row" style={{ marginBottom: 10 }}>
        <NativeSelect
          aria-label="Source" value={search.source ?? ''} onChange={(event) => set({ source: event.currentTarget.value })}
          data={[{ value: '', label: 'All sources' }, ...Object.entries(profile.sources).map(([name, count]) => ({ value: name, label: `${name} (${count})` }))]}
        />
        <NativeSelect
          aria-label="Kind of event" value={search.kind ?? ''} onChange={(event) => set({ kind: event.currentTarget.value })}
          data={[{ value: '', label: 'All kinds' }, ...kinds.map((kind) => ({ value: kind, label: kind }))]}
        />
        <TextInput
          aria-label="Name of the event" placeholder="Name contains" value={search.name ?? ''}
          onChange={(event) => set({ name: event.currentTarget.value })} type="search"
        />
        <span className="quiet small" aria-live="polite">
          {plural(rows.length, 'event')}
          {hasNextPage ? ' so far' : ''}
        </span>
      </div>
      {rows.length === 0 && !hasNextPage ? (
        <Empty title={all.length === 0 ? 'No events' : 'No event fits the filter'} />
      ) : (
        <div ref={box} className="timeline" tabIndex={0} role="region" aria-label="Events, the latest first">
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {items.map((item) => (
              <div
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                style={{ position: 'absolute', top: 0, left: 0, right: 0, transform: `translateY(${item.start}px)` }}
              >
                <Row entry={rows[item.index]!} />
              </div>
            ))}
          </div>
        </div>
      )}
    </>
  );
}
