//! Several keys that change together or not at all (`guesthouse:plugin/transaction`).
//!
//! A [`Transaction`] remembers what was read through it and what is to be written. The commit makes the writes only if
//! everything that was read still is so; otherwise it is a conflict, and [`run`] does the whole work again. So a call sees
//! the store as if it were alone, without locks that a call that is cut off could leave behind.
//!
//! ```
//! use guesthouse_sdk::{store::{Error, Store}, transaction};
//!
//! let store = Store::open("default")?;
//! let balance = transaction::run(&store, |t| {
//!     let balance = t.get_json::<u64>("balance")?.unwrap_or(0) + 10;
//!     t.put_json("balance", &balance)?;
//!     Ok::<_, Error>(balance)
//! })?;
//! # assert_eq!(balance, 10);
//! # Ok::<_, Error>(())
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::imports::guesthouse::plugin::transaction::{Expectation, Write};

use crate::host;
use crate::store::{Error, Store, from_json, to_json};

/// How often [`run`] tries before it gives up with [`Error::Conflict`]. Whoever loses a conflict lost to a call that
/// committed, so among `n` calls at once that all want the same keys the unluckiest needs at most `n` attempts: this
/// is more calls than a host lets into one plugin at once. Time ends a call earlier if it must: its wall deadline holds
/// here as everywhere.
pub const ATTEMPTS_MAX: u32 = 1_024;

/// Does `work` and commits, again from the start while others change what it read, at most [`ATTEMPTS_MAX`] times. An
/// error of `work` ends it at once with nothing written. `work` must have no effects but through its transaction, since
/// it may run more than once.
pub fn run<T, E: From<Error>>(
    store: &Store,
    mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    for _ in 0..ATTEMPTS_MAX {
        let mut transaction = Transaction::begin(store);
        let value = work(&mut transaction)?;
        match transaction.commit() {
            Ok(()) => return Ok(value),
            Err(Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict.into())
}

/// Reads and intended writes of one piece of work on one store.
pub struct Transaction<'a> {
    store: &'a Store,
    expectations: Vec<Expectation>,
    writes: Vec<Write>,
}

impl<'a> Transaction<'a> {
    /// Begins with nothing read and nothing to write.
    pub fn begin(store: &'a Store) -> Self {
        Self { store, expectations: Vec::new(), writes: Vec::new() }
    }

    /// The value under `key` as this transaction sees it: what it has written, or what it has read before, or else what
    /// the store holds, which the commit will then insist on.
    pub fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        for write in &self.writes {
            match write {
                Write::Put((written, value)) if written == key => return Ok(Some(value.clone())),
                Write::Delete(deleted) if deleted == key => return Ok(None),
                Write::Put(_) | Write::Delete(_) => {}
            }
        }
        if let Some(known) = self.expectations.iter().find(|known| known.key == key) {
            return Ok(known.value.clone());
        }
        let value = self.store.get(key)?;
        self.expectations.push(Expectation { key: key.to_owned(), value: value.clone() });
        Ok(value)
    }

    /// The same, read as JSON.
    pub fn get_json<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Error> {
        self.get(key)?.map(|value| from_json(key, &value)).transpose()
    }

    /// Whether `key` is present.
    pub fn exists(&mut self, key: &str) -> Result<bool, Error> {
        Ok(self.get(key)?.is_some())
    }

    /// Will keep `value` under `key`.
    pub fn put(&mut self, key: &str, value: Vec<u8>) {
        self.write(key, Write::Put((key.to_owned(), value)));
    }

    /// Will keep `value` under `key` as JSON.
    pub fn put_json<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Error> {
        self.put(key, to_json(value)?);
        Ok(())
    }

    /// Will remove `key`; one that is absent is no error.
    pub fn delete(&mut self, key: &str) {
        self.write(key, Write::Delete(key.to_owned()));
    }

    /// The last write to a key is the one that counts.
    fn write(&mut self, key: &str, write: Write) {
        self.writes.retain(|earlier| match earlier {
            Write::Put((name, _)) | Write::Delete(name) => name != key,
        });
        self.writes.push(write);
    }

    /// Makes the writes, all or none; [`Error::Conflict`] when something that was read has changed. Without writes it
    /// still checks several reads against one another, so that what was read together was true together.
    pub fn commit(self) -> Result<(), Error> {
        if self.writes.is_empty() && self.expectations.len() < 2 {
            return Ok(());
        }
        host::commit(self.store.name(), &self.expectations, &self.writes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_runs_the_work_again_on_the_new_values() {
        let store = Store::open("default").unwrap();
        let mut attempts = 0;
        let sum = run(&store, |t| {
            attempts += 1;
            let value = t.get_json::<u64>("n")?.unwrap_or(0);
            if attempts == 1 {
                store.set_json("n", &40)?;
            }
            t.put_json("n", &(value + 2))?;
            Ok::<_, Error>(value + 2)
        });
        assert_eq!((sum, attempts), (Ok(42), 2));
        assert_eq!(store.get_json("n"), Ok(Some(42)));
    }

    #[test]
    fn endless_conflicts_end_after_the_bound_with_nothing_written() {
        let store = Store::open("default").unwrap();
        let mut attempts = 0;
        let outcome = run(&store, |t| {
            attempts += 1;
            t.get("n")?;
            store.set_json("n", &attempts)?;
            t.put("other", Vec::new());
            Ok::<_, Error>(())
        });
        assert_eq!((outcome, attempts), (Err(Error::Conflict), ATTEMPTS_MAX));
        assert_eq!(store.exists("other"), Ok(false));
    }

    #[test]
    fn an_error_of_the_work_writes_nothing() {
        let store = Store::open("default").unwrap();
        let outcome = run(&store, |t| {
            t.put("n", vec![1]);
            Err::<(), _>(Error::Other("no".to_owned()))
        });
        assert!(outcome.is_err());
        assert_eq!(store.exists("n"), Ok(false));
    }

    #[test]
    fn a_transaction_sees_its_own_writes_and_reads_the_same_value_twice() {
        let store = Store::open("default").unwrap();
        store.set("a", b"1").unwrap();
        let mut t = Transaction::begin(&store);
        assert_eq!(t.get("a").unwrap().unwrap(), b"1");
        store.set("a", b"2").unwrap();
        assert_eq!(t.get("a").unwrap().unwrap(), b"1");
        t.put("a", b"3".to_vec());
        assert_eq!(t.get("a").unwrap().unwrap(), b"3");
        t.delete("a");
        assert_eq!(t.get("a").unwrap(), None);
        assert_eq!(t.commit(), Err(Error::Conflict));
    }

    #[test]
    fn several_reads_that_were_never_true_together_are_a_conflict_even_without_writes() {
        let store = Store::open("default").unwrap();
        let mut t = Transaction::begin(&store);
        t.get("a").unwrap();
        store.set("a", b"1").unwrap();
        t.get("b").unwrap();
        assert_eq!(t.commit(), Err(Error::Conflict));
    }
}
