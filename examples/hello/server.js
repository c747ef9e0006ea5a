const { createServer } = require('node:http');
const { hostname } = require('node:os');
const { version } = require('./package.json');

const facts = {
  version,
  release: process.env.HAWSER_RELEASE ?? 'none: started by hand',
  commit: process.env.HAWSER_COMMIT ?? 'unknown',
  host: hostname(),
};
const rows = Object.entries(facts).map(([name, value]) => `<dt>${name}<dd>${quote(value)}`);
const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hello from Hawser</title>
<style>
  body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1rem }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem }
  dt { opacity: .6 } dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere }
</style>
<h1>Hello!</h1>
<p>You pushed it, it runs. Change <code>server.js</code>, commit, push again.</p>
<dl>${rows.join('')}</dl>
</html>
`;

const server = createServer((request, response) => {
  if (request.url === '/facts.json')
    return response.setHeader('content-type', 'application/json').end(JSON.stringify(facts));
  response.setHeader('content-type', 'text/html; charset=utf-8').end(page);
});
server.listen(process.env.PORT || 8080, () => console.log(`hello ${version} listens`));

// What has begun is answered, then it ends: nobody sees a release go.
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => server.close(() => process.exit(0)));

function quote(text) {
  return String(text).replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`);
}
