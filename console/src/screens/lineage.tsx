// The lineage of a column as a small graph: on the left what it comes from, on the right what comes from it.
import { NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { GET, read, type Schemas } from '../api/client';
import { Figure } from '../parts/figure';
import { Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';

type Graph = Schemas['Lineage'];
const [WIDE, HIGH, ACROSS, DOWN] = [220, 42, 56, 12];
const USES: Record<string, string> = { value: '', presence: 'whether it is there', rows: 'which rows there are' };

function short(text: string, most = 32): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function Drawing({ graph }: { graph: Graph }) {
  const levels = [...new Set(graph.nodes.map((one) => one.distance))].sort((a, b) => a - b);
  const at = new Map<string, { x: number; y: number }>();
  const most = Math.max(...levels.map((level) => graph.nodes.filter((one) => one.distance === level).length));
  const height = most * (HIGH + DOWN) + DOWN;
  levels.forEach((level, place) => {
    const nodes = graph.nodes.filter((one) => one.distance === level);
    const top = (height - nodes.length * (HIGH + DOWN) + DOWN) / 2;
    nodes.forEach((one, index) => at.set(`${one.relation}.${one.column}`, { x: DOWN + place * (WIDE + ACROSS), y: top + index * (HIGH + DOWN) }));
  });
  return (
    <Figure name={`lineage-${graph.column}`} label={`Lineage of ${graph.column}`} width={DOWN * 2 + levels.length * (WIDE + ACROSS) - ACROSS} height={height}>
      {graph.links.map((link) => {
        const [from, to] = [at.get(link.origin), at.get(link.target)];
        if (!from || !to) return null;
        const [x1, y1, x2, y2] = [from.x + WIDE, from.y + HIGH / 2, to.x, to.y + HIGH / 2];
        const bend = Math.max(24, (x2 - x1) / 2);
        return (
          <path key={`${link.origin} ${link.target}`} d={`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} fill="none" stroke="var(--quiet)" strokeDasharray={link.use === 'value' ? undefined : '4 3'}>
            <title>{`${link.origin} → ${link.target}`}</title>
          </path>
        );
      })}
      {graph.nodes.map((one) => {
        const name = `${one.relation}.${one.column}`;
        const { x, y } = at.get(name)!;
        const here = one.distance === 0;
        return (
          <g key={name}>
            <title>{name}</title>
            <rect x={x} y={y} width={WIDE} height={HIGH} rx="7" fill={here ? 'var(--accent-soft)' : 'var(--soft)'} stroke={here ? 'var(--accent)' : 'var(--line)'} />
            <text x={x + 10} y={y + 17} fontSize="11.5" fill="var(--quiet)">
              {short(one.relation)}
            </text>
            <text x={x + 10} y={y + 33} fontSize="13" fontWeight={here ? 650 : 400} fill="var(--ink)">
              {short(one.column === '*' ? 'rows' : one.column, 28)}
            </text>
          </g>
        );
      })}
    </Figure>
  );
}

export default function Lineage({ table, column, choose }: { table: Schemas['TableDescription']; column?: string; choose: (column: string) => void }) {
  const chosen = column ?? table.key[0] ?? table.columns[0]!.name;
  const [head, ...rest] = chosen.split('.');
  const json = table.columns.find((one) => one.name === head)?.type === 'json';
  const [member, setMember] = useState(rest.join('.'));
  const [settled] = useDebouncedValue(member, 400);
  useEffect(() => {
    const wanted = settled && json ? `${head}.${settled}` : head!;
    if (wanted !== chosen) choose(wanted);
    // Only what was typed leads elsewhere.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [settled]);
  const graph = useQuery({
    queryKey: ['lineage', table.name, chosen],
    queryFn: ({ signal }) => read(GET('/api/v1/tables/{table}/lineage', { params: { path: { table: table.name }, query: { column: chosen } }, signal })),
    retry: false,
  });
  return (
    <>
      <div className="row" style={{ marginBottom: 12 }}>
        <NativeSelect aria-label="Column" value={head} data={table.columns.map((one) => one.name)} onChange={(event) => { setMember(''); choose(event.currentTarget.value); }} />
        {json && <TextInput aria-label={`Member of ${head}`} placeholder="member, such as email" value={member} onChange={(event) => setMember(event.currentTarget.value)} />}
      </div>
      <Shown of={graph} rows={5}>
        {(found) =>
          found.nodes.length === 1 ? (
            <Empty title="Nothing is known of where it comes from">
              {json ? 'Name a member of this column, such as email.' : 'It is worked out by Onefold itself, and no model reads it.'}
            </Empty>
          ) : (
            <>
              <Drawing graph={found} />
              <Table
                label="Links"
                name={`lineage-${found.column}`}
                rows={[...found.links]}
                columns={[
                  { head: 'From', cell: (one) => one.origin },
                  { head: 'To', cell: (one) => one.target },
                  { head: 'What counts', cell: (one) => USES[one.use] || 'its value' },
                ]}
              />
            </>
          )
        }
      </Shown>
    </>
  );
}
