/** The device client without a platform. */
export type { ProofProvider } from './binding.js';
export type { Attributes, InboxMessage, InboxPage } from './calls.js';
export { PushClient, type ClientOptions, type CoreOptions, type DeviceClient, type VendorData } from './client.js';
export { ManualClock, systemClock } from './clock.js';
export { checkConfig, type Config, type Description, type Platform } from './config.js';
export type { Identity } from './device_state.js';
export { ConnectionLostError, ConsentError, NotRunningError, RefusedError, StoreInUseError } from './errors.js';
export type { MessageHandlers } from './inbox.js';
export { MemoryStore } from './memory_store.js';
export type { Message, MessageData } from './messages.js';
export type * from './ports.js';
export { SharedClient, type SharedOptions } from './shared_client.js';
export type { State } from './state.js';
export { VERSION } from './version.js';
