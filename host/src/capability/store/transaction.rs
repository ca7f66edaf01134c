//! `guesthouse:plugin/transaction`: several keys at once.
//!
//! Owns the interface's types. The work is the store's.

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::{Expectation, Granted, StoreError, Write};
use crate::capability::HasCallState;

/// The record `expectation`.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Expected {
    key: String,
    value: Option<Vec<u8>>,
}

/// The variant `write`.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum Change {
    #[component(name = "put")]
    Put((String, Vec<u8>)),
    #[component(name = "delete")]
    Delete(String),
}

/// The variant `failure`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum Failure {
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "conflict")]
    Conflict,
    #[component(name = "too-large")]
    TooLarge(String),
    #[component(name = "unavailable")]
    Unavailable,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict,
            StoreError::TooLarge(text) => Self::TooLarge(text),
            // The first two belong to operations that are not made here.
            StoreError::NotANumber(_) | StoreError::UnknownCursor | StoreError::Unavailable => {
                Self::Unavailable
            }
        }
    }
}

pub(in crate::capability) fn link<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("guesthouse:plugin/transaction@1.0.0")?;
    instance.func_wrap_async(
        "commit",
        |mut store: StoreContextMut<'_, T>,
         (name, expectations, writes): (String, Vec<Expected>, Vec<Change>)| {
            let plugin = Arc::clone(&store.data_mut().call_state().plugin);
            Box::new(async move { Ok((commit(&plugin.stores, &name, expectations, writes).await,)) })
        },
    )
}

async fn commit(
    granted: &Granted,
    name: &str,
    expectations: Vec<Expected>,
    writes: Vec<Change>,
) -> Result<(), Failure> {
    let namespace =
        granted.place(name).and_then(|place| granted.namespace(place)).ok_or(Failure::AccessDenied)?;
    let expectations =
        expectations.into_iter().map(|Expected { key, value }| Expectation { key, value }).collect();
    let writes = writes
        .into_iter()
        .map(|change| match change {
            Change::Put((key, value)) => Write::Put(key, value),
            Change::Delete(key) => Write::Delete(key),
        })
        .collect();
    granted.store.commit(granted.commit(namespace, expectations, writes)).await?;
    Ok(())
}
