//! Who is calling.
//!
//! Owns the schemes, one file each, and the order in which a policy is applied. Refuses to know what is served: it is given a
//! policy and a request's fields, and gives an identity or the answer that the scheme's specification asks for.
//!
//! To add a scheme: one file that implements [`Scheme`], a name in the manifest's `SchemeName`, and one line in
//! [`Authenticator::scheme`].

pub mod api_key;
pub mod basic;
pub mod bearer;
mod fresh;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use http::request::Parts;

use crate::capability::Identity;
use crate::config::Config;
use crate::exchange::LocalFuture;
use crate::failure::Failure;
use crate::plugin::manifest::{AuthPolicy, SchemeName};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// One way to say who one is.
trait Scheme: Send + Sync {
    /// The credential that the fields present in this scheme, if they do.
    fn presented<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]>;

    /// Establishes the caller. The error says why not, for the log only: callers get the same answer for every reason.
    fn verify<'a>(&'a self, credential: &'a [u8]) -> LocalFuture<'a, Result<Identity, Refused>>;

    /// `WWW-Authenticate` for a caller that presented nothing, or a credential that was refused.
    fn challenge(&self, refused: bool) -> HeaderValue;

    /// What a caller without a scope is told, where the scheme has a way to.
    fn missing_scope(&self, _scopes: &[String]) -> Option<HeaderValue> {
        None
    }
}

/// Why a credential is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refused {
    /// Unknown, wrong, expired, revoked, forged. For the log.
    Invalid(&'static str),
    /// Too many are being checked at this moment.
    Busy,
}

/// All that is known of callers: keys, users, issuers.
pub struct Authenticator {
    api_keys: api_key::ApiKeys,
    basic: basic::Basic,
    bearer: bearer::Bearer,
}

impl Authenticator {
    /// Reads users and issuers, and the keys of the state folder (there need be none yet).
    ///
    /// # Errors
    /// A file that is named and cannot be read or understood, with its name and line.
    pub fn new(config: &Config, state: &Path) -> Result<Self> {
        Ok(Self {
            api_keys: api_key::ApiKeys::open(&state.join(api_key::FILE))?,
            basic: basic::Basic::open(config.basic.users.as_deref())?,
            bearer: bearer::Bearer::open(&config.bearer)?,
        })
    }

    fn scheme(&self, name: SchemeName) -> Option<&dyn Scheme> {
        match name {
            SchemeName::Anonymous => None,
            SchemeName::ApiKey => Some(&self.api_keys),
            SchemeName::Basic => Some(&self.basic),
            SchemeName::Bearer => Some(&self.bearer),
        }
    }

    /// Establishes the caller under a policy, and takes its credentials out of the fields.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`], [`Failure::BadCredentials`], [`Failure::Forbidden`], [`Failure::Overloaded`].
    pub async fn authenticate(
        &self,
        policy: &AuthPolicy,
        head: &mut Parts,
    ) -> Result<Option<Arc<Identity>>, Failure> {
        if policy.require == [SchemeName::Anonymous] {
            return Ok(None);
        }
        for name in [&AUTHORIZATION, &X_API_KEY] {
            if head.headers.get_all(name).iter().count() > 1 {
                return Err(Failure::BadCredentials);
            }
        }
        let schemes: Vec<&dyn Scheme> = policy.require.iter().filter_map(|name| self.scheme(*name)).collect();
        let mut presented = schemes
            .iter()
            .enumerate()
            .filter_map(|(number, scheme)| Some((number, *scheme, scheme.presented(&head.headers)?)));
        let (chosen, scheme, credential) = match (presented.next(), presented.next()) {
            // Two credentials: which one is meant is not ours to guess (RFC 6750, section 2).
            (Some(_), Some(_)) => return Err(Failure::BadCredentials),
            (Some(one), None) => one,
            (None, _) if policy.require.contains(&SchemeName::Anonymous) => return Ok(None),
            (None, _) => return Err(unauthenticated(&schemes, None)),
        };
        let identity = match scheme.verify(credential).await {
            Ok(identity) => identity,
            Err(Refused::Busy) => return Err(Failure::Overloaded),
            Err(Refused::Invalid(reason)) => {
                tracing::info!(reason, "credentials were refused");
                return Err(unauthenticated(&schemes, Some(chosen)));
            }
        };
        if !policy.scopes.iter().all(|scope| identity.scopes.contains(scope)) {
            return Err(Failure::Forbidden { challenge: scheme.missing_scope(&policy.scopes) });
        }
        head.headers.remove(AUTHORIZATION);
        head.headers.remove(X_API_KEY);
        Ok(Some(Arc::new(identity)))
    }
}

/// One challenge per scheme of the policy; the one whose credential was refused says so.
fn unauthenticated(schemes: &[&dyn Scheme], refused: Option<usize>) -> Failure {
    Failure::Unauthenticated {
        challenges: schemes
            .iter()
            .enumerate()
            .map(|(number, scheme)| scheme.challenge(refused == Some(number)))
            .collect(),
    }
}

/// The credential behind a scheme's name in `Authorization`; names are compared without case (RFC 9110, section 11.1).
fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a [u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (name, rest) = value.split_at_checked(scheme.len())?;
    if !name.eq_ignore_ascii_case(scheme.as_bytes()) {
        return None;
    }
    match rest.split_first() {
        Some((b' ', credential)) => Some(credential.trim_ascii()),
        None => Some(b""),
        Some(_) => None,
    }
}

/// Hexadecimal of bytes, in lower case.
fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _: std::fmt::Result = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
