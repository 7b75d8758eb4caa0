import { NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { GET, POST, read, type Schemas } from '../api/client';
import { may, useMe } from '../api/session';
import { Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, words } from '../parts/text';
import { Moved, MOVED_SHOWN, type Document } from './publish';

function Difference({ slug, one, versions }: { slug: string; one: Schemas['Segment']; versions: readonly Schemas['SegmentVersion'][] }) {
  const holds = versions.find((version) => version.holds)?.version;
  const waiting = one.pending === 'changed';
  const [before, setBefore] = useState(String(waiting ? holds : (versions.find((version) => !version.holds)?.version ?? holds)));
  const [after, setAfter] = useState(waiting ? 'files' : String(holds));
  const names = versions.map(({ version, holds: now }) => ({ value: String(version), label: `version ${version}${now ? ', which holds' : ''}` }));
  const same = before === after;
  const diff = useQuery({
    queryKey: ['diff', slug, before, after, waiting && one.fingerprint],
    queryFn: () =>
      read(
        POST('/api/v1/segments/{slug}/diff', {
          params: { path: { slug } },
          body: { before: Number(before), limit: MOVED_SHOWN, ...(after === 'files' ? { rule: one.rule as Document } : { after: Number(after) }) },
        }),
      ),
    enabled: !same,
  });
  return (
    <section>
      <h2>Compare, person by person</h2>
      <div className="row" style={{ marginBottom: 10, alignItems: 'flex-end' }}>
        <NativeSelect label="From" data={names} value={before} onChange={(event) => setBefore(event.currentTarget.value)} />
        <NativeSelect label="To" data={waiting ? [...names, { value: 'files', label: 'what the files say, not applied' }] : names} value={after} onChange={(event) => setAfter(event.currentTarget.value)} />
      </div>
      {same ? <p className="quiet">Choose two versions.</p> : <Shown of={diff}>{(found) => <Moved diff={found} name={`${slug}-${before}-${after}`} />}</Shown>}
    </section>
  );
}

export function Versions({ slug, one }: { slug: string; one: Schemas['Segment'] }) {
  const me = useMe();
  const versions = useQuery({
    queryKey: ['versions', slug, one.version],
    queryFn: () => read(GET('/api/v1/segments/{slug}/versions', { params: { path: { slug } } })),
    enabled: one.version !== null,
  });
  if (one.version === null) return <Empty title="Not applied yet">The first version is there when it is applied.</Empty>;
  return (
    <Shown of={versions}>
      {(found) => (
        <div className="stack" style={{ gap: 20 }}>
          <Table
            label="Versions" name={`${slug}-versions`} rows={[...found.versions]}
            columns={[
              { head: 'Version', number: true, cell: (version) => number(version.version), csv: (version) => version.version },
              { head: 'Rule', cell: (version) => version.sentence || 'A list.' },
              { head: 'Kind', cell: (version) => version.kind },
              { head: 'State', cell: (version) => <span className={`tag ${version.holds ? 'good' : ''}`}>{version.holds ? 'holds' : 'replaced'}</span>, csv: (version) => (version.holds ? 'holds' : 'replaced') },
            ]}
          />
          {may(me, 'segments') && (found.versions.length > 1 || one.pending === 'changed') && one.kind !== 'static' && <Difference slug={slug} one={one} versions={found.versions} />}
        </div>
      )}
    </Shown>
  );
}

export function Overlap({ slug }: { slug: string }) {
  const overlaps = useQuery({ queryKey: ['overlaps'], queryFn: () => read(GET('/api/v1/segments/overlap')) });
  return (
    <Shown of={overlaps}>
      {(all) => {
        const rows = all.overlaps
          .filter((one) => one.a === slug || one.b === slug)
          .map((one) => (one.a === slug ? { other: one.b, mine: one.a_members, theirs: one.b_members, both: one.both, share: one.share } : { other: one.a, mine: one.b_members, theirs: one.a_members, both: one.both, share: one.share }));
        return rows.length === 0 ? (
          <Empty title="No other segment to compare with">Segments with members are listed here, those with most people in common first.</Empty>
        ) : (
          <Table
            label="Overlap with other segments" name={`${slug}-overlap`} rows={rows}
            columns={[
              { head: 'Segment', cell: (one) => <Link to="/segments/$slug" params={{ slug: one.other }} search={{ tab: 'overlap' }}>{words(one.other)}</Link>, csv: (one) => one.other },
              { head: 'People', number: true, cell: (one) => number(one.theirs), csv: (one) => one.theirs },
              { head: 'In both', number: true, cell: (one) => number(one.both), csv: (one) => one.both },
              {
                head: 'Of this segment',
                cell: (one) => {
                  const part = one.mine ? (100 * one.both) / one.mine : 0;
                  return (
                    <span className="row" style={{ flexWrap: 'nowrap' }}>
                      <span className="bar" style={{ flex: 1 }} aria-hidden="true"><i style={{ width: `${part}%` }} /></span>
                      {part.toFixed(0)} %
                    </span>
                  );
                },
                csv: (one) => (one.mine ? one.both / one.mine : 0),
              },
            ]}
          />
        );
      }}
    </Shown>
  );
}
