import { Button, NativeSelect, NumberInput, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { GET, POST, read, type Schemas } from '../api/client';
import { may, useMe } from '../api/session';
import { Empty, Failed, Shown } from '../parts/states';
import { number, plural, words } from '../parts/text';
import { say } from '../parts/toast';
import { SideBySide, type Pair } from './review-pair';

type Pattern = Schemas['Fitting'];
type How = 'equal' | 'close' | 'different' | 'missing';
type Verdict = 'same' | 'different' | 'unsure';
const HOWS: { value: How; label: string }[] = [
  { value: 'equal', label: 'equal' }, { value: 'close', label: 'equal or close' },
  { value: 'different', label: 'different' }, { value: 'missing', label: 'missing on a side' },
];
const VERDICTS: { value: Verdict; label: string }[] = [
  { value: 'same', label: 'the same person' }, { value: 'different', label: 'different people' }, { value: 'unsure', label: 'cannot be told' },
];

/** All open pairs of a pattern, seen before they are decided, and decided as one. */
export function Bulk() {
  const me = useMe();
  const queries = useQueryClient();
  const [hows, setHows] = useState<Record<string, How>>({});
  const [least, setLeast] = useState<number | ''>('');
  const [most, setMost] = useState<number | ''>('');
  const [verdict, setVerdict] = useState<Verdict>('different');
  const [reason, setReason] = useState('');
  const open = useQuery({ queryKey: ['review', 'fields'], queryFn: () => read(GET('/api/v1/review/pairs', { params: { query: { limit: 50 } } })) });
  const fields = [...new Set((open.data?.pairs ?? []).flatMap((pair) => pair.fields.map((field) => field.field)))].sort();
  const of = (how: How) => fields.filter((name) => hows[name] === how);
  const pattern: Pattern = {
    equal: of('equal'), close: of('close'), different: of('different'), missing: of('missing'),
    probability_min: least === '' ? null : least / 100, probability_max: most === '' ? null : most / 100,
  };
  const stated = Object.keys(hows).length > 0 || least !== '' || most !== '';
  const preview = useQuery({
    queryKey: ['review', 'bulk', pattern],
    queryFn: () => read(POST('/api/v1/review/bulk/preview', { body: pattern })),
    enabled: stated,
  });
  const undo = useMutation({
    // By its decision, for that takes back all that were decided at once with it.
    mutationFn: async (pair: string) => {
      const { decisions } = await read(GET('/api/v1/review/decisions', { params: { query: { limit: 200 } } }));
      const decision = decisions.find((one) => one.pair === pair)?.decision;
      return read(POST('/api/v1/review/undo', { body: { ...(decision ? { decision } : { pair }), reason: '' } }));
    },
    onSuccess: async (done) => {
      await queries.invalidateQueries({ queryKey: ['review'] });
      say(`Taken back: ${plural(done.decided, 'pair')}.`);
    },
  });
  const decide = useMutation({
    mutationFn: (expected: number) => read(POST('/api/v1/review/bulk', { body: { ...pattern, verdict, expected, reason } })),
    onSuccess: async (done) => {
      await queries.invalidateQueries({ queryKey: ['review'] });
      const first = done.pairs[0];
      say(`${plural(done.decided, 'pair')} decided.`, first ? () => undo.mutate(first) : undefined);
    },
  });
  if (!may(me, 'admin')) return <Empty title="Your role does not decide pairs" />;
  return (
    <div className="stack" style={{ gap: 18 }}>
      <section className="card">
        <h2>Pairs of which all of this is true</h2>
        <div className="stack">
          {Object.entries(hows).map(([name, how]) => (
            <div key={name} className="row">
              <strong>{words(name)}</strong> is
              <NativeSelect size="xs" aria-label={`How ${words(name)} agrees`} data={HOWS} value={how} onChange={(event) => setHows({ ...hows, [name]: event.currentTarget.value as How })} />
              <Button size="compact-xs" variant="subtle" aria-label={`Without ${words(name)}`} onClick={() => setHows(Object.fromEntries(Object.entries(hows).filter(([other]) => other !== name)))}>
                ✕
              </Button>
            </div>
          ))}
          <div className="row" style={{ alignItems: 'flex-end' }}>
            <NativeSelect
              size="xs" label="Add a field" value="" data={[{ value: '', label: 'Choose…' }, ...fields.filter((name) => !hows[name]).map((name) => ({ value: name, label: words(name) }))]}
              onChange={(event) => event.currentTarget.value && setHows({ ...hows, [event.currentTarget.value]: 'equal' })}
            />
            <NumberInput size="xs" label="Least probability" suffix=" %" min={0} max={100} w={130} hideControls value={least} onChange={(value) => setLeast(value === '' ? '' : Number(value))} />
            <NumberInput size="xs" label="Most probability" suffix=" %" min={0} max={100} w={130} hideControls value={most} onChange={(value) => setMost(value === '' ? '' : Number(value))} />
          </div>
        </div>
      </section>
      {!stated ? (
        <Empty title="Say what the pairs have in common">Nothing is decided before you have seen how many there are, and some of them.</Empty>
      ) : (
        <Shown of={preview} rows={6}>
          {(found) => (
            <>
              <p aria-live="polite">
                <strong>{plural(found.matching, 'open pair')}</strong> of {number(found.looked_at)}: {found.pattern}.
              </p>
              {found.matching > 0 && (
                <>
                  <div className="row" style={{ alignItems: 'flex-end' }}>
                    <NativeSelect label="They are" data={VERDICTS} value={verdict} onChange={(event) => setVerdict(event.currentTarget.value as Verdict)} />
                    <TextInput label="Reason" placeholder="For whoever asks later" value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
                    <Button loading={decide.isPending} onClick={() => decide.mutate(found.matching)}>
                      Decide {plural(found.matching, 'pair')}
                    </Button>
                  </div>
                  {decide.isError && <Failed error={decide.error} again={() => void preview.refetch()} />}
                  <h2>Some of them</h2>
                  {found.samples.slice(0, 5).map((pair) => (
                    <SideBySide key={pair.pair} pair={pair as unknown as Pair} />
                  ))}
                </>
              )}
            </>
          )}
        </Shown>
      )}
    </div>
  );
}
