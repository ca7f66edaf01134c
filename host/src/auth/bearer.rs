//! Bearer (RFC 6750) with a JSON Web Token (RFC 7519, RFC 8725, RFC 9068).
//!
//! Owns which tokens are taken. The algorithm belongs to the key, never to the token: its header may only agree. Keys come
//! from files; nothing that a token names (`jku`, `x5u`, `jwk`, a path in `kid`) is ever followed. What the library leaves open is
//! refused here first: unknown critical members, duplicate members, other forms of the same token.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use http::header::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::{Refused, Scheme, authorization};
use crate::capability::Identity;
use crate::config::IssuerConfig;
use crate::exchange::LocalFuture;

/// Longer tokens are not read at all.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// How far two clocks may differ, in seconds (RFC 7519, section 4.1.4, suggests a few minutes at most).
const LEEWAY_S: u64 = 60;
/// RFC 7518, section 3.2: a key of at least the hash's size.
const HS256_SECRET_BYTES_MIN: usize = 32;

struct Issuer {
    name: String,
    algorithm: Algorithm,
    key_id: Option<String>,
    key: DecodingKey,
    validation: Validation,
}

/// The scheme.
pub(super) struct Bearer {
    issuers: Vec<Issuer>,
}

impl Bearer {
    pub(super) fn open(configured: &[IssuerConfig]) -> Result<Self> {
        let issuers = configured
            .iter()
            .map(|issuer| {
                Issuer::open(issuer).with_context(|| format!("[[bearer]] with issuer `{}`", issuer.issuer))
            })
            .collect::<Result<_>>()?;
        Ok(Self { issuers })
    }

    fn check(&self, credential: &[u8]) -> Result<Identity, Refused> {
        if credential.len() > TOKEN_BYTES_MAX {
            return Err(Refused::Invalid("the token is too long"));
        }
        let token =
            std::str::from_utf8(credential).map_err(|_| Refused::Invalid("the token is not ASCII"))?;
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refused::Invalid("the token does not have three parts"));
        };
        let header = members(header).ok_or(Refused::Invalid("the token's header is not one JSON object"))?;
        let claims =
            members(payload).ok_or(Refused::Invalid("the token's claims are not one JSON object"))?;
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(Refused::Invalid("the token has critical members that are not understood"));
        }
        if !header.get("typ").is_none_or(is_access_token) {
            return Err(Refused::Invalid("the token is not an access token"));
        }
        let named =
            claims.get("iss").and_then(Value::as_str).ok_or(Refused::Invalid("the token has no issuer"))?;
        let key_id = header.get("kid").and_then(Value::as_str);
        let issuer = self
            .issuers
            .iter()
            .find(|issuer| {
                issuer.name == named && issuer.key_id.as_deref().is_none_or(|id| key_id == Some(id))
            })
            .ok_or(Refused::Invalid("the token's issuer or key is unknown"))?;
        jsonwebtoken::decode::<Value>(token, &issuer.key, &issuer.validation)
            .map_err(|_| Refused::Invalid("the token's signature or claims are not valid"))?;
        let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
        let subject = subject.ok_or(Refused::Invalid("the token has no subject"))?;
        Ok(Identity {
            subject: subject.to_owned(),
            scheme: "bearer",
            scopes: scopes(&claims),
            claims: serde_json::to_string(&claims).ok(),
        })
    }
}

impl Issuer {
    fn open(config: &IssuerConfig) -> Result<Self> {
        let file = std::fs::read(&config.key)
            .with_context(|| format!("the key `{}` cannot be read", config.key.display()))?;
        let (algorithm, key) = match config.algorithm.as_str() {
            "HS256" => {
                let secret = file.trim_ascii_end();
                ensure!(
                    secret.len() >= HS256_SECRET_BYTES_MIN,
                    "the secret has {} bytes; HS256 needs at least {HS256_SECRET_BYTES_MIN}",
                    secret.len()
                );
                ensure!(!secret.starts_with(b"-----BEGIN"), "HS256 needs a secret, and this is a PEM file");
                (Algorithm::HS256, DecodingKey::from_secret(secret))
            }
            "RS256" => {
                (Algorithm::RS256, DecodingKey::from_rsa_pem(&file).context("no RSA public key in PEM form")?)
            }
            "ES256" => (
                Algorithm::ES256,
                DecodingKey::from_ec_pem(&file).context("no P-256 public key in PEM form")?,
            ),
            "EdDSA" => (
                Algorithm::EdDSA,
                DecodingKey::from_ed_pem(&file).context("no Ed25519 public key in PEM form")?,
            ),
            other => bail!("`{other}` is not an algorithm: allowed are HS256, RS256, ES256 and EdDSA"),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Ok(Self { name: config.issuer.clone(), algorithm, key_id: config.key_id.clone(), key, validation })
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Issuer")
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .finish()
    }
}

impl Scheme for Bearer {
    fn presented<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        authorization(headers, "Bearer")
    }

    fn verify<'a>(&'a self, credential: &'a [u8]) -> LocalFuture<'a, Result<Identity, Refused>> {
        Box::pin(std::future::ready(self.check(credential)))
    }

    fn challenge(&self, refused: bool) -> HeaderValue {
        // RFC 6750, section 3.1: no error code for a request that carried no token.
        HeaderValue::from_static(if refused {
            "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"The token is not valid here\""
        } else {
            "Bearer realm=\"api\""
        })
    }

    fn missing_scope(&self, scopes: &[String]) -> Option<HeaderValue> {
        let scopes = scopes.join(" ");
        HeaderValue::try_from(format!(
            "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"{scopes}\""
        ))
        .ok()
    }
}

/// RFC 9068, section 2.1, and the plain `JWT` that many issuers still write. An ID token says something else.
fn is_access_token(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| {
        ["JWT", "at+jwt", "application/at+jwt"].iter().any(|allowed| kind.eq_ignore_ascii_case(allowed))
    })
}

/// `scope` (RFC 8693, section 4.2: one text) or `scp` (a text or a list).
fn scopes(claims: &BTreeMap<String, Value>) -> Vec<String> {
    match claims.get("scope").or_else(|| claims.get("scp")) {
        Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A part of a token as a JSON object in which no member stands twice.
fn members(part: &str) -> Option<BTreeMap<String, Value>> {
    // The engine refuses padding, other alphabets and trailing bits: one token has one form.
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice::<Members>(&json).ok().map(|members| members.0)
}

struct Members(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;
        impl<'de> Visitor<'de> for Unique {
            type Value = Members;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member stands twice"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Unique)
    }
}
