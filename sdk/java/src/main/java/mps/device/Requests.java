package mps.device;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.json.JSONException;
import org.json.JSONObject;

/** The requests of one connection and their answers. Used by the loop's thread alone. */
final class Requests {
    private static final double ANSWER_SECONDS = 30;
    private static final String TIMER = "answer";

    private final Loop loop;
    private final Diagnostics diagnostics;
    private final Consumer<String> onFailure;
    private final Map<String, Consumer<Answer>> waiting = new HashMap<>();
    private final Map<String, Runnable> lost = new HashMap<>();
    private Connection connection;
    private long lastNumber;

    /** An answer of the service. */
    static final class Answer {
        private final JSONObject values;

        Answer(JSONObject values) {
            this.values = values;
        }

        boolean isSuccess() {
            return values.optBoolean("success");
        }

        /** Tells whether the service was unable to serve: the same can be asked again later. */
        boolean isTemporary() {
            return "SYSTEM_ERROR".equals(name());
        }

        /** Returns what was asked for; null if there is nothing. */
        JSONObject data() {
            return values.optJSONObject("data");
        }

        String name() {
            return values.optString("name");
        }

        PushException.Refused refusal() {
            return new PushException.Refused(values.optString("code"), name(), values.optString("message"));
        }
    }

    /** {@code onFailure} is called where the connection is of no use any more, with the reason. */
    Requests(Loop loop, Diagnostics diagnostics, Consumer<String> onFailure) {
        this.loop = loop;
        this.diagnostics = diagnostics;
        this.onFailure = onFailure;
    }

    /** Sends requests over a connection from now on; null: nowhere, and what waits is forgotten. */
    void use(Connection current) {
        connection = current;
        waiting.clear();
        java.util.List<Runnable> unanswered = new java.util.ArrayList<>(lost.values());
        lost.clear();
        unanswered.forEach(Runnable::run);
        loop.cancel(TIMER);
    }

    boolean isPossible() {
        return connection != null;
    }

    /** Asks as {@link #send(String, String, Consumer)}; {@code onLost} is called if the connection ends before the answer. */
    void send(String topic, String payload, Consumer<Answer> onAnswer, Runnable onLost) {
        send(topic, payload, onAnswer);
        lost.put(String.valueOf(lastNumber), onLost);
    }

    /** Asks; the answer comes in the loop's thread, or never if the connection ends. */
    void send(String topic, String payload, Consumer<Answer> onAnswer) {
        String correlation = String.valueOf(++lastNumber);
        waiting.put(correlation, onAnswer);
        if (waiting.size() == 1) {
            startTimer();
        }
        connection.request(topic, payload, correlation);
    }

    private void startTimer() {
        loop.schedule(TIMER, ANSWER_SECONDS, () -> onFailure.accept("no answer to a request"));
    }

    void answered(String correlation, byte[] payload) {
        Consumer<Answer> onAnswer = waiting.remove(correlation);
        lost.remove(correlation);
        if (onAnswer == null) {
            return;
        }
        if (waiting.isEmpty()) {
            loop.cancel(TIMER);
        } else {
            startTimer();
        }
        Answer answer;
        try {
            answer = new Answer(new JSONObject(new String(payload, StandardCharsets.UTF_8)));
        } catch (JSONException error) {
            onFailure.accept("an answer could not be read");
            return;
        }
        if (!answer.isSuccess()) {
            diagnostics.note("refused: " + answer.refusal().getMessage());
        }
        onAnswer.accept(answer);
    }
}
