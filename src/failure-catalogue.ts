import { deployFailures } from './failures/deploy.ts';
import { fleetFailures } from './failures/fleet.ts';
import { gateFailures } from './failures/gates.ts';
import { installationFailures } from './failures/installation.ts';
import { interfaceFailures } from './failures/interface.ts';
import { limitFailures } from './failures/limits.ts';
import { outboundFailures } from './failures/outbound.ts';
import { pushFailures } from './failures/push.ts';
import { settingsFailures } from './failures/settings.ts';

/** Every code that a user may meet: its HTTP status and the next step. Codes are stable for ever. */
export const failureCatalogue = {
  ...installationFailures,
  ...pushFailures,
  ...deployFailures,
  ...gateFailures,
  ...limitFailures,
  ...settingsFailures,
  ...fleetFailures,
  ...interfaceFailures,
  ...outboundFailures,
} as const;

export type FailureCode = keyof typeof failureCatalogue;
