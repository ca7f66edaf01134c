//! Random bytes: `wasi:random`.
//!
//! Owns where they come from: one cryptographic generator, seeded by the operating system, for `random` and for `insecure`
//! too, because a plugin's author mistakes one for the other more easily than the difference in speed is felt.

use aws_lc_rs::rand;
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::HasCallState;

fn fill(bytes: &mut [u8]) -> wasmtime::Result<()> {
    rand::fill(bytes).map_err(|_| wasmtime::format_err!("the host's random generator failed"))
}

fn number() -> wasmtime::Result<u64> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn bytes<T: HasCallState>(mut store: StoreContextMut<'_, T>, length: u64) -> wasmtime::Result<Vec<u8>> {
    let length_max = store.data_mut().call_state().plugin.random_bytes_max;
    if length > length_max {
        // The interface has no error to return, and fewer bytes than asked for would be taken for all of them.
        wasmtime::bail!("{length} random bytes are more than {length_max} in one call (random_bytes_max)");
    }
    let mut bytes = vec![0; usize::try_from(length)?];
    fill(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn link_random<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:random/random@0.2.0")?;
    instance.func_wrap("get-random-bytes", |store: StoreContextMut<'_, T>, (length,): (u64,)| {
        Ok((bytes(store, length)?,))
    })?;
    instance.func_wrap("get-random-u64", |_: StoreContextMut<'_, T>, (): ()| Ok((number()?,)))
}

pub(super) fn link_insecure<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:random/insecure@0.2.0")?;
    instance.func_wrap("get-insecure-random-bytes", |store: StoreContextMut<'_, T>, (length,): (u64,)| {
        Ok((bytes(store, length)?,))
    })?;
    instance.func_wrap("get-insecure-random-u64", |_: StoreContextMut<'_, T>, (): ()| Ok((number()?,)))
}

pub(super) fn link_insecure_seed<T: HasCallState>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("wasi:random/insecure-seed@0.2.0")?;
    instance.func_wrap("insecure-seed", |_: StoreContextMut<'_, T>, (): ()| Ok(((number()?, number()?),)))
}
