import type { Command } from 'commander';
import type { Client } from './client.ts';
import type { Session } from './session.ts';

type PlanAnswer = { readonly forecast: unknown; readonly lines: readonly string[] };

/** The option of every command that changes what runs. */
export function withPlan(command: Command): Command {
  return command.option('--plan', 'say what it would do on every server, and do nothing');
}

/** Asks an address of the API for the plan of what the body wants, and prints it. */
export async function printPlan(
  { terminal }: Session,
  client: Client,
  { path, body, json = false }: { path: string; body: object; json?: boolean | undefined },
): Promise<void> {
  const { forecast, lines } = await client.ask<PlanAnswer>(path, {
    method: 'POST',
    body: { ...body, plan: true },
  });
  if (json) return terminal.printJson(forecast);
  for (const line of lines) terminal.print(line);
}
