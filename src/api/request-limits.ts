import { createHash } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Limits } from '../config.ts';
import { Failure } from '../failure.ts';
import type { Actor } from '../model/access.ts';
import { isLoopback } from '../model/address.ts';

// A limit is told for a minute and holds in shorter windows, so that nobody is kept out for long.
const windowMs = 10_000;
const windows = 60_000 / windowMs;

/** How many requests one address and one credential get answered. */
export type RequestLimits = {
  /** Before anybody looks who asks. Throws `too_many_requests`. */
  admitAddress(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Throws `too_many_requests`. */
  admitActor(actor: Actor, request: FastifyRequest, reply: FastifyReply): Promise<void>;
};

type Check = ReturnType<FastifyInstance['createRateLimit']>;

/** Counts in memory, and for the addresses and credentials that asked last. */
export async function openRequestLimits(
  server: FastifyInstance,
  { address, credential }: Limits['requests'],
): Promise<RequestLimits> {
  await server.register(rateLimit, { global: false });
  const keys = new WeakMap<FastifyRequest, string>();
  const checkAddress = server.createRateLimit({
    max: Math.ceil(address / windows),
    timeWindow: windowMs,
  });
  const checkActor = server.createRateLimit({
    max: Math.ceil(credential / windows),
    timeWindow: windowMs,
    keyGenerator: (request) => keys.get(request) ?? '',
  });
  return {
    async admitAddress(request, reply) {
      const { remoteAddress } = request.socket;
      // A proxy on this machine stands for everybody, and a socket for its owner.
      if (remoteAddress === undefined || isLoopback(remoteAddress)) return;
      await admit(checkAddress, { request, reply }, `from the address ${remoteAddress}`, address);
    },
    async admitActor(actor, request, reply) {
      keys.set(request, keyOf(actor, request));
      await admit(checkActor, { request, reply }, `by "${actor.name}"`, credential);
    },
  };
}

async function admit(
  check: Check,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  whose: string,
  perMinute: number,
): Promise<void> {
  const found = await check(request);
  if (found.isAllowed || !found.isExceeded) return;
  const seconds = Math.max(1, found.ttlInSeconds);
  reply.header('retry-after', seconds);
  throw new Failure(
    'too_many_requests',
    `There were too many requests ${whose} (limit ${perMinute} a minute).`,
    { fix: `Ask again in ${seconds} s.` },
  );
}

/** All credentials of a user count together. */
function keyOf({ userId }: Actor, { headers }: FastifyRequest): string {
  if (userId !== null) return `user ${userId}`;
  return createHash('sha256')
    .update(headers.authorization ?? '')
    .digest('base64url');
}
