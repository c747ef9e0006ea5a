import { passwordsOf } from '../../config/passwords.ts';
import { readOutboundRules } from '../../outbound/addresses.ts';
import { greetMailServer } from '../../outbound/mail.ts';
import { listHidden } from '../../secrets/forms.ts';
import { makeRedactor } from '../../secrets/redactor.ts';
import type { ApiDesk } from '../desk.ts';
import { type Finding, failed, look, ok } from './finding.ts';

// Who asks waits for it.
const limitMs = 5_000;

/** Whether the server that deploy.config.json names would take a mail; nothing where it names none. */
export async function examineMail({ config }: Pick<ApiDesk, 'config'>): Promise<readonly Finding[]> {
  const { smtp } = config.notifications;
  if (smtp === null) return [];
  const place = `mail through ${smtp.host}:${smtp.port}`;
  const finding = await look('mail', async () => {
    const options = { rules: readOutboundRules(config), timeoutMs: limitMs };
    const { status, text } = await greetMailServer(smtp, options);
    if (status < 400) return ok('mail', place);
    const words = makeRedactor(listHidden(passwordsOf(config))).text(text);
    return failed('mail', `${place}: ${status} ${words}`, 'Mend notifications.smtp in deploy.config.json.');
  });
  return [finding];
}
