import { z } from 'zod';
import { noticeEvents, noticeKinds } from '../model/notice.ts';

export const newNotification = z.strictObject({
  kind: z.enum(noticeKinds),
  url: z.string().min(1).max(2000),
  events: z
    .array(z.enum(noticeEvents))
    .min(1)
    .max(noticeEvents.length)
    .default([...noticeEvents]),
  app: z.string().max(80).optional(),
});
