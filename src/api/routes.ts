import type { Route } from './route.ts';
import { accessRoutes } from './routes/access.ts';
import { approvalRoutes } from './routes/approvals.ts';
import { appRoutes } from './routes/apps.ts';
import { attachedRunRoutes } from './routes/attached-runs.ts';
import { auditRoutes } from './routes/audit.ts';
import { configRoutes } from './routes/config.ts';
import { containerRoutes } from './routes/containers.ts';
import { deployRoutes } from './routes/deploys.ts';
import { diskRoutes } from './routes/disk.ts';
import { domainRoutes } from './routes/domains.ts';
import { eventRoutes } from './routes/events.ts';
import { freezeRoutes } from './routes/freezes.ts';
import { installationRoutes } from './routes/installation.ts';
import { keyRoutes } from './routes/keys.ts';
import { lockRoutes } from './routes/locks.ts';
import { maintenanceRoutes } from './routes/maintenance.ts';
import { meRoutes } from './routes/me.ts';
import { notificationRoutes } from './routes/notifications.ts';
import { pipelineRoutes } from './routes/pipelines.ts';
import { releaseRoutes } from './routes/releases.ts';
import { runRoutes } from './routes/runs.ts';
import { scaleRoutes } from './routes/scale.ts';
import { secretsRoutes } from './routes/secrets.ts';
import { serverChangeRoutes } from './routes/server-changes.ts';
import { serverRoutes } from './routes/servers.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { userRoutes } from './routes/users.ts';
import { webhookRoutes } from './routes/webhooks.ts';

/** Every address below `/api/v1`, with the right that it needs: nothing else is served there. */
export const routes: readonly Route[] = [
  ...appRoutes,
  ...deployRoutes,
  ...eventRoutes,
  ...releaseRoutes,
  ...pipelineRoutes,
  ...approvalRoutes,
  ...freezeRoutes,
  ...lockRoutes,
  ...configRoutes,
  ...scaleRoutes,
  ...runRoutes,
  ...attachedRunRoutes,
  ...domainRoutes,
  ...containerRoutes,
  ...maintenanceRoutes,
  ...serverRoutes,
  ...serverChangeRoutes,
  ...meRoutes,
  ...userRoutes,
  ...accessRoutes,
  ...tokenRoutes,
  ...keyRoutes,
  ...diskRoutes,
  ...secretsRoutes,
  ...auditRoutes,
  ...webhookRoutes,
  ...notificationRoutes,
  ...installationRoutes,
];
