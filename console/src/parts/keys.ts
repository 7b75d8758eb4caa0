// Keys: which are text somebody types, and moving through rows with J and K.
import { useEffect, useState } from 'react';

/** Whether a key goes into a field, so that it is no command. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return (
    !!target &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName) || !!target.closest('[role=dialog]'))
  );
}

/** Commands of a screen, by key. */
export function useKeys(commands: Record<string, () => unknown>) {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || typing(event)) return;
      const command = commands[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (command && command() !== false) event.preventDefault();
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  });
}

/** Whether Enter is nobody's else: no button or link has the focus. */
function free(): boolean {
  return document.activeElement === document.body || document.activeElement?.id === 'main';
}

/** The selected row of a list: J and K move it, Enter opens it. */
export function useRows(count: number, open: (index: number) => void): number {
  const [selected, setSelected] = useState(-1);
  useEffect(() => setSelected((now) => Math.min(now, count - 1)), [count]);
  useEffect(() => {
    document.querySelector('[data-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [selected]);
  useKeys({
    j: () => setSelected((now) => Math.min(now + 1, count - 1)),
    k: () => setSelected((now) => Math.max(now - 1, 0)),
    ...(selected >= 0 ? { Enter: () => free() && open(selected) } : {}),
  });
  return selected;
}
