import com.google.gson.Gson;
import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.Log;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.MessageBuilder;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Sends what CALLS.json holds by Segment's Java library, as a customer's own program would.
 *
 * <pre>java -cp 'lib/*' Send.java HOST KEY CALLS.json</pre>
 *
 * Exit code 1 if the library gave up on anything. Its log, with the status of each answer, goes to stderr.
 */
public final class Send {
  @SuppressWarnings("unchecked")
  private static MessageBuilder<?, ?> message(Map<String, Object> call) {
    Map<String, Object> properties = (Map<String, Object>) call.get("properties");
    Map<String, Object> traits = (Map<String, Object>) call.get("traits");
    String name = (String) call.get("name");
    switch ((String) call.get("type")) {
      case "identify":
        return IdentifyMessage.builder().traits(traits);
      case "page":
        return PageMessage.builder(name).properties(properties);
      case "screen":
        return ScreenMessage.builder(name).properties(properties);
      case "group":
        return GroupMessage.builder((String) call.get("groupId")).traits(traits);
      case "alias":
        return AliasMessage.builder((String) call.get("previousId"));
      default:
        return TrackMessage.builder((String) call.get("event")).properties(properties);
    }
  }

  @SuppressWarnings("unchecked")
  public static void main(String[] arguments) throws Exception {
    Map<String, Object>[] calls = new Gson().fromJson(Files.readString(Path.of(arguments[2])), Map[].class);
    CountDownLatch left = new CountDownLatch(calls.length);
    AtomicInteger failed = new AtomicInteger();
    Analytics analytics =
        Analytics.builder(arguments[1])
            .endpoint(arguments[0])
            .flushQueueSize(10)
            .flushInterval(1, TimeUnit.SECONDS)
            .log(Send.printed())
            .callback(
                new Callback() {
                  @Override
                  public void success(Message message) {
                    left.countDown();
                  }

                  @Override
                  public void failure(Message message, Throwable throwable) {
                    failed.incrementAndGet();
                    left.countDown();
                  }
                })
            .build();
    for (Map<String, Object> call : calls) analytics.enqueue(message(call).userId((String) call.get("userId")));
    // shutdown() drops what is being retried, and reports nothing of it.
    boolean isDone = left.await(90, TimeUnit.SECONDS);
    analytics.shutdown();
    System.exit(isDone && failed.get() == 0 ? 0 : 1);
  }

  private static Log printed() {
    return new Log() {
      @Override
      public void print(Level level, String format, Object... values) {
        System.err.println(String.format(format, values));
      }

      @Override
      public void print(Level level, Throwable error, String format, Object... values) {
        System.err.println(String.format(format, values) + " " + error);
      }
    };
  }

  private Send() {}
}
