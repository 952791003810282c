/** What a client is doing. In `refused` and `replaced` it makes no more attempts until the app starts it again. */
export type State =
  | { state: 'stopped' | 'connecting' | 'connected' }
  | { state: 'waiting'; reason: string; /** Until the next attempt. */ seconds: number }
  | { state: 'refused' | 'replaced'; reason: string };
