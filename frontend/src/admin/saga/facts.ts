/** Facts about the states of an execution, derived from its history. */
import type { Entry } from '../api';
import { allStates, detoursOf, edgesOf, type Machine, type Way } from './definition';

/** Where a fact comes from: the state's own event, its task's event, or the position of the execution. */
export type Source = 'history' | 'task' | 'implied';
export type Standing = 'current' | 'done' | 'failed';

export interface Facts {
  standing: Standing;
  source: Source;
  /** Null where the history says nothing of it. */
  at: string | null;
  leftAt: string | null;
  visits: number;
  attempts: number;
  errors: string[];
}

export interface Step {
  from: string;
  to: string;
  way: Way;
  error: string | null;
}

export interface Run {
  workflow: string;
  execution: string;
  /** RUNNING, SUCCEEDED, FAILED, … */
  status: string;
  startedAt: string;
  endedAt: string | null;
  states: Map<string, Facts>;
  steps: Step[];
}

interface HistoryEvent {
  type: string;
  timestamp: string;
  [details: string]: unknown;
}

/** Returns the executions in a timeline, in the order in which they started. */
export function runsOf(entries: Entry[], machines: Record<string, Machine>): Run[] {
  const began = entries.filter(({ kind, title }) => kind === 'workflow' && title.endsWith(' started'));
  return began.flatMap((entry) => {
    const { workflow, execution } = entry.details as { workflow: string; execution: string };
    const machine = machines[workflow];
    if (!machine) return [];
    const own = entries.filter(({ details }) => details.execution === execution && details.workflow === workflow);
    const end = own.find(({ kind, title }) => kind === 'workflow' && !title.endsWith(' started'));
    const visits = own.filter(({ kind }) => kind === 'state');
    const status = end ? end.title.slice(workflow.length + 1).toUpperCase() : 'RUNNING';
    const steps = stepsOf(machine, visits);
    return [{ workflow, execution, status, startedAt: entry.at, endedAt: end?.at ?? null, states: factsOf(machine, visits, steps, status), steps }];
  });
}

function stepsOf(machine: Machine, visits: Entry[]): Step[] {
  const outer = visits.filter(({ title }) => title in machine.States);
  const edges = edgesOf(machine);
  return outer.slice(1).flatMap((to, place) => {
    const from = outer[place];
    const edge = edges.find((each) => each.from === from.title && each.to === to.title);
    if (!edge) return [];
    const error = edge.way === 'catch' ? ((from.details.errors as string[]).at(-1) ?? null) : null;
    return [{ ...edge, error }];
  });
}

function factsOf(machine: Machine, visits: Entry[], steps: Step[], status: string): Map<string, Facts> {
  const found = new Map<string, Facts>();
  const detours = detoursOf(machine);
  for (const { name, state, within } of allStates(machine)) {
    const own = visits.filter(({ title }) => title === name);
    const outer = within ? visits.filter(({ title }) => title === within) : [];
    if (own.length) found.set(name, fromHistory(own, steps, status, detours));
    else if (outer.length) {
      const facts = fromTask(outer.at(-1)!, state.Resource) ?? implied(machine, name, outer.at(-1)!);
      if (facts) found.set(name, facts);
    }
  }
  return found;
}

function fromHistory(visits: Entry[], steps: Step[], status: string, detours: Map<string, string>): Facts {
  const last = visits.at(-1)!;
  const { left_at: leftAt, errors } = last.details as { left_at: string | null; errors: string[] };
  const left = steps.filter(({ from }) => from === last.title);
  const way = left.length === visits.length ? left.at(-1) : undefined;
  const wasCaught = way?.way === 'catch' && !detours.has(way.to);
  const isStuck = leftAt === null && status !== 'RUNNING';
  const standing = wasCaught || isStuck ? 'failed' : leftAt === null ? 'current' : 'done';
  const attempts = Math.max(1, eventsOf(last).filter(({ type }) => /^(Task|LambdaFunction)Scheduled$/.test(type)).length);
  return { standing, source: 'history', at: last.at, leftAt, visits: visits.length, attempts, errors };
}

/** Facts about a state inside a Parallel, which the history does not name: tasks are recognized by the function they call. */
function fromTask(outer: Entry, resource: string | undefined): Facts | null {
  const own = eventsOf(outer).filter((event) => resource && resourceOf(event) === resource);
  const scheduled = own.filter(({ type }) => type === 'TaskScheduled');
  if (!scheduled.length) return null;
  const failures = own.filter(({ type }) => /^Task(Failed|TimedOut)$/.test(type));
  const success = own.find(({ type }) => type === 'TaskSucceeded');
  const isAgain = scheduled.at(-1)!.timestamp > (failures.at(-1)?.timestamp ?? '');
  const leftAt = success?.timestamp ?? (isAgain ? (outer.details.left_at as string | null) : failures.at(-1)!.timestamp);
  const standing = success ? 'done' : failures.length && !isAgain ? 'failed' : leftAt ? 'failed' : 'current';
  const errors = failures.map(errorOf).filter((error) => error !== null);
  return { standing, source: 'task', at: scheduled[0].timestamp, leftAt, visits: 1, attempts: scheduled.length, errors };
}

/** Entering a Parallel enters the first state of each branch; the history says no more. */
function implied(machine: Machine, name: string, outer: Entry): Facts | null {
  const branches = Object.values(machine.States).flatMap(({ Branches }) => Branches ?? []);
  if (!branches.some(({ StartAt }) => StartAt === name)) return null;
  const standing = outer.details.left_at ? 'done' : 'current';
  return { standing, source: 'implied', at: null, leftAt: null, visits: 1, attempts: 1, errors: [] };
}

const eventsOf = (visit: Entry) => (Array.isArray(visit.document) ? (visit.document as HistoryEvent[]) : []);

const detailsOf = (event: HistoryEvent) =>
  (Object.entries(event).find(([name]) => name.endsWith('EventDetails'))?.[1] ?? {}) as { resource?: string; error?: string };

const resourceOf = (event: HistoryEvent) => detailsOf(event).resource;
const errorOf = (event: HistoryEvent) => detailsOf(event).error ?? null;
