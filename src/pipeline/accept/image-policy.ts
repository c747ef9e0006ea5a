import type { EnvironmentConfig } from '../../config.ts';
import { Failure } from '../../failure.ts';
import type { App } from '../../model/app.ts';
import { parseOutboundUrl, readOutboundRules } from '../../outbound/addresses.ts';
import { type LookUp, pinAddress } from '../../outbound/resolve.ts';
import { type ImageReference, parseReference } from '../../publish/reference.ts';
import { repositoryIn } from '../../publish/registry.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { repositoryOf } from '../wanted.ts';

type Drivers = Pick<PipelineDrivers, 'config' | 'registry'>;

/**
 * An image that an app may be given: of the installation's registry, but no other app's; of the engine's own one; or of
 * one that is public or in a network of `webhooks.allow`. Throws `image_name_invalid`, `image_not_yours`,
 * `url_not_allowed` and `host_not_found`.
 */
export async function allowImage(
  text: string,
  app: Pick<App, 'id'>,
  { config, registry }: Drivers,
  look?: LookUp,
): Promise<ImageReference> {
  const reference = parseReference(text);
  const { host, path, name } = reference;
  if (host === registry.address) {
    const isOurs = path.startsWith(`${registry.namespace}/`);
    if (isOurs && path !== repositoryIn(registry, repositoryOf(app))) {
      throw new Failure('image_not_yours', `${name} belongs to another app.`);
    }
    return reference;
  }
  if (host === null) return reference;
  const rules = readOutboundRules(config);
  await pinAddress(parseOutboundUrl(`https://${host}/`, ['https'], rules), rules, look);
  return reference;
}

/** What takes no pushes takes nothing else that was not proved. Throws `promotion_only`. */
export function refuseUnproven(
  { name, branches, tags, promoteFrom }: EnvironmentConfig,
  what: 'images' | 'commits' = 'images',
): void {
  if (promoteFrom.length === 0 || branches.length > 0 || tags.length > 0) return;
  throw new Failure(
    'promotion_only',
    `${name} takes no ${what}, only promotions from ${promoteFrom.join(', ')}.`,
  );
}
