/** The part of the Amazon States Language that a graph is drawn from. */
export interface State {
  Type: string;
  Comment?: string;
  Next?: string;
  End?: boolean;
  Catch?: { ErrorEquals: string[]; Next: string }[];
  Retry?: { ErrorEquals: string[]; MaxAttempts?: number }[];
  Choices?: { Next: string }[];
  Default?: string;
}

export interface Machine {
  StartAt: string;
  Comment?: string;
  States: Record<string, State>;
}

export type Way = 'next' | 'catch';

export interface Edge {
  from: string;
  to: string;
  way: Way;
}

/** Every way from one state to another, each once. */
export function edgesOf(machine: Machine): Edge[] {
  return Object.entries(machine.States).flatMap(([from, state]) => [
    ...unique([state.Next, state.Default, ...(state.Choices ?? []).map(({ Next }) => Next)]).map((to) => ({ from, to, way: 'next' as const })),
    ...unique((state.Catch ?? []).map(({ Next }) => Next)).map((to) => ({ from, to, way: 'catch' as const })),
  ]);
}

/**
 * States that wait in the place of another and lead back to it, by its name: an error of that other leads there, and
 * nothing is undone.
 */
export function detoursOf(machine: Machine): Map<string, string> {
  const edges = edgesOf(machine);
  const isBackTo = (from: string, to: string) => edges.some((edge) => edge.way === 'next' && edge.from === from && edge.to === to);
  return new Map(edges.filter(({ from, to, way }) => way === 'catch' && isBackTo(to, from)).map(({ from, to }) => [to, from]));
}

const unique = (names: (string | undefined)[]) => [...new Set(names.filter((name) => name !== undefined))];
