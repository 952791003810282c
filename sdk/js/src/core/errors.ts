/** A client was started without the user's consent. */
export class ConsentError extends Error {
  override name = 'ConsentError';
}

/** Another client holds the store. */
export class StoreInUseError extends Error {
  override name = 'StoreInUseError';
}

/** The client does not run, or makes no more attempts. */
export class NotRunningError extends Error {
  override name = 'NotRunningError';
}

/** The connection was lost before a request was answered. */
export class ConnectionLostError extends Error {
  override name = 'ConnectionLostError';
}

/** The service refused a request. */
export class RefusedError extends Error {
  override name = 'RefusedError';

  /**
   * @param code The result code, such as `3028`.
   * @param message What is wrong, for people.
   */
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
