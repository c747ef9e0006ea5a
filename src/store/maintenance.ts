import type { Place } from './apps.ts';
import type { Database } from './database.ts';
import { recordEvent } from './events.ts';

/** Records that an environment shows a page instead of its app; empty for the usual text, null to show the app. */
export async function setMaintenance(
  db: Database,
  { app, environment }: Place,
  text: string | null,
  actor: string,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx
      .updateTable('environments')
      .set({ maintenance: text })
      .where('id', '=', environment.id)
      .execute();
    const action = text === null ? 'maintenance:off' : 'maintenance:on';
    await recordEvent(tx, { actor, action, appId: app.id, env: environment.name, detail: text ?? '' });
  });
}
