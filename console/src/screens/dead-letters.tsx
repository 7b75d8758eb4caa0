import { Button, Drawer, NativeSelect, Textarea } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { GET, POST, read } from '../api/client';
import { useRows } from '../parts/keys';
import { Page, Table } from '../parts/page';
import { Empty, Failed, Shown } from '../parts/states';
import { number, Term, Time, words } from '../parts/text';
import { say } from '../parts/toast';

type Status = 'open' | 'replayed' | 'any';

/** Bytes as text; what is not UTF-8, and control characters, are shown as such. */
function readable(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new TextDecoder().decode(bytes).replaceAll(/[\0-\x08\x0b-\x1f\x7f]/g, '\ufffd');
}

function Letter({ offset, close }: { offset: number; close: () => void }) {
  const queries = useQueryClient();
  const letter = useQuery({
    queryKey: ['dead-letter', offset],
    queryFn: () => read(GET('/api/v1/dead-letters/{offset}', { params: { path: { offset } } })),
  });
  const [typed, setTyped] = useState<string>();
  const text = letter.data?.payload === undefined ? '' : JSON.stringify(letter.data.payload, null, 2);
  const changed = typed !== undefined && typed !== text;
  const replay = useMutation({
    mutationFn: () =>
      read(
        POST('/api/v1/dead-letters/{offset}/replay', {
          params: { path: { offset } },
          // The text as it was typed: reading it as JSON and writing it again could change numbers.
          ...(changed ? { body: typed as never, bodySerializer: (body: unknown) => body as string } : {}),
          headers: { 'Content-Type': 'application/json' },
        }),
      ),
    onSuccess: async () => {
      await queries.invalidateQueries();
      say('Sent again. If it is rejected once more, it comes back here.');
      close();
    },
  });
  return (
    <Shown of={letter}>
      {(one) => (
        <div className="stack">
          <p>
            <span className="tag bad">{words(one.reason)}</span> {one.detail}
          </p>
          <p className="quiet small">
            From {one.source}, received <Time at={one.received_at} />, log entry {number(one.offset)}, {one.status}.
          </p>
          {one.payload !== undefined ? (
            <Textarea label="The item; mend it here" autosize minRows={8} maxRows={24} value={typed ?? text} onChange={(event) => setTyped(event.currentTarget.value)} spellCheck={false} styles={{ input: { fontFamily: 'ui-monospace, monospace', fontSize: 12.5 } }} />
          ) : (
            <>
              <h3>What was received</h3>
              <pre tabIndex={0} aria-label="What was received">{readable(one.payload_base64 ?? '')}</pre>
              <p className="quiet small">It is not JSON, so it is mended at its source: correct the file, and load it again.</p>
            </>
          )}
          {replay.isError && <Failed error={replay.error} />}
          <div className="row">
            <Button onClick={() => replay.mutate()} loading={replay.isPending}>
              {changed ? 'Send the mended item' : 'Send it again as it was'}
            </Button>
            {changed && (
              <Button variant="default" onClick={() => setTyped(undefined)}>
                Take the change back
              </Button>
            )}
          </div>
        </div>
      )}
    </Shown>
  );
}

export default function DeadLetters() {
  const search = useSearch({ from: '/shell/dead-letters' });
  const navigate = useNavigate();
  const status: Status = search.status === 'replayed' || search.status === 'any' ? search.status : 'open';
  const pages = useInfiniteQuery({
    queryKey: ['dead-letters', status, search.source],
    queryFn: ({ pageParam }) =>
      read(GET('/api/v1/dead-letters', { params: { query: { status, limit: 100, cursor: pageParam, ...(search.source ? { source: search.source } : {}) } } })),
    initialPageParam: 0,
    getNextPageParam: (page) => page.next,
  });
  const sources = useQuery({ queryKey: ['sources'], queryFn: () => read(GET('/api/v1/sources')) });
  const rows = (pages.data?.pages ?? []).flatMap((page) => page.dead_letters);
  const set = (change: Record<string, string | undefined>) => void navigate({ to: '/dead-letters', search: { ...search, ...change } });
  const open = (offset: number | undefined) => set({ offset: offset === undefined ? undefined : String(offset) });
  const selected = useRows(rows.length, (index) => open(rows[index]?.offset));
  const close = () => open(undefined);
  return (
    <Page
      title="Dead letters"
      about={
        <>
          A <Term name="dead letter" /> is an item that was rejected. Mend it and send it again: nothing is lost.
        </>
      }
      json={`/api/v1/dead-letters?status=${status}${search.source ? `&source=${encodeURIComponent(search.source)}` : ''}`}
    >
      <div className="row" style={{ marginBottom: 12 }}>
        <NativeSelect aria-label="Status" value={status} data={[{ value: 'open', label: 'Open' }, { value: 'replayed', label: 'Sent again' }, { value: 'any', label: 'All' }]} onChange={(event) => set({ status: event.currentTarget.value === 'open' ? undefined : event.currentTarget.value })} />
        <NativeSelect aria-label="Source" value={search.source ?? ''} data={[{ value: '', label: 'All sources' }, ...(sources.data?.sources ?? []).map((one) => one.source)]} onChange={(event) => set({ source: event.currentTarget.value || undefined })} />
      </div>
      <Shown of={pages} rows={6}>
        {() =>
          rows.length === 0 ? (
            <Empty title={status === 'open' ? 'No open dead letters' : 'None here'}>Whatever is rejected comes here with the reason.</Empty>
          ) : (
            <>
              <Table
                label="Dead letters"
                name="dead-letters"
                rows={rows}
                selected={selected}
                open={(one) => open(one.offset)}
                columns={[
                  {
                    head: 'Reason',
                    cell: (one) => (
                      <button type="button" className="plain strong" onClick={() => open(one.offset)}>
                        {words(one.reason)}
                      </button>
                    ),
                    csv: (one) => one.reason,
                  },
                  { head: 'Detail', cell: (one) => one.detail },
                  { head: 'Source', cell: (one) => one.source },
                  { head: 'Received', cell: (one) => <Time at={one.received_at} />, csv: (one) => one.received_at },
                  { head: 'Status', cell: (one) => one.status },
                  { head: 'Log entry', number: true, cell: (one) => number(one.offset), csv: (one) => one.offset },
                ]}
              />
              {pages.hasNextPage && (
                <Button mt="sm" size="xs" variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                  Show more
                </Button>
              )}
            </>
          )
        }
      </Shown>
      <Drawer opened={search.offset !== undefined} onClose={close} position="right" size="lg" title="Dead letter" closeButtonProps={{ 'aria-label': 'Close' }}>
        {search.offset !== undefined && <Letter key={search.offset} offset={Number(search.offset)} close={close} />}
      </Drawer>
    </Page>
  );
}
