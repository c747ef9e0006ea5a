import type { Socket } from 'node:net';

/** How many connections there may be, by address and in all. */
export type CrowdLimits = {
  /** Of one address, before they have shown a key. */
  readonly strangers: number;
  /** Of one address. */
  readonly perAddress: number;
  readonly total: number;
};

export type Visit = {
  /** It has shown a key. */
  pass(): void;
};

export type Crowd = {
  /** Counts the connection until it closes; null when there are too many, and it must be cut. */
  enter(socket: Socket): Visit | null;
  /** Ends them all. */
  closeAll(): void;
};

/** Counts who is at the door, so that no address can fill it. */
export function openCrowd(limits: CrowdLimits): Crowd {
  const sockets = new Set<Socket>();
  const present = new Map<string, number>();
  const strangers = new Map<string, number>();

  return {
    enter(socket) {
      const address = socket.remoteAddress;
      if (address === undefined || sockets.size >= limits.total) return null;
      const counts = [present.get(address) ?? 0, strangers.get(address) ?? 0] as const;
      if (counts[0] >= limits.perAddress || counts[1] >= limits.strangers) return null;
      let passed = false;
      const pass = () => {
        if (!passed) add(strangers, address, -1);
        passed = true;
      };
      sockets.add(socket);
      add(present, address, 1);
      add(strangers, address, 1);
      socket.once('close', () => {
        pass();
        sockets.delete(socket);
        add(present, address, -1);
      });
      return { pass };
    },
    closeAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function add(counts: Map<string, number>, address: string, by: number): void {
  const count = (counts.get(address) ?? 0) + by;
  if (count === 0) counts.delete(address);
  else counts.set(address, count);
}
