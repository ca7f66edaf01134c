//! Basic (RFC 7617): user and password.
//!
//! Owns the file of users: one `name:hash:scopes` per line, where the hash is argon2id in its standard text form and scopes
//! are separated by spaces. A password check costs tens of milliseconds of CPU on purpose, so few run at a time, off the serving
//! threads, and a pair that was right is remembered for a few minutes under a keyed hash.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::HeaderMap;
use tokio::sync::Semaphore;

use super::fresh::Fresh;
use super::{Refused, Scheme, authorization};
use crate::capability::Identity;
use crate::exchange::LocalFuture;

/// Password checks at a time; a further one waits its turn, up to [`CHECKS_WAITING_MAX`].
const CHECKS_MAX: usize = 2;
const CHECKS_WAITING_MAX: usize = 64;
/// How long a right pair is remembered, and how many are.
const REMEMBERED: Duration = Duration::from_secs(300);
const REMEMBERED_MAX: usize = 4_096;

#[derive(Clone)]
struct User {
    hash: String,
    scopes: Vec<String>,
}

#[derive(Default)]
struct Users(HashMap<String, User>);

/// The scheme.
pub(super) struct Basic {
    users: Fresh<Users>,
    checks: Arc<Semaphore>,
    waiting: Semaphore,
    /// Keyed hash of user, stored hash and password: until when the pair is taken without a check.
    remembered: Mutex<HashMap<Vec<u8>, Instant>>,
    key: hmac::Key,
    /// Checked in place of an unknown user's, so that both take the same time.
    nobody: String,
}

impl Basic {
    pub(super) fn open(path: Option<&Path>) -> Result<Self> {
        let mut key = [0; 32];
        rand::fill(&mut key).ok().context("the operating system has no random bytes")?;
        Ok(Self {
            users: Fresh::open(path, parse)?,
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            waiting: Semaphore::new(CHECKS_WAITING_MAX),
            remembered: Mutex::new(HashMap::new()),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            nobody: hash("nobody")?,
        })
    }

    async fn check(&self, credential: &[u8]) -> Result<Identity, Refused> {
        let decoded = STANDARD.decode(credential).map_err(|_| Refused::Invalid("the pair is not base64"))?;
        let pair = String::from_utf8(decoded).map_err(|_| Refused::Invalid("the pair is not UTF-8"))?;
        let (name, password) = pair.split_once(':').ok_or(Refused::Invalid("the pair has no colon"))?;
        let users = self.users.get();
        let user = users.0.get(name);
        let stored = user.map_or(&self.nobody, |user| &user.hash).clone();
        let mark =
            hmac::sign(&self.key, format!("{name}\0{stored}\0{password}").as_bytes()).as_ref().to_vec();
        let is_right = if self.is_remembered(&mark) {
            true
        } else {
            let is_right = self.matches(password.to_owned(), stored).await?;
            if is_right && user.is_some() {
                self.remember(mark);
            }
            is_right
        };
        match user {
            Some(user) if is_right => Ok(Identity {
                subject: name.to_owned(),
                scheme: "basic",
                scopes: user.scopes.clone(),
                claims: None,
            }),
            _ => Err(Refused::Invalid("the user is unknown or the password wrong")),
        }
    }

    async fn matches(&self, password: String, stored: String) -> Result<bool, Refused> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Refused::Busy)?;
        let turn = Arc::clone(&self.checks).acquire_owned().await.map_err(|_| Refused::Busy)?;
        let check = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            PasswordHash::new(&stored)
                .is_ok_and(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
        });
        check.await.map_err(|_| Refused::Busy)
    }

    fn is_remembered(&self, mark: &[u8]) -> bool {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(mark).is_some_and(|until| Instant::now() < *until)
    }

    fn remember(&self, mark: Vec<u8>) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            let now = Instant::now();
            remembered.retain(|_, until| now < *until);
            if remembered.len() >= REMEMBERED_MAX {
                return;
            }
        }
        remembered.insert(mark, Instant::now() + REMEMBERED);
    }
}

impl Scheme for Basic {
    fn presented<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        authorization(headers, "Basic")
    }

    fn verify<'a>(&'a self, credential: &'a [u8]) -> LocalFuture<'a, Result<Identity, Refused>> {
        Box::pin(self.check(credential))
    }

    fn challenge(&self, _refused: bool) -> HeaderValue {
        HeaderValue::from_static("Basic realm=\"api\", charset=\"UTF-8\"")
    }
}

fn parse(text: &str) -> Result<Users> {
    let mut users = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at = number.saturating_add(1);
        let mut parts = line.splitn(3, ':');
        let (name, hash) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        ensure!(
            !name.is_empty() && hash.starts_with("$argon2") && PasswordHash::new(hash).is_ok(),
            "line {at}: it must read `name:hash:scopes`, with a hash that `guesthouse keys hash-password` made"
        );
        let scopes = parts.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        let twin = users.insert(name.to_owned(), User { hash: hash.to_owned(), scopes });
        ensure!(twin.is_none(), "line {at}: the user `{name}` stands twice");
    }
    Ok(Users(users))
}

/// The argon2id hash of a password, as the file of users holds it.
///
/// # Errors
/// When the operating system has no random bytes for a salt.
pub fn hash(password: &str) -> Result<String> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).ok().context("the operating system has no random bytes")?;
    let hash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| anyhow::anyhow!("the password cannot be hashed: {error}"))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn users_are_told_from_strangers() {
        let folder = crate::testing::Folder::new();
        let path = folder.path().join("users");
        let line = format!("# staff\nada:{}:orders:read admin\n", hash("pa:ss wörd").unwrap());
        std::fs::write(&path, line).unwrap();
        let basic = Basic::open(Some(&path)).unwrap();
        let check = async |pair: &str| basic.check(STANDARD.encode(pair).as_bytes()).await;
        for _ in 0..2 {
            let identity = check("ada:pa:ss wörd").await.unwrap();
            assert_eq!((identity.subject.as_str(), identity.scopes.len()), ("ada", 2));
        }
        for pair in ["ada:wrong", "eve:pa:ss wörd", "ada", ":", "", "nobody:nobody"] {
            assert!(check(pair).await.is_err(), "{pair}");
        }
        assert!(basic.check(b"not base64!").await.is_err());
    }

    #[test]
    fn a_broken_file_is_refused_with_its_line() {
        let error = parse("ada:secret:\n").err().unwrap().to_string();
        assert!(error.starts_with("line 1: "), "{error}");
    }
}
