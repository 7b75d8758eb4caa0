import { Button } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { GET, read, type Schemas } from '../api/client';
import { layout, type Point } from '../parts/layout';
import { Table } from '../parts/page';
import { Empty, Shown } from '../parts/states';
import { number, plural, Term, Time, words } from '../parts/text';
import { Weakest } from './why-records';

type Graph = Schemas['Graph'];
type Node = Schemas['GraphNode'];
type Edge = Schemas['GraphEdge'];
type View = { x: number; y: number; scale: number };

const KINDS: Record<string, string> = {
  event: 'seen together', record: 'one record', alias: 'alias call', scored: 'scored', judgement: 'ruled',
};
const LEGEND = [['record', 'good'], ['event', 'accent'], ['score', 'warn'], ['ruling', 'ink']] as const;
const HEIGHT = 440;
const MARGIN = { x: 84, y: 46 };
const STEP = 60;

/** What an edge says, in a few words. */
function said(edge: Edge): string {
  const kind = KINDS[edge.kind] ?? edge.kind;
  if (edge.kind === 'judgement') return `${kind} ${edge.rule} by ${edge.source}`;
  return edge.probability === null ? `${kind}, strength ${edge.strength ?? '–'}` : `${kind} ${(edge.probability * 100).toFixed(1)} %`;
}

/** These points, spread over a picture of this width. */
function spread(points: readonly Point[], width: number): Point[] {
  const along = (values: number[], size: number, margin: number) => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return values.map((value) => (most - least < 1 ? size / 2 : margin + ((value - least) / (most - least)) * (size - 2 * margin)));
  };
  const xs = along(points.map((one) => one.x), width, Math.min(MARGIN.x, width / 4));
  const ys = along(points.map((one) => one.y), HEIGHT, MARGIN.y);
  return points.map((_, n) => ({ x: xs[n]!, y: ys[n]! }));
}

