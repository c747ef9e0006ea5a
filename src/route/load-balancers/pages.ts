import { heldMark } from '../plan.ts';

/**
 * Lua of HAProxy, with the path of its map of domains. `hold` lets a request wait for up to 20 s while its section is held or no backend of it is up,
 * instead of refusing it at once; `html` makes a text harmless in a page.
 */
export const renderScript = (hosts: string) => `local hosts = Map.new('${hosts}', Map._str)

local function is_held(host)
  local destination = hosts:lookup(host) or hosts:lookup((host:gsub('^[^.]*', '*', 1)))
  return destination ~= nil and destination:sub(-${heldMark.length}) == '${heldMark}'
end

core.register_action('hold', { 'http-req' }, function(txn)
  local section = txn.f:be_name()
  local host = txn:get_var('txn.host')
  for _ = 1, 400 do
    core.msleep(50)
    if txn.f:nbsrv(section) > 0 and not is_held(host) then return end
  end
end, 0)

local entities = { ['&'] = '&amp;', ['<'] = '&lt;', ['>'] = '&gt;', ['"'] = '&quot;', ["'"] = '&#39;' }
core.register_converters('html', function(text)
  return (text:gsub('[&<>"\\']', entities))
end)
`;

/** Log-format of HAProxy: the variable is set only for a name of plain characters. */
export const unknownPage = `404: no app is routed at this domain. %[var(txn.shown)]

hawser apps lists the apps and their domains.
`;

export const emptyPage = `503: this app has no running release. %[var(txn.shown)]

It is stopped (hawser ps:start or ps:scale starts it), or nothing is live yet.
`;

/** Log-format of HAProxy, so a percent sign is written twice. */
export const noticePage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Maintenance</title>
<style>
:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1.125rem/1.6 system-ui, sans-serif; }
main { max-width: 34rem; padding: 2rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
p { margin: 0; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<h1>Maintenance</h1>
<p>%[var(txn.notice),lua.html]</p>
</main>
</body>
</html>
`;

export const noticeText = `503: this app is in maintenance.

%[var(txn.notice)]
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
