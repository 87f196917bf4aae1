/** The funnel: which steps a visit takes, each counted once. A visit lasts until its tab is closed. */
import { reportStep, type Step } from './api';
import { inThisTab, Stored } from './storage';

const taken = new Stored<Step[]>('saga.steps', inThisTab);

export function took(step: Step): void {
  const before = taken.get() ?? [];
  if (before.includes(step)) return;
  taken.set([...before, step]);
  reportStep(step);
}
