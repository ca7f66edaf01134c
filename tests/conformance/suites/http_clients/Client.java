// Carries out calls with Java's HttpClient: a list of them as JSON in, what came as JSON out. The JDK has no JSON, so the little
// that is needed of it is read and written here; the calls' texts are ASCII.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public class Client {
    private final String text;
    private int at = 0;

    private Client(String text) {
        this.text = text;
    }

    public static void main(String[] arguments) throws Exception {
        var calls = (List<?>) new Client(new String(System.in.readAllBytes(), StandardCharsets.UTF_8)).value();
        var client = HttpClient.newBuilder().version(HttpClient.Version.valueOf(arguments[0])).build();
        var answers = new ArrayList<String>();
        for (var call : calls) {
            answers.add(carryOut(client, (Map<?, ?>) call));
        }
        System.out.print("[" + String.join(",", answers) + "]");
    }

    private static String carryOut(HttpClient client, Map<?, ?> call) {
        var body = call.get("body");
        var publisher = body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString((String) body);
        var request = HttpRequest.newBuilder(URI.create((String) call.get("url"))).timeout(Duration.ofSeconds(30));
        request.method((String) call.get("method"), publisher);
        ((Map<?, ?>) call.get("headers")).forEach((name, value) -> request.header((String) name, (String) value));
        try {
            var answer = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
            var fields = new ArrayList<String>();
            answer.headers().map().forEach((name, values) -> fields.add(quote(name) + ":" + quote(values.get(0))));
            var version = answer.version() == HttpClient.Version.HTTP_2 ? "2" : "1.1";
            return "{\"status\":" + answer.statusCode() + ",\"version\":" + quote(version) + ",\"headers\":{"
                + String.join(",", fields) + "},\"body\":" + quote(answer.body()) + "}";
        } catch (Exception error) {
            return "{\"error\":" + quote(error.toString()) + "}";
        }
    }

    private static String quote(String text) {
        var quoted = new StringBuilder("\"");
        for (char character : text.toCharArray()) {
            if (character < ' ' || character == '"' || character == '\\') {
                quoted.append(String.format("\\u%04x", (int) character));
            } else {
                quoted.append(character);
            }
        }
        return quoted.append('"').toString();
    }

    private Object value() {
        skip();
        return switch (text.charAt(at)) {
            case '{' -> object();
            case '[' -> list();
            case '"' -> string();
            default -> {
                at += "null".length();
                yield null;
            }
        };
    }

    private void skip() {
        while (" ,:\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private Map<String, Object> object() {
        var members = new LinkedHashMap<String, Object>();
        at++;
        for (skip(); text.charAt(at) != '}'; skip()) {
            var name = string();
            members.put(name, value());
        }
        at++;
        return members;
    }

    private List<Object> list() {
        var items = new ArrayList<Object>();
        at++;
        for (skip(); text.charAt(at) != ']'; skip()) {
            items.add(value());
        }
        at++;
        return items;
    }

    private String string() {
        var characters = new StringBuilder();
        for (at++; text.charAt(at) != '"'; at++) {
            if (text.charAt(at) == '\\') {
                at++;
            }
            characters.append(text.charAt(at));
        }
        at++;
        return characters.toString();
    }
}
