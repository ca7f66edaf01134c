//! Key-value stores (`wasi:keyvalue`). The manifest names those a plugin may open (`[grants] stores = ["default"]`). Keys
//! are the plugin's own: another plugin's store of the same name is another store. Every write is durable when it returns.
//!
//! Several keys that must change together, or one that is read and written back, belong into a
//! [`transaction`](crate::transaction).

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::Bucket;

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No store of this name; the manifest's `[grants] stores` must list it.
    NoSuchStore,
    /// The manifest does not grant it.
    AccessDenied,
    /// Other calls kept changing what a transaction had read.
    Conflict,
    /// A key, a value or their number is over the store's limits; the text says which.
    TooLarge(String),
    /// The store cannot write: a full or failing disk.
    Unavailable,
    /// What is kept under the key is not what was to be read.
    Malformed {
        /// The key.
        key: String,
        /// What is wrong with its value.
        detail: String,
    },
    /// A value cannot be written as JSON; the text says why.
    Unwritable(String),
    /// Anything else, in the host's words.
    Other(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchStore => {
                out.write_str("there is no such store: name it in the manifest's [grants] stores")
            }
            Self::AccessDenied => out.write_str("the manifest does not grant this store"),
            Self::Conflict => out.write_str("other calls kept changing what this one had read"),
            Self::TooLarge(text) => write!(out, "over the store's limits: {text}"),
            Self::Unavailable => out.write_str("the store cannot write"),
            Self::Malformed { key, detail } => {
                write!(out, "the value under `{key}` cannot be read: {detail}")
            }
            Self::Unwritable(text) => write!(out, "the value cannot be written as JSON: {text}"),
            Self::Other(text) => write!(out, "the store failed: {text}"),
        }
    }
}

impl std::error::Error for Error {}

/// One entry of a batch: its key and its value; none for a key that is absent.
pub(crate) type Entry = Option<(String, Vec<u8>)>;

/// One opened store.
pub struct Store {
    name: String,
    bucket: Bucket,
}

/// One page of keys in ascending byte order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<String>,
    /// What asks for the next page; none on the last.
    pub cursor: Option<u64>,
}

impl Store {
    /// Opens a store that the manifest grants, by its name there.
    pub fn open(name: &str) -> Result<Self, Error> {
        Ok(Self { name: name.to_owned(), bucket: Bucket::open(name)? })
    }

    /// The name it was opened with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value under `key`; none when the key is absent.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.bucket.get(key)
    }

    /// Keeps `value` under `key`, in place of what was there.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.bucket.set(key, value)
    }

    /// Removes `key`; one that is absent is no error.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.bucket.delete(key)
    }

    /// Whether `key` is present.
    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        self.bucket.exists(key)
    }

    /// One page of keys: the first without a cursor, the one after with the cursor of the page before.
    pub fn list_keys(&self, cursor: Option<u64>) -> Result<KeyPage, Error> {
        let (keys, cursor) = self.bucket.list_keys(cursor)?;
        Ok(KeyPage { keys, cursor })
    }

    /// All keys, page by page as they are asked for. Ends after the first error.
    pub fn keys(&self) -> Keys<'_> {
        Keys { store: self, page: Vec::new().into_iter(), next: Some(None) }
    }

    /// Adds to the counter under `key`, which is 0 while absent, and gives the sum. Atomic: two calls never get the same
    /// sum for a `delta` of 1 or more.
    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, Error> {
        self.bucket.increment(key, delta)
    }

    /// The counter under `key` without a write; 0 while absent. Counters are kept as decimal digits.
    pub fn counter(&self, key: &str) -> Result<u64, Error> {
        match self.get(key)? {
            Some(value) => parse_counter(key, &value),
            None => Ok(0),
        }
    }

    /// The values under many keys, in the order of the keys.
    pub fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        Ok(self.bucket.get_many(keys)?.into_iter().map(|entry| entry.map(|(_, value)| value)).collect())
    }

    /// Keeps many values. Not atomic by its specification: see [`transaction`](crate::transaction).
    pub fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), Error> {
        self.bucket.set_many(entries)
    }

    /// Removes many keys. Not atomic by its specification: see [`transaction`](crate::transaction).
    pub fn delete_many(&self, keys: &[String]) -> Result<(), Error> {
        self.bucket.delete_many(keys)
    }

    /// The value under `key`, read as JSON; none when the key is absent.
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        self.get(key)?.map(|value| from_json(key, &value)).transpose()
    }

    /// The values under many keys, read as JSON, in the order of the keys.
    pub fn get_many_json<T: DeserializeOwned>(&self, keys: &[String]) -> Result<Vec<Option<T>>, Error> {
        let values = self.get_many(keys)?;
        keys.iter()
            .zip(values)
            .map(|(key, value)| value.map(|value| from_json(key, &value)).transpose())
            .collect()
    }

    /// Keeps `value` under `key` as JSON.
    pub fn set_json<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), Error> {
        self.set(key, &to_json(value)?)
    }
}

/// All keys of a store: what [`Store::keys`] gives.
pub struct Keys<'a> {
    store: &'a Store,
    page: std::vec::IntoIter<String>,
    /// The cursor of the next page; none when there is no next page.
    next: Option<Option<u64>>,
}

impl Iterator for Keys<'_> {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(key) = self.page.next() {
                return Some(Ok(key));
            }
            match self.store.list_keys(self.next.take()?) {
                Ok(page) => {
                    self.page = page.keys.into_iter();
                    self.next = page.cursor.map(Some);
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Reads a value as JSON; `key` is for the error.
pub(crate) fn from_json<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(value)
        .map_err(|error| Error::Malformed { key: key.to_owned(), detail: error.to_string() })
}

/// Writes a value as JSON.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Unwritable(error.to_string()))
}

/// Reads a counter: decimal digits, as `wasi:keyvalue/atomics` keeps them.
pub(crate) fn parse_counter(key: &str, value: &[u8]) -> Result<u64, Error> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Error::Malformed { key: key.to_owned(), detail: "it is not a counter".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_crosses_pages_in_ascending_order() {
        let store = Store::open("default").unwrap();
        for number in (0..50).rev() {
            store.set(&format!("{number:02}"), b"").unwrap();
        }
        let keys: Vec<String> = store.keys().map(Result::unwrap).collect();
        assert_eq!(keys, (0..50).map(|number| format!("{number:02}")).collect::<Vec<_>>());
    }

    #[test]
    fn a_counter_counts_and_a_value_that_is_none_is_an_error() {
        let store = Store::open("default").unwrap();
        assert_eq!(store.counter("n").unwrap(), 0);
        assert_eq!(store.increment("n", 2).unwrap(), 2);
        assert_eq!(store.increment("n", 1).unwrap(), 3);
        assert_eq!(store.counter("n").unwrap(), 3);
        store.set("n", b"three").unwrap();
        assert!(matches!(store.counter("n"), Err(Error::Malformed { .. })));
    }

    #[test]
    fn a_value_that_is_not_json_is_named_by_its_key() {
        let store = Store::open("default").unwrap();
        store.set("k", b"{").unwrap();
        let error = store.get_json::<u32>("k").unwrap_err();
        assert!(matches!(error, Error::Malformed { key, .. } if key == "k"));
    }
}
