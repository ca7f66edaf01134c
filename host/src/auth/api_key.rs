//! API keys: `X-API-Key: gh_<id>_<secret>`, or `Authorization: ApiKey gh_<id>_<secret>`.
//!
//! Owns the form of a key and the file they are kept in. The file holds the SHA-256 of each secret and never the secret: a key
//! is shown once, when it is made. A secret is 256 random bits, so a fast hash is enough; it is compared in constant time, and an
//! unknown id takes the same comparison.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use aws_lc_rs::{constant_time, digest, rand};
use http::HeaderValue;
use http::header::HeaderMap;
use serde::{Deserialize, Serialize};

use super::fresh::Fresh;
use super::{Refused, Scheme, X_API_KEY, authorization, hexadecimal};
use crate::capability::Identity;
use crate::exchange::LocalFuture;

/// The file's name in the state folder.
pub const FILE: &str = "keys.toml";

/// Keys in one file.
const KEYS_MAX: usize = 100_000;
const PREFIX: &str = "gh";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

/// One key, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Sixteen hexadecimal digits: which key this is.
    pub id: String,
    /// Whose key it is: the identity's subject.
    pub name: String,
    /// SHA-256 of the secret, in hexadecimal.
    pub hash: String,
    /// What its bearer may do.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Seconds since 1970.
    pub created: u64,
    /// Seconds since 1970 after which it is refused; none for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "key")]
    keys: Vec<Key>,
}

type Keys = BTreeMap<String, Key>;

/// The scheme.
pub(super) struct ApiKeys {
    keys: Fresh<Keys>,
}

impl ApiKeys {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self { keys: Fresh::open(Some(path), parse)? })
    }
}

fn parse(text: &str) -> Result<Keys> {
    let file: File = toml::from_str(text)?;
    ensure!(file.keys.len() <= KEYS_MAX, "there are more than {KEYS_MAX} keys");
    Ok(file.keys.into_iter().map(|key| (key.id.clone(), key)).collect())
}

impl Scheme for ApiKeys {
    fn presented<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        headers.get(X_API_KEY).map(HeaderValue::as_bytes).or_else(|| authorization(headers, "ApiKey"))
    }

    fn verify<'a>(&'a self, credential: &'a [u8]) -> LocalFuture<'a, Result<Identity, Refused>> {
        Box::pin(std::future::ready(verify(&self.keys.get(), credential, now_s())))
    }

    fn challenge(&self, _refused: bool) -> HeaderValue {
        HeaderValue::from_static("ApiKey realm=\"api\"")
    }
}

fn verify(keys: &Keys, credential: &[u8], now_s: u64) -> Result<Identity, Refused> {
    let (id, secret) = split(credential).ok_or(Refused::Invalid("the key is not of our form"))?;
    let hash = hash(secret);
    let known = keys.get(id);
    // Compared in any case, so that an unknown id takes as long as a wrong secret.
    let expected = known.map_or("", |key| key.hash.as_str());
    let same = constant_time::verify_slices_are_equal(hash.as_bytes(), expected.as_bytes()).is_ok();
    match known {
        Some(key) if same && key.expires.is_none_or(|expires| now_s < expires) => Ok(Identity {
            subject: key.name.clone(),
            scheme: "api-key",
            scopes: key.scopes.clone(),
            claims: None,
        }),
        Some(_) if same => Err(Refused::Invalid("the key has expired")),
        _ => Err(Refused::Invalid("the key is unknown or wrong")),
    }
}

