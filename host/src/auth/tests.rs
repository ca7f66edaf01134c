//! Policies against requests, and the tokens that must not pass (RFC 8725).

use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::*;
use crate::config::IssuerConfig;
use crate::testing::Folder;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

struct Host {
    _folder: Folder,
    authenticator: Authenticator,
    key: String,
}

fn host() -> Host {
    let folder = Folder::new();
    let key = api_key::add(&folder.path().join(api_key::FILE), "ci", &["read".to_owned()], None).unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let users = folder.path().join("users");
    std::fs::write(&users, format!("ada:{}:read write\n", basic::hash("secret").unwrap())).unwrap();
    let mut config = Config::default();
    config.basic.users = Some(users);
    config.bearer.push(IssuerConfig {
        issuer: "https://issuer.example".to_owned(),
        audience: "api".to_owned(),
        algorithm: "HS256".to_owned(),
        key: secret,
        key_id: None,
    });
    let authenticator = Authenticator::new(&config, folder.path()).unwrap();
    Host { _folder: folder, authenticator, key }
}

async fn check(host: &Host, require: &[SchemeName], scopes: &[&str], headers: &[(&str, &str)]) -> String {
    let mut request = http::Request::builder();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut head = request.body(()).unwrap().into_parts().0;
    let policy = AuthPolicy {
        require: require.to_vec(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    match host.authenticator.authenticate(&policy, &mut head).await {
        Ok(None) => "anonymous".to_owned(),
        Ok(Some(identity)) => {
            assert!(!head.headers.contains_key("authorization") && !head.headers.contains_key("x-api-key"));
            format!("{} {}", identity.scheme, identity.subject)
        }
        Err(Failure::Unauthenticated { challenges }) => {
            challenges.iter().map(|challenge| challenge.to_str().unwrap()).collect::<Vec<_>>().join(" | ")
        }
        Err(Failure::Forbidden { challenge }) => {
            format!(
                "forbidden {}",
                challenge.map_or(String::new(), |challenge| challenge.to_str().unwrap().to_owned())
            )
        }
        Err(failure) => format!("{failure:?}"),
    }
}

fn token(header: &serde_json::Value, claims: &serde_json::Value) -> String {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let signed =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET);
    format!("{signed}.{}", encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()).as_ref()))
}

fn claims() -> serde_json::Value {
    json!({"iss": "https://issuer.example", "aud": "api", "sub": "svc", "exp": 4_000_000_000_u64, "scope": "read write"})
}

fn changed(name: &str, value: serde_json::Value) -> serde_json::Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[tokio::test]
async fn each_scheme_establishes_its_caller() {
    use SchemeName::{Anonymous, ApiKey, Basic, Bearer};
    let host = host();
    let bearer = format!("bearer {}", token(&json!({"alg": "HS256"}), &claims()));
    let api_key = format!("apikey {}", host.key);
    let all = [ApiKey, Basic, Bearer];
    assert_eq!(check(&host, &[Anonymous], &[], &[("authorization", "Bearer x")]).await, "anonymous");
    assert_eq!(check(&host, &all, &["read"], &[("x-api-key", &host.key)]).await, "api-key ci");
    assert_eq!(check(&host, &all, &[], &[("authorization", &api_key)]).await, "api-key ci");
    assert_eq!(check(&host, &all, &[], &[("authorization", "BASIC YWRhOnNlY3JldA==")]).await, "basic ada");
    assert_eq!(check(&host, &all, &["read", "write"], &[("authorization", &bearer)]).await, "bearer svc");
    assert_eq!(check(&host, &[Bearer, Anonymous], &[], &[]).await, "anonymous");
}

#[tokio::test]
async fn who_presents_nothing_is_told_every_way_in() {
    use SchemeName::{ApiKey, Basic, Bearer};
    let host = host();
    assert_eq!(
        check(&host, &[ApiKey, Basic, Bearer], &[], &[]).await,
        "ApiKey realm=\"api\" | Basic realm=\"api\", charset=\"UTF-8\" | Bearer realm=\"api\""
    );
    assert!(check(&host, &[Bearer], &[], &[("authorization", "Bearer")]).await.contains("invalid_token"));
    assert_eq!(
        check(&host, &[Basic], &[], &[("authorization", "Basic !!")]).await,
        "Basic realm=\"api\", charset=\"UTF-8\""
    );
}

