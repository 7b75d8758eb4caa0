// A chart of a Vega-Lite specification, drawn without evaluating code, and loaded only where there is one.
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type { View } from 'vega';
import type { TopLevelSpec } from 'vega-lite';
import { save } from './page';
import { Failed } from './states';

type Spec = Record<string, unknown>;

function themed(spec: Spec, dark: boolean): TopLevelSpec {
  const ink = dark ? '#e6e9ee' : '#1c2430';
  const quiet = dark ? '#a4adba' : '#566070';
  const line = dark ? '#343b45' : '#dfe3e8';
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'transparent',
    ...spec,
    config: {
      font: 'system-ui, sans-serif',
      mark: { color: dark ? '#8cc8e6' : '#1c5a7a' },
      axis: { labelColor: quiet, titleColor: ink, gridColor: line, domainColor: line, tickColor: line },
      view: { stroke: 'transparent' },
    },
  } as unknown as TopLevelSpec;
}

export function Chart({ spec, label, name }: { spec: Spec; label: string; name: string }) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<View>(null);
  const dark = useComputedColorScheme('light') === 'dark';
  const [error, setError] = useState<unknown>();
  const text = JSON.stringify(spec);
  useEffect(() => {
    let over = false;
    void (async () => {
      const [vega, { compile }, { expressionInterpreter }] = await Promise.all([
        import('vega'), import('vega-lite'), import('vega-interpreter'),
      ]);
      if (over || !box.current) return;
      const { spec: compiled } = compile(themed(JSON.parse(text) as Spec, dark));
      view.current = new vega.View(vega.parse(compiled, undefined, { ast: true }), {
        container: box.current, renderer: 'canvas', expr: expressionInterpreter,
      });
      await view.current.runAsync();
    })().catch(setError);
    return () => {
      over = true;
      view.current?.finalize();
    };
  }, [text, dark]);
  const picture = async (type: 'svg' | 'png') => {
    if (!view.current) return;
    if (type === 'svg') save(`${name}.svg`, new Blob([await view.current.toSVG()], { type: 'image/svg+xml' }));
    else {
      const canvas = await view.current.toCanvas(2);
      (canvas as unknown as HTMLCanvasElement).toBlob((blob) => blob && save(`${name}.png`, blob));
    }
  };
  if (error) return <Failed error={error} />;
  return (
    <figure style={{ margin: '0 0 16px' }}>
      <div ref={box} className="chart" role="img" aria-label={label} style={{ minHeight: 240 }} />
      <figcaption className="row small">
        <button type="button" className="plain" onClick={() => void picture('svg')}>
          SVG
        </button>
        <button type="button" className="plain" onClick={() => void picture('png')}>
          PNG
        </button>
      </figcaption>
    </figure>
  );
}
