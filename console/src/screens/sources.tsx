import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { GET, read, type Schemas } from '../api/client';
import { may, useMe } from '../api/session';
import { ButtonLink } from '../parts/button-link';
import { Page } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, Term, words } from '../parts/text';

type Account = Schemas['Account'];

function counted(counts: Record<string, number>): [string, number][] {
  return Object.entries(counts).sort(([, a], [, b]) => b - a);
}

function Quality({ emq }: { emq: readonly number[] }) {
  const most = Math.max(1, ...emq);
  const all = emq.reduce((sum, one) => sum + one, 0);
  const mean = all === 0 ? null : emq.reduce((sum, one, index) => sum + one * (index + 0.5) * 0.1, 0) / all;
  return (
    <div role="img" aria-label={mean === null ? 'No events yet' : `Match quality about ${mean.toFixed(2)}`} style={{ display: 'flex', alignItems: 'flex-end', gap: 2, height: 34 }}>
      {emq.map((one, index) => (
        <i key={index} title={`${(index / 10).toFixed(1)} to ${((index + 1) / 10).toFixed(1)}: ${one}`} style={{ flex: 1, background: 'var(--accent)', opacity: one ? 1 : 0.15, height: `${Math.max(4, (100 * one) / most)}%`, borderRadius: 2 }} />
      ))}
    </div>
  );
}

function Card({ one, admin }: { one: Account; admin: boolean }) {
  return (
    <article className="card stack">
      <div className="row spread">
        <h2 style={{ margin: 0 }}>{one.source}</h2>
        <span className="row">
          {!one.balanced && <span className="tag bad">unbalanced</span>}
          {!one.moving && <span className="tag warn">standing still</span>}
          {one.balanced && one.moving && <span className="tag good">balanced</span>}
        </span>
      </div>
      <dl className="pairs">
        {(['received', 'stored', 'duplicate', 'rejected', 'suppressed', 'pending'] as const).map((name) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>
              {name === 'rejected' && one.rejected > 0 && admin ? (
                <Link to="/dead-letters" search={{ source: one.source }}>
                  {number(one.rejected)}
                </Link>
              ) : (
                number(one[name])
              )}
            </dd>
          </div>
        ))}
      </dl>
      <div>
        <h3>Match quality, 0 to 1</h3>
        <Quality emq={one.emq} />
      </div>
      {counted(one.reasons).length > 0 && (
        <div>
          <h3>Why rejected or suppressed</h3>
          <div className="row">{counted(one.reasons).map(([reason, count]) => <span key={reason} className="tag bad">{words(reason)} {number(count)}</span>)}</div>
        </div>
      )}
      {counted(one.findings).length > 0 && (
        <div>
          <h3>
            <Term name="finding">Findings</Term>
          </h3>
          <div className="row">{counted(one.findings).map(([code, count]) => <span key={code} className="tag warn">{words(code)} {number(count)}</span>)}</div>
        </div>
      )}
      <Link to="/live" search={{ source: one.source }} className="small">
        Watch its events
      </Link>
    </article>
  );
}

export default function Sources() {
  const me = useMe();
  const sources = useQuery({ queryKey: ['sources'], queryFn: () => read(GET('/api/v1/sources')), refetchInterval: 5_000 });
  return (
    <Page
      title="Sources"
      about={
        <>
          The <Term name="account" /> of each source: received = stored + duplicate + rejected + suppressed + pending.
        </>
      }
      actions={may(me, 'sources') && <ButtonLink to="/upload">Load a file</ButtonLink>}
      json="/api/v1/sources"
    >
      <Shown of={sources} rows={6}>
        {({ sources: all }) =>
          all.length === 0 ? (
            <Empty title="No source has sent anything">
              <code>onefold keys create website</code> makes a key for one; <code>onefold load file.csv</code>, or the button above, loads a file.
            </Empty>
          ) : (
            <div className="cards" style={{ gridTemplateColumns: 'repeat(auto-fill, minmax(260px, 1fr))' }}>
              {all.map((one) => (
                <Card key={one.source} one={one} admin={may(me, 'admin')} />
              ))}
            </div>
          )
        }
      </Shown>
    </Page>
  );
}
