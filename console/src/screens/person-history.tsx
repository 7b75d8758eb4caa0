import { Button, Modal, NativeSelect, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { GET, POST, read } from '../api/client';
import { Table } from '../parts/page';
import { Empty, Failed, Shown } from '../parts/states';
import { number, Term, Time, words } from '../parts/text';
import { say } from '../parts/toast';
import type { Profile } from './person';

type Verdict = 'link' | 'split' | 'share' | 'unshare' | 'withdraw';
type Statement = { verdict: Verdict; a: string; b?: string; reason: string };

type Said = { verdict: string; subjects: string[] };

const SAID: Record<string, string> = {
  same: 'same person', different: 'different people', shared: 'shared', not_shared: 'not shared', withdrawn: 'withdrawn',
};

function named(text: string) {
  const [type, ...rest] = text.split(':');
  return { type: type ?? '', value: rest.join(':') };
}

/** A ruling, and after it a way to take it back. */
function useJudging(profile: Profile) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const judging = useMutation({
    mutationFn: (said: Statement) =>
      read(
        POST('/api/v1/judgements', {
          body: { verdict: said.verdict, a: named(said.a), b: said.b ? named(said.b) : null, reason: said.reason },
        }),
      ),
    onSuccess: async (done, said) => {
      await queries.invalidateQueries();
      const undo = () => judging.mutate({ verdict: 'withdraw', a: said.a, b: said.b, reason: 'undone' });
      const told: Record<Verdict, string> = {
        link: 'Linked: they are one person.',
        split: 'Split: they are two people.',
        share: 'Marked as shared.',
        unshare: 'Marked as not shared.',
        withdraw: 'Withdrawn.',
      };
      say(done.settled ? told[said.verdict] : `${told[said.verdict]} It shows as soon as a worker has processed it.`, said.verdict === 'withdraw' ? undefined : undo);
      const here = done.profile_ids.find((id) => id !== null);
      if (here && !done.profile_ids.includes(profile.id)) {
        await navigate({ to: '/people/$id', params: { id: here }, search: { tab: 'history' } });
      }
    },
  });
  return judging;
}

