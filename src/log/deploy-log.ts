/** What a step of a deploy says to the people who follow it, in Heroku's grammar. */
export type DeployLog = {
  /** `-----> text` */
  step(text: string): void;
  /** Seven spaces, then text; may be raw output of several lines. */
  detail(text: string): void;
  /** `=====> text` */
  result(text: string): void;
  /** ` !     text` */
  warning(text: string): void;
};
