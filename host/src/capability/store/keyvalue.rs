//! `wasi:keyvalue`: `store`, `atomics` and `batch`.
//!
//! Owns the interfaces' types and what they promise. A `bucket` is the place of its store in the list of those granted, so a
//! handle costs the host nothing; how many handles an instance has is bounded by the sandbox (`resources_max`).

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};

use super::{Expectation, Granted, Namespace, StoreError, Write};
use crate::capability::HasCallState;
use crate::capability::PluginCapabilities;
use std::sync::Arc;

/// The variant `error`.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "no-such-store")]
    NoSuchStore,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Other(error.to_string())
    }
}

/// The record `key-response`.
#[derive(ComponentType, Lower)]
#[component(record)]
struct KeyResponse {
    keys: Vec<String>,
    cursor: Option<u64>,
}

/// The type behind the resource `bucket`; it is never made.
enum Bucket {}

/// A granted store, for the time of a host call.
struct Opened {
    plugin: Arc<PluginCapabilities>,
    place: u32,
}

impl Opened {
    fn new<T: HasCallState>(store: &mut StoreContextMut<'_, T>, bucket: &Resource<Bucket>) -> Self {
        Self { plugin: Arc::clone(&store.data_mut().call_state().plugin), place: bucket.rep() }
    }

    fn granted(&self) -> Result<(&Granted, &Namespace), Error> {
        let granted = &self.plugin.stores;
        Ok((granted, granted.namespace(self.place).ok_or(Error::NoSuchStore)?))
    }

    fn read<R>(
        &self,
        read: impl FnOnce(&super::Store, &Namespace) -> Result<R, StoreError>,
    ) -> Result<R, Error> {
        let (granted, namespace) = self.granted()?;
        Ok(read(&granted.store, namespace)?)
    }

    async fn write(&self, writes: Vec<Write>) -> Result<Option<u64>, Error> {
        if writes.is_empty() {
            return Ok(None);
        }
        let (granted, namespace) = self.granted()?;
        let commit = granted.commit(namespace, Vec::<Expectation>::new(), writes);
        Ok(granted.store.commit(commit).await?)
    }
}

pub(in crate::capability) fn link_store<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:keyvalue/store@0.2.0-draft")?;
    instance.resource("bucket", ResourceType::host::<Bucket>(), |_, _| Ok(()))?;
    instance.func_wrap("open", |mut store: StoreContextMut<'_, T>, (name,): (String,)| {
        let place = store.data_mut().call_state().plugin.stores.place(&name);
        Ok((match place {
            Some(place) => Ok(Resource::<Bucket>::new_own(place)),
            // A name that no grant can have is one that no store can have.
            None if Namespace::new("-", &name).is_none() => Err(Error::NoSuchStore),
            None => Err(Error::AccessDenied),
        },))
    })?;
    instance.func_wrap(
        "[method]bucket.get",
        |mut store: StoreContextMut<'_, T>, (bucket, key): (Resource<Bucket>, String)| {
            Ok((Opened::new(&mut store, &bucket).read(|store, namespace| store.get(namespace, &key)),))
        },
    )?;
    instance.func_wrap(
        "[method]bucket.exists",
        |mut store: StoreContextMut<'_, T>, (bucket, key): (Resource<Bucket>, String)| {
            Ok((Opened::new(&mut store, &bucket).read(|store, namespace| store.exists(namespace, &key)),))
        },
    )?;
    instance.func_wrap_async(
        "[method]bucket.set",
        |mut store: StoreContextMut<'_, T>, (bucket, key, value): (Resource<Bucket>, String, Vec<u8>)| {
            let opened = Opened::new(&mut store, &bucket);
            Box::new(async move { Ok((opened.write(vec![Write::Put(key, value)]).await.map(drop),)) })
        },
    )?;
    instance.func_wrap_async(
        "[method]bucket.delete",
        |mut store: StoreContextMut<'_, T>, (bucket, key): (Resource<Bucket>, String)| {
            let opened = Opened::new(&mut store, &bucket);
            Box::new(async move { Ok((opened.write(vec![Write::Delete(key)]).await.map(drop),)) })
        },
    )?;
    instance.func_wrap_async(
        "[method]bucket.list-keys",
        |mut store: StoreContextMut<'_, T>, (bucket, cursor): (Resource<Bucket>, Option<u64>)| {
            let opened = Opened::new(&mut store, &bucket);
            Box::new(async move { Ok((list(&opened, cursor).await,)) })
        },
    )
}

async fn list(opened: &Opened, cursor: Option<u64>) -> Result<KeyResponse, Error> {
    let (granted, namespace) = opened.granted()?;
    let (keys, cursor) = granted.store.list(namespace, cursor).await?;
    Ok(KeyResponse { keys, cursor })
}

pub(in crate::capability) fn link_atomics<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:keyvalue/atomics@0.2.0-draft")?;
    instance.func_wrap_async(
        "increment",
        |mut store: StoreContextMut<'_, T>, (bucket, key, delta): (Resource<Bucket>, String, u64)| {
            let opened = Opened::new(&mut store, &bucket);
            Box::new(async move {
                let sum = opened.write(vec![Write::Increment(key, delta)]).await;
                Ok((sum.map(Option::unwrap_or_default),))
            })
        },
    )
}

pub(in crate::capability) fn link_batch<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:keyvalue/batch@0.2.0-draft")?;
    instance.func_wrap(
        "get-many",
        |mut store: StoreContextMut<'_, T>, (bucket, keys): (Resource<Bucket>, Vec<String>)| {
            let opened = Opened::new(&mut store, &bucket);
            let bytes_max = opened.plugin.hostcall_bytes_max;
            let values = opened.read(|store, namespace| store.get_many(namespace, &keys, bytes_max));
            Ok((values.map(|values| {
                let with_key = |(key, value): (String, Option<Vec<u8>>)| value.map(|value| (key, value));
                keys.into_iter().zip(values).map(with_key).collect::<Vec<_>>()
            }),))
        },
    )?;
    instance.func_wrap_async(
        "set-many",
        |mut store: StoreContextMut<'_, T>, (bucket, entries): (Resource<Bucket>, Vec<(String, Vec<u8>)>)| {
            let opened = Opened::new(&mut store, &bucket);
            let writes = entries.into_iter().map(|(key, value)| Write::Put(key, value)).collect();
            Box::new(async move { Ok((opened.write(writes).await.map(drop),)) })
        },
    )?;
    instance.func_wrap_async(
        "delete-many",
        |mut store: StoreContextMut<'_, T>, (bucket, keys): (Resource<Bucket>, Vec<String>)| {
            let opened = Opened::new(&mut store, &bucket);
            let writes = keys.into_iter().map(Write::Delete).collect();
            Box::new(async move { Ok((opened.write(writes).await.map(drop),)) })
        },
    )
}
