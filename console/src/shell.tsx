// What is around every screen: navigation, the palette, keys, who is signed in.
import { Modal, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { DELETE, GET, read } from './api/client';
import { may, useMe, type Me } from './api/session';
import { typing } from './parts/keys';
import { Palette } from './parts/palette';
import { Toasts } from './parts/toast';

export type Place = { to: string; label: string; key: string; scope: string; group: string };

export const PLACES: Place[] = [
  { to: '/', label: 'Home', key: 'h', scope: 'read', group: '' },
  { to: '/people', label: 'People', key: 'p', scope: 'read', group: 'People' },
  { to: '/review', label: 'Review', key: 'r', scope: 'admin', group: 'People' },
  { to: '/why', label: 'Why one person', key: 'w', scope: 'read', group: 'People' },
  { to: '/households', label: 'Households', key: 'u', scope: 'read', group: 'People' },
  { to: '/segments', label: 'Segments', key: 's', scope: 'read', group: 'Audiences' },
  { to: '/builder', label: 'New segment', key: 'n', scope: 'segments', group: 'Audiences' },
  { to: '/what-if', label: 'What if', key: 'i', scope: 'segments', group: 'Audiences' },
  { to: '/traits', label: 'Traits', key: 't', scope: 'read', group: 'Audiences' },
  { to: '/rfm', label: 'RFM', key: 'f', scope: 'read', group: 'Audiences' },
  { to: '/sources', label: 'Sources', key: 'o', scope: 'read', group: 'Data' },
  { to: '/live', label: 'Live events', key: 'l', scope: 'read', group: 'Data' },
  { to: '/dead-letters', label: 'Dead letters', key: 'd', scope: 'admin', group: 'Data' },
  { to: '/quality', label: 'Quality', key: 'y', scope: 'read', group: 'Data' },
  { to: '/tables', label: 'Tables', key: 'b', scope: 'read', group: 'Data' },
  { to: '/sql', label: 'SQL', key: 'q', scope: 'query', group: 'Data' },
];

/** The places that exist for this person: what they may not do is not in the menu. */
export function placesFor(me: Me | undefined): Place[] {
  return PLACES.filter((place) => may(me, place.scope));
}

function Waiting({ place, me }: { place: Place; me: Me | undefined }) {
  const review = useQuery({
    queryKey: ['review', 'count'],
    queryFn: () => read(GET('/api/v1/review/pairs', { params: { query: { limit: 1 } } })),
    enabled: place.to === '/review' && may(me, 'admin'),
    refetchInterval: 30_000,
  });
  // Data of the key is there for every item, asked for or not.
  const open = place.to === '/review' ? review.data?.counts.open : undefined;
  return open ? <span className="tag accent">{open}</span> : <kbd aria-hidden="true">G {place.key.toUpperCase()}</kbd>;
}

function Nav({ shown, close }: { shown: boolean; close: () => void }) {
  const me = useMe();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const queries = useQueryClient();
  const navigate = useNavigate();
  const places = placesFor(me);
  const leave = async () => {
    await read(DELETE('/api/v1/session'));
    queries.clear();
    await navigate({ to: '/sign-in' });
  };
  return (
    <nav className={shown ? 'nav shown' : 'nav'} aria-label="Main">
      <Link to="/" className="brand" onClick={close}>
        <img src="/icon.svg" alt="" width="22" height="22" /> Onefold
      </Link>
      {places.map((place, index) => (
        <div key={place.to} style={{ display: 'contents' }}>
          {place.group && place.group !== places[index - 1]?.group && <div className="group">{place.group}</div>}
          <Link
            to={place.to}
            className={
              place.to !== '/' && path.startsWith(`${place.to}/`) ? 'item active' : 'item'
            }
            activeOptions={{ exact: true, includeSearch: false }}
            onClick={close}
          >
            {place.label}
            <Waiting place={place} me={me} />
          </Link>
        </div>
      ))}
      <div className="end">
        <Link to="/glossary" className="item" onClick={close}>
          Glossary
        </Link>
        <Link to="/settings" className="item" onClick={close}>
          Settings
        </Link>
        <button
          type="button"
          className="item"
          onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}
        >
          {scheme === 'dark' ? 'Light theme' : 'Dark theme'}
        </button>
        {me?.kind === 'account' && (
          <button type="button" className="item" onClick={() => void leave()}>
            Sign out
          </button>
        )}
        {me && (
          <div className="quiet small" style={{ padding: '6px 8px', overflowWrap: 'anywhere' }}>
            {me.name}
            {me.role && ` · ${me.role}`}
          </div>
        )}
      </div>
    </nav>
  );
}

function KeysHelp({ open, close, places }: { open: boolean; close: () => void; places: Place[] }) {
  const keys: [string, string][] = [
    ['Ctrl K', 'Find a person, a screen, a segment'],
    ['/', 'Put the cursor into the search'],
    ['J K', 'Next and previous row'],
    ['Enter', 'Open the row'],
    ['Y N S U', 'In the review: same, different, skip, undo'],
    ...places.map((place): [string, string] => [`G ${place.key.toUpperCase()}`, place.label]),
  ];
  return (
    <Modal opened={open} onClose={close} title="Keys" closeButtonProps={{ 'aria-label': 'Close' }}>
      <dl className="pairs">
        {keys.map(([key, what]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}

export function Shell() {
  const me = useMe();
  const navigate = useNavigate();
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const leader = useRef(-Infinity);
  const places = placesFor(me);

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setPalette(true);
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || typing(event)) return;
      if (event.timeStamp - leader.current < 1200) {
        const place = placesFor(me).find((one) => one.key === event.key.toLowerCase());
        leader.current = -Infinity;
        if (place) {
          event.preventDefault();
          event.stopImmediatePropagation();
          void navigate({ to: place.to });
        }
        return;
      }
      if (event.key === 'g') leader.current = event.timeStamp;
      if (event.key === '?') setHelp(true);
      if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('main input[type=search]');
        if (search) {
          event.preventDefault();
          search.focus();
        } else setPalette(true);
      }
    };
    // Captured, so that a letter after G is not also a screen's own key.
    window.addEventListener('keydown', pressed, true);
    return () => window.removeEventListener('keydown', pressed, true);
  }, [me, navigate]);

  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <button
          type="button"
          className="item"
          style={{ background: 'none', border: 0, font: 'inherit', color: 'inherit', padding: 8 }}
          aria-expanded={menu}
          onClick={() => setMenu(!menu)}
        >
          {menu ? '✕ Close' : '☰ Menu'}
        </button>
        <Link to="/" className="brand" style={{ padding: 0 }}>
          Onefold
        </Link>
        <button
          type="button"
          style={{ background: 'none', border: 0, font: 'inherit', color: 'inherit', padding: 8 }}
          onClick={() => setPalette(true)}
        >
          Find
        </button>
      </header>
      <div className="frame">
        <Nav shown={menu} close={() => setMenu(false)} />
        <main id="main" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      {palette && <Palette close={() => setPalette(false)} places={places} />}
      <KeysHelp open={help} close={() => setHelp(false)} places={places} />
      <Toasts />
    </>
  );
}
