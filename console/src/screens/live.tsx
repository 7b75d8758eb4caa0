import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import type { Schemas } from '../api/client';
import { useKeys } from '../parts/keys';
import { Page } from '../parts/page';
import { Empty } from '../parts/states';
import { plural, Term, Time, words } from '../parts/text';

type Entry = Schemas['TailedEntry'];
const KEPT = 500;
/** Log entries from before the page was opened. */
const RECENT = 200;
const LOOKS: Record<string, string> = { stored: 'good', duplicate: '', rejected: 'bad', suppressed: 'warn', pending: 'accent' };

function Row({ entry }: { entry: Entry }) {
  return (
    <details className="event">
      <summary>
        <span className={`tag ${LOOKS[entry.verdict] ?? ''}`}>{entry.verdict}</span>
        <strong>{entry.name || words(entry.kind ?? '') || entry.shape}</strong>
        <span className="tag">{entry.source}</span>
        <span className="mono small quiet">
          {Object.entries(entry.identifiers ?? {}).map(([type, values]) => `${type}:${values.join(',')}`).join(' ')}
        </span>
        {(entry.changes ?? []).map((change) => (
          <span key={change} className="tag accent">
            {change}
          </span>
        ))}
        {(entry.findings?.length ?? 0) > 0 && <span className="tag warn">{plural(entry.findings!.length, 'finding')}</span>}
        <span className="when">
          <Time at={entry.received_at} />
        </span>
      </summary>
      {entry.reason && (
        <p>
          <span className="tag bad">{words(entry.reason)}</span> {entry.detail}
        </p>
      )}
      <pre tabIndex={0} aria-label="The entry">{JSON.stringify(entry, null, 2)}</pre>
      {entry.profile && (
        <p style={{ marginTop: 6 }}>
          <Link to="/people/$id" params={{ id: entry.profile }}>
            Open the person
          </Link>
        </p>
      )}
    </details>
  );
}

export default function Live() {
  const search = useSearch({ from: '/shell/live' });
  const navigate = useNavigate();
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [paused, setPaused] = useState(false);
  const [state, setState] = useState<'waiting' | 'open' | 'lost'>('waiting');
  const last = useRef('');
  const [settled] = useDebouncedValue(JSON.stringify(search), 300);
  const before = useRef(settled);
  useEffect(() => {
    if (before.current !== settled) {
      before.current = settled;
      last.current = '';
      setEntries([]);
    }
    if (paused) return;
    const wanted = JSON.parse(settled) as Record<string, string>;
    const stream = new EventSource(`/api/v1/events/stream?${new URLSearchParams({ ...wanted, ...(last.current ? { after: last.current } : { recent: String(RECENT) }) })}`);
    let waiting: Entry[] = [];
    stream.onopen = () => setState('open');
    stream.onerror = () => setState('lost');
    // The server names its events, so `onmessage` would see none of them.
    stream.addEventListener('entry', (message: MessageEvent<string>) => {
      last.current = message.lastEventId || last.current;
      waiting.push(JSON.parse(message.data) as Entry);
    });
    // Shown a few times a second: a busy source sends more than anybody reads.
    const timer = setInterval(() => {
      if (waiting.length === 0) return;
      const came = waiting.reverse();
      waiting = [];
      setEntries((now) => [...came, ...now].slice(0, KEPT));
    }, 250);
    return () => {
      clearInterval(timer);
      stream.close();
    };
  }, [settled, paused]);
  useKeys({ ' ': () => setPaused((now) => !now) });
  const set = (change: Record<string, string>) => void navigate({ to: '/live', search: { ...search, ...change }, replace: true });
  return (
    <Page
      title="Live events"
      about={
        <>
          Each <Term name="log">log</Term> entry as it is validated and resolved, the latest {RECENT} from before you came, too. Identifiers are masked.
        </>
      }
      json={`/api/v1/events/stream?${new URLSearchParams(search as Record<string, string>)}`}
      actions={
        <>
          <span className="quiet small" role="status">
            {paused ? 'Paused' : state === 'open' ? 'Listening' : state === 'lost' ? 'Connecting again…' : 'Connecting…'}
          </span>
          <Button variant={paused ? 'filled' : 'default'} onClick={() => setPaused(!paused)}>
            {paused ? 'Go on' : 'Pause'}
          </Button>
          <Button variant="default" disabled={entries.length === 0} onClick={() => setEntries([])}>
            Clear
          </Button>
        </>
      }
    >
      <div className="row" style={{ marginBottom: 12 }}>
        <TextInput type="search" aria-label="Search in what is shown" placeholder="Search" value={search.q ?? ''} onChange={(event) => set({ q: event.currentTarget.value })} />
        <TextInput aria-label="Source" placeholder="Source" value={search.source ?? ''} onChange={(event) => set({ source: event.currentTarget.value })} w={130} />
        <TextInput aria-label="Name of the event" placeholder="Event" value={search.name ?? ''} onChange={(event) => set({ name: event.currentTarget.value })} w={150} />
        <NativeSelect aria-label="Verdict" value={search.verdict ?? ''} data={[{ value: '', label: 'All' }, 'stored', 'duplicate', 'rejected', 'suppressed']} onChange={(event) => set({ verdict: event.currentTarget.value })} />
        <span className="quiet small">{plural(entries.length, 'entry', 'entries')}{entries.length === KEPT ? ', the latest' : ''}</span>
      </div>
      {entries.length === 0 ? (
        <Empty title="Nothing yet">Send an event, and it is here within a second.</Empty>
      ) : (
        <div className="timeline" style={{ maxHeight: 'none' }}>
          {entries.map((entry) => (
            <Row key={entry.position} entry={entry} />
          ))}
        </div>
      )}
    </Page>
  );
}
