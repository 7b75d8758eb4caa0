// Who is signed in, and what they may do.
import { useQuery } from '@tanstack/react-query';
import { GET, read, type Schemas } from './client';

export type Me = Schemas['Me'];

export const meQuery = {
  queryKey: ['me'],
  queryFn: () => read(GET('/api/v1/me')),
  staleTime: 60_000,
  retry: false,
} as const;

export function useMe(): Me | undefined {
  return useQuery(meQuery).data;
}

const IMPLIED: Record<string, string[]> = { read: ['admin'], segments: ['admin'], sources: ['manage'] };

export function may(me: Me | undefined, scope: string): boolean {
  return !!me && [scope, ...(IMPLIED[scope] ?? [])].some((one) => me.scopes.includes(one));
}
