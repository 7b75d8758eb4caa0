import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { GET, read } from '../api/client';
import { Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { show, Term, Time, words } from '../parts/text';
import type { Profile } from './person';

function Standing({ slug, id }: { slug: string; id: string }) {
  const standing = useQuery({
    queryKey: ['standing', slug, id],
    queryFn: () =>
      read(GET('/api/v1/segments/{slug}/members/{identifier}', { params: { path: { slug, identifier: `profile:${id}` } } })),
  });
  return (
    <Shown of={standing} rows={3}>
      {(one) => (
        <div className="card" style={{ marginTop: 8 }}>
          <p>{one.sentence}</p>
          <ul style={{ margin: '0 0 8px', paddingLeft: 18 }}>
            {one.conditions.map((condition) => (
              <li key={condition.condition}>
                <span className={`tag ${condition.value === 'true' ? 'good' : condition.value === 'false' ? 'bad' : ''}`}>{condition.value}</span>{' '}
                {condition.condition}
              </li>
            ))}
          </ul>
          {one.reason && (
            <p className="small quiet">
              Entered because of {one.reason.because === 'event' ? 'an event' : words(one.reason.because)}
              {one.reason.offset !== null && <> (log entry {one.reason.offset})</>}
              {one.reason.conditions.map((change) => (
                <span key={change.condition}>
                  ; {change.condition}: {change.before ?? 'unknown'} → {change.now}
                </span>
              ))}
            </p>
          )}
          <p className="small quiet">
            {one.until ? (
              <>
                Leaves <Time at={one.until} /> if nothing happens{one.then.map((change) => `; ${change.condition}: ${change.before ?? 'unknown'} → ${change.now}`)}.
              </>
            ) : (
              'Time alone does not end it.'
            )}
          </p>
        </div>
      )}
    </Shown>
  );
}

export function Memberships({ profile }: { profile: Profile }) {
  const [open, setOpen] = useState<string>();
  const segments = Object.entries(profile.segments);
  const traits = Object.entries(profile.traits);
  return (
    <div className="stack">
      <section>
        <h2>
          <Term name="segment">Segments</Term>
        </h2>
        {segments.length === 0 ? (
          <Empty title="In no segment">
            <Link to="/segments">See which segments there are</Link>
          </Empty>
        ) : (
          <Table
            label="Segments of this person"
            rows={segments}
            columns={[
              {
                head: 'Segment',
                cell: ([slug]) => (
                  <>
                    <Link to="/segments/$slug" params={{ slug }}>
                      {words(slug)}
                    </Link>
                    {open === slug && <Standing slug={slug} id={profile.id} />}
                  </>
                ),
              },
              { head: 'Since', cell: ([, one]) => <Time at={one.since} /> },
              { head: 'Because of', cell: ([, one]) => words(one.because) },
              { head: 'At least until', cell: ([, one]) => (one.until ? <Time at={one.until} /> : <span className="quiet">time does not end it</span>) },
              {
                head: <span className="hidden">Actions</span>,
                cell: ([slug]) => (
                  <button type="button" className="plain strong" aria-expanded={open === slug} aria-label={`Why in ${words(slug)}`} onClick={() => setOpen(open === slug ? undefined : slug)}>
                    {open === slug ? 'Close' : 'Why'}
                  </button>
                ),
              },
            ]}
          />
        )}
      </section>
      <section>
        <h2>
          <Term name="computed trait">Computed traits</Term>
        </h2>
        {traits.length === 0 ? (
          <Empty title="No computed traits">
            The project states them in <code>traits/*.yaml</code>.
          </Empty>
        ) : (
          <Table
            label="Computed traits of this person"
            name={`traits-${profile.id}`}
            rows={traits}
            columns={[
              { head: 'Trait', cell: ([name]) => words(name), csv: ([name]) => name },
              {
                head: 'Value',
                cell: ([, one]) => (
                  <>
                    <strong>{show(one.value)}</strong> {one.status === 'backfilling' && <span className="tag warn">backfilling</span>}
                  </>
                ),
                csv: ([, one]) => one.value,
              },
              { head: 'Stays until', cell: ([, one]) => <Time at={one.changes_at} />, csv: ([, one]) => one.changes_at },
            ]}
          />
        )}
      </section>
    </div>
  );
}
