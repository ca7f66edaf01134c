//! The one place that calls the host. In a component these are the imports; anywhere else, which is to say under
//! `cargo test`, they are the doubles of [`crate::testing`], so that a plugin's own tests run without a host.

#[cfg(target_arch = "wasm32")]
pub(crate) use component::*;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::host::*;

#[cfg(target_arch = "wasm32")]
mod component {
    use crate::bindings::imports::guesthouse::plugin;
    use crate::bindings::imports::wasi;
    use crate::config::Unavailable;
    use crate::store::{Entry, Error};
    use crate::transaction::{Expectation, Write};

    pub(crate) use plugin::context::{caller, mount, remaining_ms, request_id};
    pub(crate) use plugin::rooms::members;
    pub(crate) use wasi::logging::logging::log;
    pub(crate) use wasi::random::random::get_random_u64 as random_u64;

    pub(crate) fn random_bytes(count: usize) -> Vec<u8> {
        wasi::random::random::get_random_bytes(count as u64)
    }

    pub(crate) fn now_unix_ms() -> u64 {
        let now = wasi::clocks::wall_clock::now();
        now.seconds.saturating_mul(1_000).saturating_add(u64::from(now.nanoseconds / 1_000_000))
    }

    pub(crate) fn monotonic_ms() -> u64 {
        wasi::clocks::monotonic_clock::now() / 1_000_000
    }

    impl From<wasi::config::store::Error> for Unavailable {
        fn from(error: wasi::config::store::Error) -> Self {
            match error {
                wasi::config::store::Error::Upstream(text) | wasi::config::store::Error::Io(text) => {
                    Self(text)
                }
            }
        }
    }

    pub(crate) fn config_get(key: &str) -> Result<Option<String>, Unavailable> {
        Ok(wasi::config::store::get(key)?)
    }

    pub(crate) fn config_all() -> Result<Vec<(String, String)>, Unavailable> {
        Ok(wasi::config::store::get_all()?)
    }

    impl From<wasi::keyvalue::store::Error> for Error {
        fn from(error: wasi::keyvalue::store::Error) -> Self {
            match error {
                wasi::keyvalue::store::Error::NoSuchStore => Self::NoSuchStore,
                wasi::keyvalue::store::Error::AccessDenied => Self::AccessDenied,
                wasi::keyvalue::store::Error::Other(text) => Self::Other(text),
            }
        }
    }

    /// An opened store.
    pub(crate) struct Bucket(wasi::keyvalue::store::Bucket);

    impl Bucket {
        pub(crate) fn open(identifier: &str) -> Result<Self, Error> {
            Ok(Self(wasi::keyvalue::store::open(identifier)?))
        }

        pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
            Ok(self.0.get(key)?)
        }

        pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
            Ok(self.0.set(key, value)?)
        }

        pub(crate) fn delete(&self, key: &str) -> Result<(), Error> {
            Ok(self.0.delete(key)?)
        }

        pub(crate) fn exists(&self, key: &str) -> Result<bool, Error> {
            Ok(self.0.exists(key)?)
        }

        pub(crate) fn list_keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), Error> {
            let page = self.0.list_keys(cursor)?;
            Ok((page.keys, page.cursor))
        }

        pub(crate) fn increment(&self, key: &str, delta: u64) -> Result<u64, Error> {
            Ok(wasi::keyvalue::atomics::increment(&self.0, key, delta)?)
        }

        pub(crate) fn get_many(&self, keys: &[String]) -> Result<Vec<Entry>, Error> {
            Ok(wasi::keyvalue::batch::get_many(&self.0, keys)?)
        }

        pub(crate) fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), Error> {
            Ok(wasi::keyvalue::batch::set_many(&self.0, entries)?)
        }

        pub(crate) fn delete_many(&self, keys: &[String]) -> Result<(), Error> {
            Ok(wasi::keyvalue::batch::delete_many(&self.0, keys)?)
        }
    }

    pub(crate) fn commit(store: &str, expectations: &[Expectation], writes: &[Write]) -> Result<(), Error> {
        use plugin::transaction::Failure;
        plugin::transaction::commit(store, expectations, writes).map_err(|failure| match failure {
            Failure::AccessDenied => Error::AccessDenied,
            Failure::Conflict => Error::Conflict,
            Failure::TooLarge(text) => Error::TooLarge(text),
            Failure::Unavailable => Error::Unavailable,
        })
    }
}
