// A drawing of our own, which is kept as SVG or PNG as it looks.
import { useRef, type ReactNode } from 'react';
import { save } from './page';

/** The drawing as a file has it: with the colours of the theme in place of their names. */
function standing(drawing: SVGSVGElement): string {
  const theme = getComputedStyle(document.documentElement);
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('font-family', 'system-ui, sans-serif');
  const text = new XMLSerializer().serializeToString(copy);
  return text.replaceAll(/var\((--[\w-]+)\)/g, (_, name: string) => theme.getPropertyValue(name).trim());
}

export function Figure({
  name, label, width, height, children,
}: {
  name: string;
  label: string;
  width: number;
  height: number;
  children: ReactNode;
}) {
  const box = useRef<SVGSVGElement>(null);
  const picture = () => new Blob([standing(box.current!)], { type: 'image/svg+xml' });
  const png = () => {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [width * 2, height * 2];
      canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => blob && save(`${name}.png`, blob));
      URL.revokeObjectURL(image.src);
    };
    image.src = URL.createObjectURL(picture());
  };
  return (
    <figure style={{ margin: '0 0 16px' }}>
      <div className="scroll" tabIndex={0} role="region" aria-label={label}>
        <svg ref={box} width={width} height={height} viewBox={`0 0 ${width} ${height}`} style={{ display: 'block' }}>
          {children}
        </svg>
      </div>
      <figcaption className="row small" style={{ marginTop: 6 }}>
        <button type="button" className="plain" onClick={() => save(`${name}.svg`, picture())}>
          SVG
        </button>
        <button type="button" className="plain" onClick={png}>
          PNG
        </button>
      </figcaption>
    </figure>
  );
}
