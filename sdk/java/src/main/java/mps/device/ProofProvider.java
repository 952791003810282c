package mps.device;

/** Gets the proof that the app's user may be bound to this device, from the app's backend. */
public interface ProofProvider {
    /**
     * Returns a bind token. Called in a thread where it may block, whenever the user is bound.
     *
     * @param userId the user to bind
     * @param adToken this device
     * @throws Exception if there is none; the bind fails with it
     */
    String bindToken(String userId, String adToken) throws Exception;
}
