// The console's addresses. All state of a view is in its URL, so that a link shows the same to whoever may see it.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import type { QueryClient } from '@tanstack/react-query';
import { ProblemError } from './api/client';
import { meQuery } from './api/session';
import { Missing, Trouble } from './parts/states';
import { Shell } from './shell';

type Search = Record<string, string | undefined>;

/** Keeps these parameters, as texts; every other one is dropped. */
function texts<K extends string>(...names: K[]) {
  return (search: Record<string, unknown>): Partial<Record<K, string>> => {
    const kept: Search = {};
    for (const name of names) {
      const value = search[name];
      if (value !== undefined && value !== null && value !== '') kept[name] = String(value);
    }
    return kept as Partial<Record<K, string>>;
  };
}

const root = createRootRoute({ notFoundComponent: Missing, errorComponent: Trouble });

function makeRoutes(queries: QueryClient) {
  const signIn = createRoute({
    getParentRoute: () => root,
    path: '/sign-in',
    validateSearch: texts('to', 'refused'),
    component: lazyRouteComponent(() => import('./screens/sign-in')),
  });
  const setup = createRoute({
    getParentRoute: () => root,
    path: '/setup',
    component: lazyRouteComponent(() => import('./screens/setup')),
  });
  const shell = createRoute({
    getParentRoute: () => root,
    id: 'shell',
    component: Shell,
    beforeLoad: async ({ location }) => {
      try {
        await queries.ensureQueryData(meQuery);
      } catch (error) {
        if (error instanceof ProblemError && error.status === 401) {
          throw redirect({ to: '/sign-in', search: { to: location.href } });
        }
        throw error;
      }
    },
  });
  const at = { getParentRoute: () => shell };
  return root.addChildren([
    signIn,
    setup,
    shell.addChildren([
      createRoute({ ...at, path: '/', component: lazyRouteComponent(() => import('./screens/home')) }),
      createRoute({
        ...at,
        path: '/people',
        validateSearch: texts('q', 'r', 'f', 'm', 'rfm'),
        component: lazyRouteComponent(() => import('./screens/people')),
      }),
      createRoute({
        ...at,
        path: '/people/$id',
        validateSearch: texts('tab', 'source', 'kind', 'name'),
        component: lazyRouteComponent(() => import('./screens/person')),
      }),
      createRoute({
        ...at,
        path: '/households',
        validateSearch: texts('q'),
        component: lazyRouteComponent(() => import('./screens/households')),
      }),
      createRoute({
        ...at,
        path: '/why',
        validateSearch: texts('a', 'b'),
        component: lazyRouteComponent(() => import('./screens/why')),
      }),
      createRoute({
        ...at,
        path: '/review',
        validateSearch: texts('status'),
        component: lazyRouteComponent(() => import('./screens/review')),
      }),
      createRoute({ ...at, path: '/segments', component: lazyRouteComponent(() => import('./screens/segments')) }),
      createRoute({
        ...at,
        path: '/segments/$slug',
        validateSearch: texts('tab'),
        component: lazyRouteComponent(() => import('./screens/segment')),
      }),
      createRoute({
        ...at,
        path: '/builder',
        validateSearch: texts('segment', 'rule', 'form', 'kind'),
        component: lazyRouteComponent(() => import('./screens/builder')),
      }),
      createRoute({
        ...at,
        path: '/what-if',
        validateSearch: texts('of', 'segment', 'rule'),
        component: lazyRouteComponent(() => import('./screens/what-if')),
      }),
      createRoute({ ...at, path: '/traits', component: lazyRouteComponent(() => import('./screens/traits')) }),
      createRoute({
        ...at,
        path: '/rfm',
        validateSearch: texts('name'),
        component: lazyRouteComponent(() => import('./screens/rfm')),
      }),
      createRoute({ ...at, path: '/sources', component: lazyRouteComponent(() => import('./screens/sources')) }),
      createRoute({
        ...at,
        path: '/upload',
        validateSearch: texts('source'),
        component: lazyRouteComponent(() => import('./screens/upload')),
      }),
      createRoute({
        ...at,
        path: '/live',
        validateSearch: texts('source', 'name', 'verdict', 'q'),
        component: lazyRouteComponent(() => import('./screens/live')),
      }),
      createRoute({
        ...at,
        path: '/dead-letters',
        validateSearch: texts('status', 'source', 'offset'),
        component: lazyRouteComponent(() => import('./screens/dead-letters')),
      }),
      createRoute({
        ...at,
        path: '/quality',
        validateSearch: texts('tab', 'relation', 'status', 'check'),
        component: lazyRouteComponent(() => import('./screens/quality')),
      }),
      createRoute({
        ...at,
        path: '/tables',
        validateSearch: texts('schema', 'q'),
        component: lazyRouteComponent(() => import('./screens/tables')),
      }),
      createRoute({
        ...at,
        path: '/tables/$schema/$name',
        validateSearch: texts('tab', 'q', 'column', 'sort', 'skip'),
        component: lazyRouteComponent(() => import('./screens/table')),
      }),
      createRoute({
        ...at,
        path: '/sql',
        validateSearch: texts('sql'),
        component: lazyRouteComponent(() => import('./screens/sql')),
      }),
      createRoute({ ...at, path: '/settings', component: lazyRouteComponent(() => import('./screens/settings')) }),
      createRoute({
        ...at,
        path: '/glossary',
        validateSearch: texts('term'),
        component: lazyRouteComponent(() => import('./screens/glossary')),
      }),
    ]),
  ]);
}

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree: makeRoutes(queries),
    defaultPreload: 'intent',
    defaultErrorComponent: Trouble,
    // Plain texts: the default reads `q=1e5` as a number.
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const stated = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
      const text = new URLSearchParams(stated.map(([name, value]) => [name, String(value)])).toString();
      return text && `?${text}`;
    },
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
