import { Button, SegmentedControl } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { GET, POST, read } from '../api/client';
import { may, useMe } from '../api/session';
import { useKeys } from '../parts/keys';
import { Page } from '../parts/page';
import { Empty, Failed, Loading } from '../parts/states';
import { number, Term, Time, words } from '../parts/text';
import { say } from '../parts/toast';
import { Bulk } from './review-bulk';
import { SideBySide, type Pair } from './review-pair';
import { Agreement } from './review-stats';

type Verdict = 'same' | 'different' | 'unsure';
type View = 'open' | 'unsure' | 'decided' | 'disputed' | 'second';
type Tab = View | 'pattern' | 'agreement';

const VIEWS: { value: Tab; label: string }[] = [
  { value: 'open', label: 'Open' },
  { value: 'unsure', label: 'Unsure' },
  { value: 'disputed', label: 'Disputed' },
  { value: 'second', label: 'Second opinion' },
  { value: 'decided', label: 'Decided' },
  { value: 'pattern', label: 'By pattern' },
  { value: 'agreement', label: 'Agreement' },
];
const AHEAD = 4;
const TOLD: Record<Verdict, string> = { same: 'Same person', different: 'Different people', unsure: 'Marked as unsure' };

export default function Review() {
  const { status } = useSearch({ from: '/shell/review' });
  const tab: Tab = VIEWS.find((one) => one.value === status)?.value ?? 'open';
  const view: View = tab === 'pattern' || tab === 'agreement' ? 'open' : tab;
  const navigate = useNavigate();
  const queries = useQueryClient();
  const me = useMe();
  const decides = may(me, 'admin');
  // Decided here and not yet known to be so by the server's list, and skipped: neither is shown again.
  const [gone, setGone] = useState<readonly string[]>([]);
  const pairs = useQuery({
    queryKey: ['review', view],
    queryFn: () => read(GET('/api/v1/review/pairs', { params: { query: { status: view, limit: AHEAD + Math.min(gone.length, 100) } } })),
    // The next ones are there before they are asked for.
    placeholderData: (before) => before,
  });
  const left = ((pairs.data?.pairs ?? []) as unknown as Pair[]).filter((pair) => !gone.includes(pair.pair));
  const pair = left[0];
  const counts = pairs.data?.counts;
  const fewLeft = left.length < AHEAD - 1 && !pairs.isFetching && gone.length > 0;
  const asked = pairs.refetch;
  const [askedAt, setAskedAt] = useState(-1);
  useEffect(() => {
    if (fewLeft && askedAt !== gone.length) {
      setAskedAt(gone.length);
      void asked();
    }
  }, [fewLeft, askedAt, gone.length, asked]);

  const sent = useRef(new Map<string, Promise<unknown>>());
  const undo = useMutation({
    mutationFn: async (of: string) => {
      // A quick U comes before the answer to the decision that it takes back.
      await sent.current.get(of);
      return read(POST('/api/v1/review/undo', { body: { pair: of, reason: '' } }));
    },
    onSuccess: async (_, of) => {
      setGone((now) => now.filter((one) => one !== of));
      await queries.invalidateQueries({ queryKey: ['review'] });
      say('Taken back.');
    },
  });
  const decide = useMutation({
    mutationFn: ({ of, verdict }: { of: string; verdict: Verdict }) => {
      const answer = read(POST('/api/v1/review/decisions', { body: { pairs: [of], verdict, reason: '' } }));
      sent.current.set(of, answer);
      return answer;
    },
    onMutate: ({ of, verdict }) => {
      setGone((now) => [...now, of]);
      say(`${TOLD[verdict]}.`, () => undo.mutate(of));
    },
    onError: (error, { of }) => {
      setGone((now) => now.filter((one) => one !== of));
      say(error.message);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['review', 'count'] }),
  });
  const [decided, setDecided] = useState<readonly string[]>([]);
  const rule = (verdict: Verdict) => {
    if (!pair || !decides || tab !== view) return;
    setDecided((now) => [...now, pair.pair]);
    decide.mutate({ of: pair.pair, verdict });
  };
  const skip = () => pair && setGone((now) => [...now, pair.pair]);
  const takeBack = () => {
    const last = decided.at(-1);
    if (!last) return;
    setDecided((now) => now.slice(0, -1));
    undo.mutate(last);
  };
  useKeys({ y: () => rule('same'), n: () => rule('different'), '?': () => rule('unsure'), s: () => skip(), u: takeBack });

  return (
    <Page
      title="Review"
      about="Pairs that may be one person. Your answer is a ruling: it counts at once, and can be undone."
      json={tab === 'agreement' ? '/api/v1/review/stats' : `/api/v1/review/pairs?status=${view}`}
      actions={counts && <span className="quiet">{number(counts.open)} open · {number(counts.decided)} decided</span>}
    >
      <SegmentedControl
        aria-label="Which pairs"
        value={tab}
        onChange={(value) => {
          setGone([]);
          void navigate({ to: '/review', search: { status: value === 'open' ? undefined : value } });
        }}
        data={VIEWS}
        mb="md"
        style={{ maxWidth: '100%', overflowX: 'auto' }}
      />
      {tab === 'agreement' ? (
        <Agreement />
      ) : tab === 'pattern' ? (
        <Bulk />
      ) : pairs.isError ? (
        <Failed error={pairs.error} again={() => void pairs.refetch()} />
      ) : pairs.isPending || (!pair && pairs.isFetching) ? (
        <Loading rows={8} what="Loading pairs" />
      ) : !pair ? (
        <Empty title={view === 'open' ? 'Nothing waits for a decision' : 'No pairs here'}>
          {view === 'open' ? (
            <>
              Pairs come here when <Term name="edge">evidence</Term> is refused, and when <code>onefold match</code> finds records that are alike.
            </>
          ) : (
            'Choose another view above.'
          )}
        </Empty>
      ) : (
        <div key={pair.pair}>
          <p className="row">
            <span className="tag accent">{words(pair.cause)}</span>
            <span>{pair.because}</span>
            {pair.probability !== null && <span className="quiet">probability {(pair.probability * 100).toFixed(1)} %</span>}
            {pair.claimed_by && <span className="tag warn">on the desk of {pair.claimed_by}</span>}
            <Link to="/why" search={{ a: pair.a.label, b: pair.b.label }}>
              Why
            </Link>
          </p>
          <SideBySide pair={pair} />
          {pair.answers.map((answer, index) => (
            <p key={index} className="small quiet" style={{ marginTop: 8 }}>
              {answer.by}: {answer.verdict} {answer.reason && `– ${answer.reason}`} <Time at={answer.at} />
            </p>
          ))}
          {decides && (
            <div className="row" style={{ marginTop: 14 }}>
              <Button onClick={() => rule('same')}>
                Same person&nbsp;<kbd>Y</kbd>
              </Button>
              <Button variant="default" onClick={() => rule('different')}>
                Different&nbsp;<kbd>N</kbd>
              </Button>
              <Button variant="default" onClick={() => rule('unsure')}>
                Cannot tell&nbsp;<kbd>?</kbd>
              </Button>
              <Button variant="subtle" onClick={skip}>
                Skip&nbsp;<kbd>S</kbd>
              </Button>
              <Button variant="subtle" disabled={decided.length === 0} onClick={takeBack}>
                Undo&nbsp;<kbd>U</kbd>
              </Button>
            </div>
          )}
        </div>
      )}
    </Page>
  );
}
