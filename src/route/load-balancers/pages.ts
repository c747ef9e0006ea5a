/** Holds a request for up to 10 s while no backend of its section is up, instead of refusing it at once. */
export const holdScript = `core.register_action('hold', { 'http-req' }, function(txn)
  local section = txn.f:be_name()
  for _ = 1, 100 do
    core.msleep(100)
    if txn.f:nbsrv(section) > 0 then return end
  end
end, 0)
`;

/** Log-format of HAProxy: the variable is set only for a name of plain characters. */
export const unknownPage = `404: no app is routed at this domain. %[var(txn.shown)]

hawser apps lists the apps and their domains.
`;

export const emptyPage = `503: this app has no running release. %[var(txn.shown)]

Push to it, or see hawser releases.
`;

const downText = `503: this app does not answer.

hawser logs shows what it says.
`;

/** A whole HTTP answer: HAProxy gives error files out as they are. */
export const downPage = [
  'HTTP/1.1 503 Service Unavailable',
  'Content-Type: text/plain; charset=utf-8',
  'Cache-Control: no-store',
  'Retry-After: 5',
  `Content-Length: ${Buffer.byteLength(downText)}`,
  '',
  downText,
].join('\r\n');
