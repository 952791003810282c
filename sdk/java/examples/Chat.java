import java.io.File;
import java.util.Scanner;
import java.util.concurrent.ExecutionException;
import mps.device.Config;
import mps.device.FileStore;
import mps.device.Message;
import mps.device.PushClient;
import mps.device.PushListener;
import mps.device.State;

/**
 * An app with users, on the command line: {@code login NAME}, {@code logout}, {@code open K}, {@code log}, {@code delete}, {@code quit}.
 *
 * <pre>
 * javac -cp target/mps-device.jar examples/Chat.java -d examples
 * java -cp target/mps-device.jar:examples Chat mps-device.json
 * </pre>
 */
public class Chat implements PushListener {
    public static void main(String[] arguments) throws Exception {
        Config config = Config.load(new File(arguments[0]));
        System.out.println("Do you want to be told of new messages? (y/n)");
        Scanner input = new Scanner(System.in);
        boolean consent = input.hasNextLine() && input.nextLine().equals("y");
        if (!consent) {
            return;
        }
        try (PushClient client = new PushClient(config, new FileStore(new File("chat-device")), new Chat())) {
            client.start(true);
            while (input.hasNextLine() && !carryOut(client, input.nextLine().split(" "))) {
                // the next line
            }
        }
    }

    private static boolean carryOut(PushClient client, String[] words) throws Exception {
        try {
            switch (words[0]) {
                case "login":
                    // Where the workspace asks for a proof: client.bind(words[1], (user, adToken) -> askYourBackend(...))
                    client.bind(words[1]).get();
                    System.out.println("logged in");
                    break;
                case "logout":
                    client.unbind().get();
                    System.out.println("logged out");
                    break;
                case "open":
                    client.opened(words[1]);
                    break;
                case "log":
                    client.diagnostics().forEach(System.out::println);
                    break;
                case "delete":
                    client.unregister().get();
                    return true;
                default:
                    return true;
            }
        } catch (ExecutionException refused) {
            System.out.println(refused.getCause().getMessage());
        }
        return false;
    }

    @Override
    public void onMessage(Message message) {
        System.out.println(message.k() + " " + message.title() + ": " + message.content());
    }

    @Override
    public void onRevoked(String k) {
        System.out.println(k + " was taken back");
    }

    @Override
    public void onState(State state) {
        System.out.println(state);
    }
}
