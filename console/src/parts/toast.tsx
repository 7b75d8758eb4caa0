// A message that goes by itself, with a way to undo what it tells.
import { useEffect, useSyncExternalStore } from 'react';

type Toast = { text: string; undo?: () => void; id: number };
let current: Toast | null = null;
let last = 0;
const listeners = new Set<() => void>();

function set(toast: Toast | null) {
  current = toast;
  for (const tell of listeners) tell();
}

export function say(text: string, undo?: () => void) {
  last += 1;
  set({ text, undo, id: last });
}

export function Toasts() {
  const toast = useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => current,
  );
  useEffect(() => {
    if (!toast) return;
    const timer = setTimeout(() => set(null), toast.undo ? 10_000 : 5_000);
    return () => clearTimeout(timer);
  }, [toast]);
  return (
    <div role="status" aria-live="polite">
      {toast && (
        <div className="toast">
          {toast.text}
          {toast.undo && (
            <button
              type="button"
              onClick={() => {
                const undo = toast.undo;
                set(null);
                undo?.();
              }}
            >
              Undo
            </button>
          )}
        </div>
      )}
    </div>
  );
}
