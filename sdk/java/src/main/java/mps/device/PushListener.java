package mps.device;

/** What an app wants to be told. The calls come one after the other, in threads of the client, where they may block. */
public interface PushListener {
    /**
     * Takes a message. When this returns, the message is stored as handled and acknowledged; it comes no more. When it
     * throws, the message comes again: soon, or with the next connection.
     *
     * @throws Exception if the message could not be handled
     */
    default void onMessage(Message message) throws Exception {}

    /** Tells that {@link PushClient#opened} was called. */
    default void onNotificationOpened(String k) {}

    /** Tells that the backend has revoked a message: take its notification away. */
    default void onRevoked(String k) throws Exception {}

    /** Tells a new state. */
    default void onState(State state) {}
}
