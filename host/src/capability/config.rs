//! Values that the operator wrote into the manifest: `wasi:config/store`.
//!
//! Owns reading them. They are in memory, so neither of the interface's errors ever occurs.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower};

use super::HasCallState;

/// The variant `error`. It is never made, but it is part of the functions' types.
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "values in memory cannot fail to be read; the type is the interface's")]
enum Error {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

pub(super) fn link<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:config/store@0.2.0-rc.1")?;
    instance.func_wrap("get", |mut store: StoreContextMut<'_, T>, (key,): (String,)| {
        let value = store.data_mut().call_state().plugin.config.get(&key).cloned();
        Ok((Ok::<Option<String>, Error>(value),))
    })?;
    instance.func_wrap("get-all", |mut store: StoreContextMut<'_, T>, (): ()| {
        let config = &store.data_mut().call_state().plugin.config;
        let all = config.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok((Ok::<Vec<(String, String)>, Error>(all),))
    })
}