#[tokio::test]
async fn two_credentials_are_one_too_many() {
    use SchemeName::{ApiKey, Bearer};
    let host = host();
    let both = [("x-api-key", host.key.as_str()), ("authorization", "Bearer x")];
    assert_eq!(check(&host, &[ApiKey, Bearer], &[], &both).await, "BadCredentials");
    let twice = [("authorization", "Bearer x"), ("authorization", "Bearer y")];
    assert_eq!(check(&host, &[Bearer], &[], &twice).await, "BadCredentials");
}

#[tokio::test]
async fn a_missing_scope_is_forbidden_not_unauthenticated() {
    let host = host();
    let bearer = format!("Bearer {}", token(&json!({"alg": "HS256"}), &claims()));
    assert_eq!(
        check(&host, &[SchemeName::Bearer], &["admin"], &[("authorization", &bearer)]).await,
        "forbidden Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"admin\""
    );
    assert_eq!(
        check(&host, &[SchemeName::ApiKey], &["admin"], &[("x-api-key", &host.key)]).await,
        "forbidden "
    );
}

#[tokio::test]
async fn forged_and_stale_tokens_are_refused() {
    let host = host();
    let good = token(&json!({"alg": "HS256", "typ": "at+jwt"}), &claims());
    let header = json!({"alg": "HS256"});
    let (head, signature) = good.rsplit_once('.').unwrap();
    let mut without_subject = claims();
    without_subject.as_object_mut().unwrap().remove("sub");
    let mut without_expiry = claims();
    without_expiry.as_object_mut().unwrap().remove("exp");
    let foreign =
        jsonwebtoken::encode(&Header::default(), &claims(), &EncodingKey::from_secret(b"another")).unwrap();
    let unsigned = |algorithm: &str| {
        let token = token(&json!({"alg": algorithm}), &claims());
        format!("{}.", token.rsplit_once('.').unwrap().0)
    };
    for (name, token) in [
        ("empty signature", format!("{head}.")),
        ("changed signature", format!("{head}.A{signature}")),
        ("padding", format!("{good}=")),
        ("two parts", head.to_owned()),
        ("four parts", format!("{good}.x")),
        ("another key", foreign),
        ("none", unsigned("none")),
        ("nOnE", unsigned("nOnE")),
        ("another algorithm", token(&json!({"alg": "HS512"}), &claims())),
        ("an asymmetric algorithm", token(&json!({"alg": "RS256"}), &claims())),
        ("crit", token(&json!({"alg": "HS256", "crit": ["x"]}), &claims())),
        ("b64", token(&json!({"alg": "HS256", "b64": false}), &claims())),
        ("an ID token", token(&json!({"alg": "HS256", "typ": "id_token"}), &claims())),
        ("expired", token(&header, &changed("exp", json!(1_000_000_000)))),
        ("expiry as text", token(&header, &changed("exp", json!("4000000000")))),
        ("no expiry", token(&header, &without_expiry)),
        ("not yet", token(&header, &changed("nbf", json!(3_999_999_999_u64)))),
        ("another issuer", token(&header, &changed("iss", json!("https://issuer.example/")))),
        ("another audience", token(&header, &changed("aud", json!(["other"])))),
        ("no subject", token(&header, &without_subject)),
        ("too long", token(&header, &changed("x", json!("x".repeat(9_000))))),
        ("nothing", String::new()),
    ] {
        let answer =
            check(&host, &[SchemeName::Bearer], &[], &[("authorization", &format!("Bearer {token}"))]).await;
        assert!(answer.contains("invalid_token"), "{name}: {answer}");
    }
    assert_eq!(
        check(&host, &[SchemeName::Bearer], &[], &[("authorization", &format!("Bearer {good}"))]).await,
        "bearer svc"
    );
}
