//! Who may call: keys by the command line against a running host, users of the Basic scheme, tokens as PyJWT makes them; and
//! what a plugin is told of its caller.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Answer, Host, python, until};

/// An answer of `spec-context`: what the plugin was told.
#[track_caller]
fn told(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The schemes that the answer asks for.
fn challenges(answer: &Answer) -> Vec<&str> {
    answer
        .headers
        .iter()
        .filter(|(name, _)| name == "www-authenticate")
        .map(|(_, value)| value.as_str())
        .collect()
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, challenge: &str) {
    assert_eq!((answer.status, challenges(answer)), (status, vec![challenge]), "{answer:?}");
    if status == 401 {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    }
}

const API_KEY: &str = "ApiKey realm=\"api\"";

fn guesthouse_keys(host: &Host, arguments: &[&str]) -> String {
    let folder = host.folder();
    let mut all = vec!["keys"];
    all.extend(arguments);
    // The folder stands behind the name or the id, before the options.
    let at = all.iter().position(|argument| argument.starts_with("--")).unwrap_or(all.len());
    all.insert(at, folder.to_str().unwrap());
    host.command(&all, "").success()
}

#[test]
fn a_key_that_is_added_is_taken_and_one_that_is_revoked_is_refused_without_a_restart() {
    let manifest = "[auth]\nrequire = [\"api-key\"]\nscopes = [\"orders:read\"]\n";
    let host = Host::builder().plugin("spec-context").file("spec-context.toml", manifest).start();
    let call = |key: &str| host.request("GET", "/spec-context", &[("X-API-Key", key)], b"");
    assert_refused(&host.get("/spec-context"), 401, API_KEY);

    let key = guesthouse_keys(&host, &["add", "ci", "--scope", "orders:read", "--scope", "orders:write"]);
    let key = key.trim();
    assert!(key.starts_with("gh_"), "{key}");
    let answer = until("the new key to be taken", || Some(call(key)).filter(|answer| answer.status == 200));
    let told = told(&answer);
    let expected = json!({
        "subject": "ci", "scheme": "api-key", "scopes": ["orders:read", "orders:write"], "claims": null,
    });
    assert_eq!(told["caller"], expected);
    assert!(!told["headers"].to_string().contains(key), "a plugin never sees a credential: {told}");
    let by_scheme = host.request("GET", "/spec-context", &[("Authorization", &format!("apikey {key}"))], b"");
    assert_eq!(by_scheme.json()["caller"], expected);

    // One digit off, cut short, or something else altogether.
    let last = if key.ends_with('0') { "1" } else { "0" };
    for wrong in [&format!("{}{last}", &key[..key.len() - 1]), &key[..key.len() - 1], "gh_", "x", ""] {
        assert_refused(&call(wrong), 401, API_KEY);
    }
    let twice = host.request("GET", "/spec-context", &[("X-API-Key", key), ("X-API-Key", key)], b"");
    assert_eq!(twice.status, 400, "{twice:?}");

    // Only its hash is kept, and it is in no log.
    let id = key.split('_').nth(1).unwrap();
    let list = guesthouse_keys(&host, &["list"]);
    assert!(list.contains(id) && list.contains("ci") && !list.contains(key), "{list}");
    let secret = key.rsplit('_').next().unwrap();
    let kept = std::fs::read_to_string(host.folder().join(".guesthouse/keys.toml")).unwrap();
    assert!(kept.contains(id) && !kept.contains(secret), "{kept}");
    assert!(!host.log().concat().contains(secret), "a key stands in the log");

    guesthouse_keys(&host, &["revoke", id]);
    let refused =
        until("the revoked key to be refused", || Some(call(key)).filter(|answer| answer.status != 200));
    assert_refused(&refused, 401, API_KEY);
    assert!(!guesthouse_keys(&host, &["list"]).contains(id));
}

#[test]
fn a_key_without_the_scope_is_known_and_may_not() {
    let manifest = "[auth]\nrequire = [\"api-key\"]\nscopes = [\"orders:read\"]\n";
    let host = Host::builder().plugin("spec-context").file("spec-context.toml", manifest).start();
    let poor = guesthouse_keys(&host, &["add", "poor", "--scope", "orders:reader"]);
    let call = || host.request("GET", "/spec-context", &[("X-API-Key", poor.trim())], b"");
    let answer = until("the new key to be known", || Some(call()).filter(|answer| answer.status != 401));
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[test]
fn users_of_the_basic_scheme_are_checked_against_their_hashes() {
    let password = "correct: horse ü";
    let hash = Host::with(&[]).command(&["keys", "hash-password"], &format!("{password}\n")).success();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let host = Host::builder()
        .plugin("spec-context")
        .file("users", format!("ada:{}:orders:read orders:write\nbob:{}:\n", hash.trim(), hash.trim()))
        .configuration("[auth]\nrequire = [\"basic\"]\n[basic]\nusers = \"{folder}/plugins/users\"\n")
        .start();
    let challenge = "Basic realm=\"api\", charset=\"UTF-8\"";
    let call = |pair: &str| {
        use base64::Engine as _;
        let value = format!("basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        host.request("GET", "/spec-context", &[("Authorization", &value)], b"")
    };
    assert_refused(&host.get("/spec-context"), 401, challenge);
    // Twice: the second time from memory.
    for _ in 0..2 {
        let told = told(&call(&format!("ada:{password}")));
        let expected = json!({
            "subject": "ada", "scheme": "basic", "scopes": ["orders:read", "orders:write"], "claims": null,
        });
        assert_eq!(told["caller"], expected);
        let fields = told["headers"].to_string();
        assert!(!fields.contains("authorization"), "a plugin never sees a credential: {fields}");
    }
    assert_eq!(told(&call(&format!("bob:{password}")))["caller"]["scopes"], json!([]));
    for wrong in [
        "ada:wrong",
        "ada:",
        "ada",
        "",
        ":",
        "eve:wrong",
        &format!("eve:{password}"),
        &format!("Ada:{password}"),
    ] {
        assert_refused(&call(wrong), 401, challenge);
    }
    for broken in ["Basic", "Basic !!!", "Basic YWRh="] {
        let answer = host.request("GET", "/spec-context", &[("Authorization", broken)], b"");
        assert_refused(&answer, 401, challenge);
    }
}

#[test]
fn tokens_that_pyjwt_makes_are_taken_in_every_algorithm_and_forged_ones_refused() {
    let keys = tempdir();
    python("tokens.py", &[keys.as_path(), "keys".as_ref()]);
    let issuer = |algorithm: &str| {
        format!(
            "[[bearer]]\nissuer = \"https://{algorithm}.example\"\naudience = \"orders\"\nalgorithm = \"{algorithm}\"\n\
             key = \"{}/{algorithm}.pub\"\n",
            keys.display()
        )
    };
    let configuration = ["HS256", "RS256", "ES256", "EdDSA"].map(issuer).concat();
    let manifest = "[auth]\nrequire = [\"bearer\"]\nscopes = [\"orders:read\"]\n";
    let host = Host::builder()
        .plugin("spec-context")
        .file("spec-context.toml", manifest)
        .configuration(&configuration)
        .start();
    assert_refused(&host.get("/spec-context"), 401, "Bearer realm=\"api\"");

    let made = python("tokens.py", &[keys.as_path(), "tokens".as_ref()]);
    let made: Vec<(String, u16, String)> = serde_json::from_str(&made).expect("a list of tokens");
    let mut taken = BTreeSet::new();
    for (what, status, token) in &made {
        let value = format!("Bearer {token}");
        let answer = host.request("GET", "/spec-context", &[("Authorization", &value)], b"");
        assert_eq!(answer.status, *status, "{what}: {answer:?}");
        match status {
            200 => {
                let told = answer.json();
                let caller = &told["caller"];
                assert_eq!(
                    (&caller["subject"], &caller["scheme"]),
                    (&json!("ada"), &json!("bearer")),
                    "{what}"
                );
                assert_eq!(caller["scopes"], json!(["orders:read", "orders:write"]), "{what}");
                assert_eq!(caller["claims"]["tenant"], "acme", "{what}: {caller}");
                assert!(
                    !told["headers"].to_string().contains(token),
                    "{what}: a plugin never sees a credential"
                );
                taken.insert(caller["claims"]["iss"].as_str().unwrap().to_owned());
            }
            401 => assert!(challenges(&answer)[0].contains("error=\"invalid_token\""), "{what}: {answer:?}"),
            403 => assert_refused(
                &answer,
                403,
                "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"orders:read\"",
            ),
            other => panic!("{what}: {other}"),
        }
    }
    assert_eq!(taken.len(), 4, "every algorithm: {taken:?}");
    assert!(made.iter().filter(|(_, status, _)| *status == 401).count() >= 40);
    std::fs::remove_dir_all(keys).unwrap();
}

/// A folder of this test's own.
fn tempdir() -> std::path::PathBuf {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tokens-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

#[test]
fn each_scheme_of_a_policy_is_challenged_on_a_line_of_its_own_and_two_credentials_are_refused() {
    let manifest = "[auth]\nrequire = [\"api-key\", \"basic\", \"bearer\"]\n";
    let host = Host::builder().plugin("spec-context").file("spec-context.toml", manifest).start();
    let answer = host.get("/spec-context");
    assert_eq!(answer.status, 401);
    let challenges = challenges(&answer);
    assert_eq!(challenges.len(), 3, "{challenges:?}");
    for scheme in ["ApiKey ", "Basic ", "Bearer "] {
        assert_eq!(
            challenges.iter().filter(|challenge| challenge.starts_with(scheme)).count(),
            1,
            "{challenges:?}"
        );
    }
    let both = [("X-API-Key", "gh_x_y"), ("Authorization", "Basic YTpi")];
    assert_eq!(host.request("GET", "/spec-context", &both, b"").status, 400);
}

#[test]
fn every_style_asks_for_credentials_before_its_plugin_is_started() {
    let host = ["todo", "users", "bank", "chat"]
        .iter()
        .fold(Host::builder(), |builder, plugin| builder.plugin(plugin))
        .configuration("[auth]\nrequire = [\"api-key\"]\n")
        .start();
    let upgrade = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for answer in [
        host.get("/todo/items"),
        host.post("/users", "application/json", r#"{"jsonrpc":"2.0","method":"listUsers","id":1}"#),
        host.post("/bank", "text/xml", "<x/>"),
        host.get("/bank?wsdl"),
        host.request("GET", "/chat", &upgrade, b""),
    ] {
        assert_refused(&answer, 401, API_KEY);
    }
}

#[test]
fn a_caller_that_is_not_known_is_nobody_and_the_plugin_is_told_its_own_request() {
    let host =
        Host::builder().plugin("spec-context").file("spec-context.toml", "mount = \"/deep/down\"\n").start();
    let answer = host.request("GET", "/deep/down/x", &[("Authorization", "Basic YTpi")], b"");
    let told = told(&answer);
    assert_eq!((&told["caller"], &told["mount"]), (&Value::Null, &json!("/deep/down")));
    assert_eq!(told["request_id"].as_str(), answer.header("x-request-id"));
    let remaining_ms = told["remaining_ms"].as_u64().unwrap();
    assert!((1..=10_000).contains(&remaining_ms), "{told}");
}

#[test]
fn on_an_address_that_others_can_reach_a_plugin_without_a_policy_is_not_served() {
    let open = "[auth]\nrequire = [\"anonymous\"]\n";
    let host = Host::builder()
        .plugin("todo")
        .plugin("spec-context")
        .file("spec-context.toml", open)
        .listen("0.0.0.0:0")
        .start();
    let line = host.wait_for_log("not served: todo:");
    assert!(line.contains("[auth]") && line.contains("0.0.0.0:0") && line.contains("api-key"), "{line}");
    assert_eq!(host.get("/todo/items").status, 404);
    assert_eq!(host.get("/spec-context").status, 200);
    // One that comes later fares the same.
    host.put("late.wasm", &std::fs::read(host.folder().join("spec-context.wasm")).unwrap());
    let line = host.wait_for_log("plugin late: not loaded");
    assert!(line.contains("[auth]"), "{line}");
    assert_eq!(host.get("/late").status, 404);
    // And with a policy for all, all are served.
    let host = Host::builder()
        .plugin("todo")
        .listen("0.0.0.0:0")
        .configuration("[auth]\nrequire = [\"api-key\"]\n")
        .start();
    assert_refused(&host.get("/todo/items"), 401, API_KEY);
}