function Form({ profile, verdict, close, judging }: { profile: Profile; verdict: 'link' | 'split'; close: () => void; judging: ReturnType<typeof useJudging> }) {
  const choices = profile.identifiers.filter((one) => !one.shared).map((one) => `${one.type}:${one.value}`);
  const [a, setA] = useState(choices.find((_, index) => verdict === 'split' && index === 1) ?? choices[0] ?? '');
  const [b, setB] = useState(verdict === 'split' ? (choices[0] ?? '') : '');
  const [reason, setReason] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    judging.mutate({ verdict, a, b, reason }, { onSuccess: close });
  };
  return (
    <form onSubmit={submit} className="stack">
      <p className="quiet">
        {verdict === 'split'
          ? 'Everything stays: the evidence between the two is not followed any more, and this can be undone at any time.'
          : 'The other identifier, and whoever it belongs to, becomes this person. This can be undone at any time.'}
      </p>
      <NativeSelect label={verdict === 'split' ? 'This identifier is somebody else' : 'This identifier'} data={choices} value={a} onChange={(event) => setA(event.currentTarget.value)} />
      {verdict === 'split' ? (
        <NativeSelect label="than this one" data={choices.filter((one) => one !== a)} value={b} onChange={(event) => setB(event.currentTarget.value)} />
      ) : (
        <TextInput label="and this one are one person" placeholder="email:ann@example.org" required pattern=".+:.+" value={b} onChange={(event) => setB(event.currentTarget.value)} />
      )}
      <TextInput label="Reason" placeholder="For whoever asks later" value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
      {judging.isError && <Failed error={judging.error} />}
      <div className="row">
        <Button type="submit" loading={judging.isPending} disabled={!a || !b || a === b}>
          {verdict === 'split' ? 'Split' : 'Link'}
        </Button>
        <Button variant="default" onClick={close}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** Whether a ruling is the latest about its identifiers, so that taking it back changes something. */
function stands(said: Said, all: readonly Said[]): boolean {
  const about = [...said.subjects].sort().join();
  const latest = all.filter((other) => [...other.subjects].sort().join() === about).at(-1);
  return said === latest && said.verdict !== 'withdrawn';
}

export function History({ profile, mayJudge }: { profile: Profile; mayJudge: boolean }) {
  const history = useQuery({
    queryKey: ['history', profile.id],
    queryFn: () => read(GET('/api/v1/profiles/id/{profile_id}/history', { params: { path: { profile_id: profile.id } } })),
  });
  const [form, setForm] = useState<'link' | 'split'>();
  const judging = useJudging(profile);
  const known = new Map(profile.identifiers.map((one) => [one.node, `${one.type}:${one.value}`]));
  return (
    <>
      {mayJudge && (
        <div className="row" style={{ marginBottom: 14 }}>
          <Button variant="default" disabled={profile.identifiers.length < 2} onClick={() => setForm('split')}>
            Split…
          </Button>
          <Button variant="default" onClick={() => setForm('link')}>
            Link…
          </Button>
          <span className="quiet small">
            A <Term name="judgement" /> is never deleted; the latest about the same identifiers counts.
          </span>
        </div>
      )}
      <Modal opened={form !== undefined} onClose={() => setForm(undefined)} title={form === 'split' ? 'Split this person' : 'Link another identifier'} closeButtonProps={{ 'aria-label': 'Close' }}>
        {form && <Form key={form} profile={profile} verdict={form} close={() => setForm(undefined)} judging={judging} />}
      </Modal>
      {judging.isError && !form && <Failed error={judging.error} />}
      <Shown of={history}>
        {(one) => (
          <div className="stack">
            <section>
              <h2>Judgements</h2>
              {one.judgements.length === 0 ? (
                <Empty title="Nobody has ruled about this person">Rules decided alone.</Empty>
              ) : (
                <Table
                  label="Judgements"
                  name={`judgements-${profile.id}`}
                  rows={[...one.judgements].reverse()}
                  columns={[
                    { head: 'Ruling', cell: (said) => <span className="tag accent">{SAID[said.verdict] ?? words(said.verdict)}</span>, csv: (said) => said.verdict },
                    { head: 'About', cell: (said) => said.subjects.map((subject) => <div key={subject} className="mono">{known.get(subject) ?? subject}</div>), csv: (said) => said.subjects.join('; ') },
                    { head: 'By', cell: (said) => said.by },
                    { head: 'Reason', cell: (said) => said.reason },
                    { head: 'When', cell: (said) => <Time at={said.at} />, csv: (said) => said.at },
                    {
                      head: <span className="hidden">Actions</span>,
                      cell: (said) => {
                        const [a, b] = said.subjects.map((subject) => known.get(subject) ?? subject);
                        const possible = mayJudge && stands(said, one.judgements) && a?.includes(':');
                        return possible && a ? (
                          <Button size="compact-xs" variant="default" loading={judging.isPending} onClick={() => judging.mutate({ verdict: 'withdraw', a, b, reason: '' })}>
                            Undo
                          </Button>
                        ) : null;
                      },
                    },
                  ]}
                />
              )}
            </section>
            <section>
              <h2>Merges and splits</h2>
              {one.changes.length === 0 ? (
                <Empty title="No merge and no split">These identifiers were one person from the start.</Empty>
              ) : (
                <Table
                  label="Merges and splits"
                  name={`changes-${profile.id}`}
                  rows={[...one.changes].reverse()}
                  columns={[
                    { head: 'What', cell: (change) => <span className={`tag ${change.kind === 'split' ? 'warn' : 'good'}`}>{change.kind}</span>, csv: (change) => change.kind },
                    { head: 'Identifiers', cell: (change) => change.identifiers.map((name) => <div key={name} className="mono">{name}</div>), csv: (change) => change.identifiers.join('; ') },
                    {
                      head: 'Before',
                      cell: (change) => (
                        <Link to="/people/$id" params={{ id: change.before }} className="mono">
                          {change.before.slice(0, 8)}
                        </Link>
                      ),
                      csv: (change) => change.before,
                    },
                    { head: 'When', cell: (change) => <Time at={change.at} />, csv: (change) => change.at },
                    { head: 'Log entry', number: true, cell: (change) => number(change.offset), csv: (change) => change.offset },
                  ]}
                />
              )}
            </section>
          </div>
        )}
      </Shown>
    </>
  );
}
