//! Who is calling, request id, deadline: `guesthouse:plugin/context`.
//!
//! Owns what a plugin is told of its call. Refuses to know how any of it was established.

use std::fmt;
use std::time::Instant;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower};

use super::HasCallState;

/// Who is calling, as the host has established it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The key's name, the user's name or the token's `sub`.
    pub subject: String,
    /// `api-key`, `basic` or `bearer`.
    pub scheme: &'static str,
    /// What the caller may do.
    pub scopes: Vec<String>,
    /// The token's claims as a JSON object.
    pub claims: Option<String>,
}

/// Marks one request. Not a secret and not a promise of uniqueness over hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(pub u64);

impl RequestId {
    /// Sixteen hexadecimal digits, as every answer carries them.
    #[must_use]
    pub fn hexadecimal(self) -> [u8; 16] {
        let mut rest = self.0;
        let mut digits = [b'0'; 16];
        for digit in digits.iter_mut().rev() {
            let value = (rest & 0xF) as u8;
            *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
            rest >>= 4;
        }
        digits
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// The record `identity` as the guest gets it.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Caller {
    subject: String,
    scheme: String,
    scopes: Vec<String>,
    claims: Option<String>,
}

pub(super) fn link<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("guesthouse:plugin/context@1.0.0")?;
    instance.func_wrap("caller", |mut store: StoreContextMut<'_, T>, (): ()| {
        let identity = store.data_mut().call_state().context.identity.as_ref();
        Ok((identity.map(|identity| Caller {
            subject: identity.subject.clone(),
            scheme: identity.scheme.to_owned(),
            scopes: identity.scopes.clone(),
            claims: identity.claims.clone(),
        }),))
    })?;
    instance.func_wrap("request-id", |mut store: StoreContextMut<'_, T>, (): ()| {
        Ok((store.data_mut().call_state().context.request_id.to_string(),))
    })?;
    instance.func_wrap("remaining-ms", |mut store: StoreContextMut<'_, T>, (): ()| {
        let left = store.data_mut().call_state().deadline.saturating_duration_since(Instant::now());
        Ok((u64::try_from(left.as_millis()).unwrap_or(u64::MAX),))
    })?;
    instance.func_wrap("mount", |mut store: StoreContextMut<'_, T>, (): ()| {
        Ok((store.data_mut().call_state().context.mount.to_string(),))
    })
}
