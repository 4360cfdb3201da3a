import type { Route } from './route.ts';
export function documentRoutes(_routes: () => readonly Route[]): readonly Route[] {
  return [];
}
