/** The part of the Amazon States Language that a graph is drawn from. */
export interface State {
  Type: string;
  Comment?: string;
  Resource?: string;
  Next?: string;
  End?: boolean;
  Catch?: { ErrorEquals: string[]; Next: string }[];
  Retry?: { ErrorEquals: string[]; MaxAttempts?: number }[];
  Choices?: { Next: string }[];
  Default?: string;
  Branches?: Machine[];
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

/** Every way from one state of this level to another, each once. */
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

/** All states, those inside of a Parallel too, with the name of what holds them. */
export function* allStates(machine: Machine, within: string | null = null): Generator<{ name: string; state: State; within: string | null }> {
  for (const [name, state] of Object.entries(machine.States)) {
    yield { name, state, within };
    for (const branch of state.Branches ?? []) yield* allStates(branch, name);
  }
}
