import { appAddress } from '../addresses.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import type { Session } from '../session.ts';

type MaintenanceAnswer = {
  readonly env: string;
  readonly maintenance: string | null;
  readonly applied: boolean;
};

export const addMaintenanceCommands: AddCommands = (program, session) => {
  withJson(withApp(program.command('maintenance:on')))
    .argument('[message]', 'what the page says; the usual sentence without it')
    .description('show a page instead of the app, which runs on behind it')
    .action(async (message: string | undefined, _options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const { env } = options;
      const body = { ...(env === undefined ? {} : { env }), ...(message === undefined ? {} : { message }) };
      const answer = await client.ask<MaintenanceAnswer>(addressOf(app), { method: 'POST', body });
      tell(session, answer, options.json, `${app} ${answer.env} shows its maintenance page.`);
    });

  withJson(withApp(program.command('maintenance:off')))
    .description('end the maintenance: the app answers again')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const query = options.env === undefined ? '' : `?env=${encodeURIComponent(options.env)}`;
      const answer = await client.ask<MaintenanceAnswer>(`${addressOf(app)}${query}`, { method: 'DELETE' });
      tell(session, answer, options.json, `${app} ${answer.env} answers again.`);
    });
};

function addressOf(app: string): string {
  return `${appAddress(app)}/maintenance`;
}

function tell(
  { terminal }: Session,
  answer: MaintenanceAnswer,
  json: boolean | undefined,
  done: string,
): void {
  const late = 'It is recorded; the load balancer does not follow yet: hawser doctor';
  if (json) terminal.printJson(answer);
  else terminal.say(answer.applied ? done : late);
}
