/** Facts about the states of an execution, derived from its history. */
import type { Entry } from '../api';
import { detoursOf, edgesOf, type Machine, type Way } from './definition';

export type Standing = 'current' | 'done' | 'failed';

export interface Facts {
  standing: Standing;
  at: string;
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
  const detours = detoursOf(machine);
  const entered = Map.groupBy(visits, ({ title }) => title);
  const known = [...entered].filter(([name]) => name in machine.States);
  return new Map(known.map(([name, own]) => [name, fromHistory(own, steps, status, detours)]));
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
  return { standing, at: last.at, leftAt, visits: visits.length, attempts, errors };
}

const eventsOf = (visit: Entry) => (Array.isArray(visit.document) ? (visit.document as { type: string }[]) : []);