function Picture({ graph, edges, chosen, choose }: { graph: Graph; edges: readonly Edge[]; chosen: string; choose: (node: string) => void }) {
  const places = useMemo(() => {
    const index = new Map(graph.nodes.map((node, n) => [node.node, n]));
    const pairs = graph.edges.map((edge) => [index.get(edge.a)!, index.get(edge.b)!] as const);
    return layout(graph.nodes.length, pairs);
  }, [graph]);
  const { ref: frame, width: wide } = useElementSize();
  const full = wide || 800;
  const spots = spread(places, full);
  const at = new Map(graph.nodes.map((node, n) => [node.node, spots[n]!]));
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const held = useRef<{ x: number; y: number } | null>(null);
  const picture = useRef<SVGSVGElement>(null);
  const move = (x: number, y: number) => setView((now) => ({ ...now, x: now.x + x / now.scale, y: now.y + y / now.scale }));
  const zoom = (by: number) => setView((now) => ({ ...now, scale: Math.min(Math.max(now.scale * by, 0.4), 6) }));
  useEffect(() => {
    const element = picture.current;
    // React listens passively, and the page would scroll, too.
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== element) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    };
    element?.addEventListener('wheel', wheel, { passive: false });
    return () => element?.removeEventListener('wheel', wheel);
  }, []);
  const keys: Record<string, () => void> = {
    ArrowLeft: () => move(-STEP, 0), ArrowRight: () => move(STEP, 0), ArrowUp: () => move(0, -STEP), ArrowDown: () => move(0, STEP),
    '+': () => zoom(1.25), '=': () => zoom(1.25), '-': () => zoom(0.8), '0': () => setView({ x: 0, y: 0, scale: 1 }),
  };
  const [width, height] = [full / view.scale, HEIGHT / view.scale];
  const box = [(full - width) / 2 + view.x, (HEIGHT - height) / 2 + view.y, width, height];
  return (
    <div className="graph" ref={frame}>
      <svg
        ref={picture} viewBox={box.join(' ')} role="group" tabIndex={0} data-scale={view.scale.toFixed(2)}
        aria-label="The graph. Arrow keys move it, plus and minus zoom, 0 shows all of it. The same is in the table below."
        onKeyDown={(event) => {
          const key = keys[event.key];
          if (!key || event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          event.stopPropagation();
          key();
        }}
        onPointerDown={(event) => {
          held.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerMove={(event) => {
          if (!held.current || event.buttons === 0) return;
          const per = width / (picture.current?.clientWidth || 1);
          const [x, y] = [(held.current.x - event.clientX) * per, (held.current.y - event.clientY) * per];
          held.current = { x: event.clientX, y: event.clientY };
          setView((now) => ({ ...now, x: now.x + x, y: now.y + y }));
        }}
        onPointerUp={() => (held.current = null)}
      >
        {edges.map((edge, index) => {
          const [a, b] = [at.get(edge.a)!, at.get(edge.b)!];
          const on = !chosen || edge.a === chosen || edge.b === chosen;
          return (
            <line
              key={index} x1={a.x} y1={a.y} x2={b.x} y2={b.y} strokeWidth={1 + ((edge.strength ?? 100) / 100) * 3} opacity={on ? 1 : 0.2}
              className={`edge ${edge.kind}${edge.within ? '' : ' outside'}${edge.rule === 'different' ? ' against' : ''}`}
            >
              <title>{said(edge)}</title>
            </line>
          );
        })}
        {graph.nodes.map((node) => {
          const place = at.get(node.node)!;
          const other = node.profile_id !== graph.profile_id;
          return (
            <g
              key={node.node} transform={`translate(${place.x} ${place.y})`} role="button" tabIndex={0} aria-pressed={node.node === chosen}
              className={`node${other ? ' other' : ''}${node.primary ? ' primary' : ''}${node.node === chosen ? ' chosen' : ''}`}
              aria-label={`${node.label}${other ? ', of another person' : ''}`}
              onClick={() => choose(node.node === chosen ? '' : node.node)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter' && event.key !== ' ') return;
                event.preventDefault();
                choose(node.node === chosen ? '' : node.node);
              }}
            >
              <circle r={node.primary ? 13 : 10} />
            </g>
          );
        })}
        <g className="labels" aria-hidden="true">
          {graph.nodes.map((node) => {
            const { x, y } = at.get(node.node)!;
            const value = node.label.slice(node.label.indexOf(':') + 1);
            return (
              <g key={node.node} transform={`translate(${x} ${y})`}>
                <text y={-17} className="type">{words(node.type)}</text>
                {(full > 560 || graph.nodes.length < 9 || node.primary || node.node === chosen) && <text y={25}>{value.length > 22 ? `${value.slice(0, 21)}…` : value}</text>}
              </g>
            );
          })}
        </g>
      </svg>
      <div className="row tools">
        <Button size="compact-sm" variant="default" aria-label="Zoom in" onClick={() => zoom(1.25)}>+</Button>
        <Button size="compact-sm" variant="default" aria-label="Zoom out" onClick={() => zoom(0.8)}>−</Button>
        <Button size="compact-sm" variant="default" onClick={() => setView({ x: 0, y: 0, scale: 1 })}>All</Button>
      </div>
    </div>
  );
}

function Chosen({ node, graph }: { node: Node; graph: Graph }) {
  const first = graph.nodes.find((one) => one.primary);
  const other = node.profile_id !== graph.profile_id;
  return (
    <p className="row" aria-live="polite">
      <span className="mono">{node.label}</span>
      {node.primary && <span className="tag accent">primary</span>}
      {node.shared && <span className="tag warn">shared</span>}
      <span className="quiet">seen first <Time at={node.first_seen} /></span>
      {first && first.node !== node.node && (
        <Link to="/why" search={{ a: first.label, b: node.label }}>
          {other ? 'Why this is another person' : 'Why this is the same person'}
        </Link>
      )}
      {other && (
        <Link to="/people/$id" params={{ id: node.profile_id }} search={{ tab: 'graph' }}>
          Open the other person
        </Link>
      )}
    </p>
  );
}

export function IdentityGraph({ id }: { id: string }) {
  const [chosen, setChosen] = useState('');
  const [least, setLeast] = useState(0);
  const graph = useQuery({
    queryKey: ['graph', id],
    queryFn: () => read(GET('/api/v1/profiles/id/{profile_id}/graph', { params: { path: { profile_id: id } } })),
  });
  return (
    <Shown of={graph} rows={10}>
      {(found) => {
        const label = new Map(found.nodes.map((node) => [node.node, node.label]));
        const edges = found.edges.filter((edge) => edge.strength === null || edge.strength >= least);
        const of = edges.filter((edge) => !chosen || edge.a === chosen || edge.b === chosen);
        const node = found.nodes.find((one) => one.node === chosen);
        const mine = found.nodes.filter((one) => one.profile_id === found.profile_id).length;
        if (found.edges.length === 0) return <Empty title="One identifier, and nothing beside it">Evidence comes with events and records that name another identifier.</Empty>;
        return (
          <>
            <p className="quiet">
              Each line is an <Term name="edge" />, the thicker the stronger. Dashed lines lead to other people: that evidence is not followed.
            </p>
            {found.nodes_total > 1 && <Weakest id={id} />}
            <Picture graph={found} edges={edges} chosen={chosen} choose={setChosen} />
            <div className="row spread" style={{ margin: '8px 0' }}>
              <label className="row small">
                Evidence of strength {least} and more
                <input type="range" min={0} max={100} step={5} value={least} onChange={(event) => setLeast(Number(event.currentTarget.value))} />
              </label>
              <span className="legend small">
                {LEGEND.map(([name, colour]) => (
                  <span key={name}>
                    <i style={{ background: `var(--${colour})` }} /> {name}
                  </span>
                ))}
              </span>
            </div>
            {node ? <Chosen node={node} graph={found} /> : <p className="quiet small">Choose an identifier to see what speaks for it.</p>}
            <Table
              label="Evidence" name={`evidence-${id}`} rows={[...of]}
              columns={[
                { head: 'One identifier', cell: (edge) => <span className="mono">{label.get(edge.a)}</span>, csv: (edge) => label.get(edge.a) },
                { head: 'The other', cell: (edge) => <span className="mono">{label.get(edge.b)}</span>, csv: (edge) => label.get(edge.b) },
                { head: 'Evidence', cell: (edge) => <>{said(edge)} {!edge.within && <span className="tag warn">not followed</span>}</>, csv: said },
                { head: 'From', cell: (edge) => <span className="tag">{edge.source}</span>, csv: (edge) => edge.source },
                { head: 'When', cell: (edge) => <Time at={edge.at} />, csv: (edge) => edge.at },
              ]}
            />
            {(found.nodes_total > mine || found.edges_total > found.edges.length) && (
              <p className="quiet small">
                The strongest {number(mine)} of {plural(found.nodes_total, 'identifier')}, and {number(found.edges.length)} of {number(found.edges_total)} lines.
              </p>
            )}
          </>
        );
      }}
    </Shown>
  );
}
