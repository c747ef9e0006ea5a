import type { NoticeMessage } from '../model/notice.ts';

export type MailText = { readonly subject: string; readonly text: string };

const ends: Readonly<Record<NoticeMessage['type'], string>> = {
  'deploy.live': 'live',
  'deploy.failed': 'failed',
  'deploy.rolled_back': 'rolled back',
  'approval.needed': 'waits for approval',
  'server.lost': 'out of reach',
  'server.back': 'back',
  test: 'test',
};

/** A message as plain text for a mail. Whatever people named, each fact stays on its one line. Pure. */
export function renderMail({ type, timestamp, data }: NoticeMessage, url: string): MailText {
  const { app, env, release, deploy, server } = data;
  const number = release == null ? `deploy ${deploy}` : `v${release}`;
  const what = app === undefined ? (server ?? '') : `${app}/${env} ${number}`;
  const facts = listFacts(data).flatMap(([name, fact]) =>
    fact == null ? [] : [`${name.padEnd(13)}${keepLine(String(fact))}`],
  );
  const next = deploy === undefined ? [] : ['', `The log: hawser deploys:output ${deploy}`];
  return {
    subject: keepLine(['[hawser]', what, ends[type]].filter((word) => word !== '').join(' ')),
    text: [
      keepLine(data.text),
      '',
      ...[...facts, `Time         ${keepLine(timestamp)}`, ...next],
      '',
      `Sent by Hawser at ${url}`,
      '',
    ].join('\n'),
  };
}

function listFacts(
  data: NoticeMessage['data'],
): readonly (readonly [string, string | number | null | undefined])[] {
  const { failure } = data;
  return [
    ['App', data.app],
    ['Environment', data.env],
    ['Deploy', data.deploy],
    ['Release', data.release == null ? null : `v${data.release}`],
    ['Commit', data.commit],
    ['Ref', data.ref?.replace(/^refs\/(?:heads|tags)\//, '')],
    ['Author', data.author],
    ['Change', data.change],
    ['Actor', data.actor],
    ['Server', data.server],
    ['Reason', failure?.message],
    ['Code', failure?.code],
  ];
}

/** One line, without what moves a terminal or turns the direction of text. */
function keepLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ').slice(0, 500);
}