fn split(credential: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(credential).ok()?;
    let (id, secret) = text.strip_prefix(PREFIX)?.strip_prefix('_')?.split_once('_')?;
    let is_hexadecimal = |text: &str, bytes: usize| {
        text.len() == bytes * 2 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    (is_hexadecimal(id, ID_BYTES) && is_hexadecimal(secret, SECRET_BYTES)).then_some((id, secret))
}

fn hash(secret: &str) -> String {
    hexadecimal(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref())
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Makes a key, adds it to the file and gives what its owner must be told: the only time it is seen.
///
/// # Errors
/// When the file cannot be read or written, or the name cannot stand in an identity.
pub fn add(path: &Path, name: &str, scopes: &[String], expires_in_s: Option<u64>) -> Result<String> {
    ensure!(
        !name.is_empty() && !name.contains(char::is_control),
        "a key's name is a text without control characters"
    );
    for scope in scopes {
        // RFC 6749, section 3.3.
        ensure!(
            !scope.is_empty() && scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)),
            "`{scope}` is not a scope: visible ASCII without quotes and backslashes"
        );
    }
    let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
    rand::fill(&mut id).ok().context("the operating system has no random bytes")?;
    rand::fill(&mut secret).ok().context("the operating system has no random bytes")?;
    let (id, secret) = (hexadecimal(&id), hexadecimal(&secret));
    change(path, |keys| {
        let created = now_s();
        keys.push(Key {
            id: id.clone(),
            name: name.to_owned(),
            hash: hash(&secret),
            scopes: scopes.to_vec(),
            created,
            expires: expires_in_s.map(|seconds| created.saturating_add(seconds)),
        });
        Ok(())
    })?;
    Ok(format!("{PREFIX}_{id}_{secret}"))
}

/// All keys of the file, without their secrets.
///
/// # Errors
/// When the file cannot be read.
pub fn list(path: &Path) -> Result<Vec<Key>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(toml::from_str::<File>(&text)
            .with_context(|| format!("`{}` cannot be understood", path.display()))?
            .keys),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("`{}` cannot be read", path.display())),
    }
}

/// Takes a key away. A running host refuses it within a second.
///
/// # Errors
/// When there is no such key or the file cannot be written.
pub fn revoke(path: &Path, id: &str) -> Result<Key> {
    let mut revoked = None;
    change(path, |keys| {
        let Some(place) = keys.iter().position(|key| key.id == id) else {
            bail!("there is no key with the id `{id}`; `guesthouse keys list` shows them");
        };
        revoked = Some(keys.remove(place));
        Ok(())
    })?;
    revoked.context("the key was not there")
}

/// Reads, changes and replaces the file as one, under a lock, so that two commands at a time lose nothing.
fn change(path: &Path, edit: impl FnOnce(&mut Vec<Key>) -> Result<()>) -> Result<()> {
    let folder = path.parent().context("the key file has no folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    let private = |path: &Path| {
        std::fs::File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("`{}` cannot be written", path.display()))
    };
    let lock = private(&path.with_extension("lock"))?;
    lock.lock().context("the key file cannot be locked")?;
    let mut keys = list(path)?;
    edit(&mut keys)?;
    let mut text = String::from("# Made by `guesthouse keys`. Holds hashes, no secrets.\n");
    write!(text, "{}", toml::to_string(&File { keys })?)?;
    let temporary = path.with_extension("new");
    let mut file = private(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path).with_context(|| format!("`{}` cannot be replaced", path.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_works_until_it_is_revoked_or_expires() {
        let folder = crate::testing::Folder::new();
        let path = folder.path().join(FILE);
        let made = add(&path, "ci", &["orders:read".to_owned()], Some(60)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let secret = made.rsplit('_').next().unwrap();
        assert!(!text.contains(secret), "the secret is not kept");
        let keys = parse(&text).unwrap();
        let identity = verify(&keys, made.as_bytes(), now_s()).unwrap();
        assert_eq!(
            (identity.subject.as_str(), identity.scopes.as_slice()),
            ("ci", &["orders:read".to_owned()][..])
        );
        assert!(verify(&keys, made.as_bytes(), now_s() + 61).is_err(), "expired");
        let id = list(&path).unwrap()[0].id.clone();
        assert_eq!(revoke(&path, &id).unwrap().name, "ci");
        let keys = parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(verify(&keys, made.as_bytes(), now_s()).is_err(), "revoked");
        assert!(revoke(&path, &id).unwrap_err().to_string().contains("keys list"));
    }

    #[test]
    fn a_wrong_key_of_any_form_is_refused() {
        let folder = crate::testing::Folder::new();
        let path = folder.path().join(FILE);
        let made = add(&path, "ci", &[], None).unwrap();
        let keys = parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut wrong = made.clone().into_bytes();
        let last = wrong.last_mut().unwrap();
        *last = if *last == b'0' { b'1' } else { b'0' };
        for key in [&b""[..], b"gh", b"gh__", b"gh_x_y", &wrong, made.to_uppercase().as_bytes(), b"\xff"] {
            assert!(verify(&keys, key, 0).is_err(), "{key:?}");
        }
    }
}
