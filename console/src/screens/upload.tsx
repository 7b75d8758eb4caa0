// A file becomes events: chosen, shown on its own rows, the mapping corrected, and loaded through the one pipeline.
import { Button, FileInput, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { GET, read, type Schemas } from '../api/client';
import { beginning, load, preview, type Change, type Preview } from '../api/upload';
import { Page, save } from '../parts/page';
import { Failed, Loading } from '../parts/states';
import { number, plural, Term } from '../parts/text';
import { Columns, Rows } from './upload-columns';

type Account = Schemas['Account'];
type Chosen = { file: File; head: Blob; lines: number | null };
type Asked = { of: Chosen; mapping?: string; columns?: Change[] };

function useAccounts(often: boolean) {
  return useQuery({ queryKey: ['sources'], queryFn: () => read(GET('/api/v1/sources')), refetchInterval: often ? 1_000 : false });
}

function Progress({ done, total, what }: { done: number; total: number | null; what: string }) {
  const part = total ? Math.min(1, done / total) : null;
  return (
    <div className="stack" role="status" aria-label={what}>
      <div className="bar">{part !== null && <i style={{ width: `${Math.round(100 * part)}%` }} />}</div>
      <span className="quiet small">
        {what}: {plural(done, 'row')}
        {total ? ` of about ${number(total)}` : ''}
      </span>
    </div>
  );
}

function Result({ loaded, account }: { loaded: Schemas['FileLoaded']; account: Account | undefined }) {
  const rejected = Object.values(loaded.rejected).reduce((sum, one) => sum + one, 0);
  const waiting = account === undefined || account.pending > 0;
  return (
    <section className="card stack" aria-label="What became of it" aria-live="polite">
      <h2>{waiting ? 'In the log; being processed' : 'Loaded'}</h2>
      <p>
        {plural(loaded.rows, 'row')} of {loaded.file} taken into {loaded.source}
        {rejected > 0 && (
          <>
            ; {number(rejected)} of them could not be read and {rejected === 1 ? 'is a' : 'are'} <Term name="dead letter">{rejected === 1 ? 'dead letter' : 'dead letters'}</Term>
          </>
        )}
        .
      </p>
      {waiting && account && <Progress what="Processed" done={account.received - account.pending} total={account.received} />}
      {loaded.said.map((sentence, index) => (
        <div key={index} className="small quiet" style={{ overflowWrap: 'anywhere' }}>
          {sentence.trim()}
        </div>
      ))}
      {account && (
        <div className="row">
          {(['stored', 'duplicate', 'rejected', 'suppressed', 'pending'] as const).map((name) => (
            <span key={name} className="tag">{`${name} ${number(account[name])}`}</span>
          ))}
          {Object.entries(account.findings).map(([code, count]) => (
            <span key={code} className="tag warn">{`${code.replaceAll('_', ' ')} ${number(count)}`}</span>
          ))}
        </div>
      )}
      <div className="row">
        {rejected > 0 && (
          <Link to="/dead-letters" search={{ source: loaded.source }}>
            Mend the dead letters
          </Link>
        )}
        <Link to="/live" search={{ source: loaded.source }}>
          Its events
        </Link>
        <Link to="/people">People</Link>
      </div>
    </section>
  );
}

function Mapping({ shown, again }: { shown: Preview; again: (mapping: string) => void }) {
  const [text, setText] = useState(shown.mapping);
  return (
    <details>
      <summary>The mapping as text</summary>
      <div className="stack" style={{ marginTop: 8 }}>
        <Textarea
          aria-label="Mapping" autosize minRows={4} maxRows={24} spellCheck={false} value={text}
          styles={{ input: { fontFamily: 'ui-monospace, monospace' } }} onChange={(event) => setText(event.currentTarget.value)}
        />
        <div className="row">
          <Button size="xs" variant="default" disabled={text === shown.mapping} onClick={() => again(text)}>
            Read the file by this
          </Button>
          <button type="button" className="plain" onClick={() => save('mapping.yaml', new Blob([shown.mapping], { type: 'application/yaml' }))}>
            Download it, for onefold load --mapping
          </button>
        </div>
      </div>
    </details>
  );
}

export default function Upload() {
  const search = useSearch({ from: '/shell/upload' });
  const queries = useQueryClient();
  const [chosen, setChosen] = useState<Chosen>();
  const [shown, setShown] = useState<Preview>();
  const [source, setSource] = useState(search.source ?? '');
  const looking = useRef<Promise<Preview>>(undefined);
  const loading = useMutation({
    // What was corrected last counts, though its preview has not come yet.
    mutationFn: async () => load(chosen!.file, source.trim(), ((await looking.current) ?? shown!).mapping, known.has(source.trim())),
    onSettled: () => queries.invalidateQueries({ queryKey: ['sources'] }),
  });
  const [before, setBefore] = useState(0);
  const accounts = useAccounts(loading.isPending || loading.isSuccess);
  const of = (name: string) => accounts.data?.sources.find((one) => one.source === name);
  const known = new Set((accounts.data?.sources ?? []).map((one) => one.source));
  const look = useMutation({
    mutationFn: async (asked: Asked) => preview(asked.of.file, asked.of.head, source.trim(), asked.mapping, asked.columns),
    onSuccess: setShown,
  });
  const see = (asked: Asked) => {
    looking.current = look.mutateAsync(asked);
    looking.current.catch(() => undefined); // which the screen shows
  };
  const choose = async (file: File | null) => {
    loading.reset();
    look.reset();
    setShown(undefined);
    if (!file) return setChosen(undefined);
    const found = { file, ...(await beginning(file)) };
    setChosen(found);
    see({ of: found });
  };
  const again = (mapping: string, columns: Change[] = []) => chosen && see({ of: chosen, mapping, columns });
  const account = of(loading.data?.source ?? source.trim());
  return (
    <Page
      title="Load a file"
      about={
        <>
          Each row of a CSV, JSON or Parquet file becomes an <Term name="event" />. See what on its own rows, correct it, then load it.
        </>
      }
    >
      <div className="stack">
        <FileInput
          label="File" placeholder="Choose a file" description="CSV, TSV, JSON, lines of JSON or Parquet, also compressed; 32 MiB at most."
          value={chosen?.file ?? null} onChange={(file) => void choose(file)} style={{ maxWidth: 460 }} clearable={false}
        />
        {look.isError && <Failed error={look.error} />}
        {look.isPending && !shown && <Loading rows={5} what="Reading the file" />}
        {shown && chosen && (
          <div className="stack" aria-busy={look.isPending} style={{ opacity: look.isPending ? 0.6 : 1 }}>
            {shown.doubts.length > 0 && (
              <div className="state error" role="alert">
                <strong>Correct the mapping before you load it</strong>
                {shown.doubts.map((doubt) => (
                  <p key={doubt}>{doubt}</p>
                ))}
              </div>
            )}
            <h2>What each column is{shown.guessed ? ', as guessed' : ''}</h2>
            <Columns shown={shown} busy={look.isPending} change={(one) => again(shown.mapping, [one])} />
            <Mapping key={shown.mapping} shown={shown} again={again} />
            <h2>Its first rows</h2>
            <Rows shown={shown} />
            {shown.said.map((sentence, index) => (
              <div key={index} className="small quiet" style={{ overflowWrap: 'anywhere' }}>
                {sentence.trim()}
              </div>
            ))}
            <form
              className="row"
              style={{ alignItems: 'flex-end' }}
              onSubmit={(event) => {
                event.preventDefault();
                setBefore(of(source.trim())?.received ?? 0);
                loading.mutate();
              }}
            >
              <TextInput
                label="Source" value={source} list="known-sources" placeholder="crm" required style={{ width: 240 }}
                onChange={(event) => setSource(event.currentTarget.value)}
                onBlur={() => again(shown.mapping)}
              />
              <datalist id="known-sources">
                {[...known].map((one) => (
                  <option key={one} value={one} />
                ))}
              </datalist>
              <Button type="submit" loading={loading.isPending} disabled={!source.trim()}>
                Load it
              </Button>
              {source.trim() && !known.has(source.trim()) && !loading.isSuccess && <span className="quiet small">{source.trim()} is a new source.</span>}
            </form>
            {loading.isPending && <Progress what="Received" done={Math.max(0, (account?.received ?? 0) - before)} total={chosen.lines} />}
            {loading.isError && <Failed error={loading.error} />}
            {loading.data && <Result loaded={loading.data} account={account} />}
          </div>
        )}
      </div>
    </Page>
  );
}
