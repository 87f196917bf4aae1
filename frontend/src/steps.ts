/** The funnel: which steps a visit takes, each told once. A visit is what one tab sees until it is closed. */
import { tellStep, type Step } from './api';
import { inThisTab, Stored } from './storage';

const taken = new Stored<Step[]>('saga.steps', inThisTab);

export function took(step: Step): void {
  const before = taken.get() ?? [];
  if (before.includes(step)) return;
  taken.set([...before, step]);
  tellStep(step);
}
