//! Doubles of the host for a plugin's own tests: outside a component, every import of this crate works on values in the
//! memory of the current thread. Each test of `cargo test` has a thread, and so a host, of its own.
//!
//! Every store that is asked for exists and is empty at first. There is no caller, the mount is empty, the clocks stand at
//! 2026-01-01T00:00:00Z until they are set, and randomness counts upwards, so that tests repeat.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::context::Identity;
use crate::log::Level;
use crate::websocket::Member;

/// What a plugin has logged: level, context and message of each line.
pub type LogLine = (Level, String, String);

struct Host {
    stores: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    config: BTreeMap<String, String>,
    caller: Option<Identity>,
    mount: String,
    now_unix_ms: u64,
    random: u64,
    log: Vec<LogLine>,
    rooms: BTreeMap<String, Vec<Member>>,
}

thread_local! {
    static HOST: RefCell<Host> = const {
        RefCell::new(Host {
            stores: BTreeMap::new(),
            config: BTreeMap::new(),
            caller: None,
            mount: String::new(),
            now_unix_ms: 1_767_225_600_000,
            random: 0,
            log: Vec::new(),
            rooms: BTreeMap::new(),
        })
    };
}

fn with<T>(act: impl FnOnce(&mut Host) -> T) -> T {
    HOST.with_borrow_mut(act)
}

/// Sets who is calling; none for an anonymous caller.
pub fn set_caller(caller: Option<Identity>) {
    with(|host| host.caller = caller);
}

/// Sets the path prefix the plugin is served under.
pub fn set_mount(mount: &str) {
    with(|host| host.mount = mount.to_owned());
}

/// Sets both clocks, in milliseconds since 1970-01-01T00:00:00Z.
pub fn set_time(unix_ms: u64) {
    with(|host| host.now_unix_ms = unix_ms);
}

/// Sets a value of the manifest's configuration.
pub fn set_config(key: &str, value: &str) {
    with(|host| host.config.insert(key.to_owned(), value.to_owned()));
}

/// Sets who is in a topic: connections and their labels, in the order they joined.
pub fn set_members(topic: &str, members: &[(u64, &str)]) {
    let member = |&(connection, label): &(u64, &str)| Member { connection, label: label.to_owned() };
    let members = members.iter().map(member).collect();
    with(|host| host.rooms.insert(topic.to_owned(), members));
}

/// Takes what has been logged so far.
pub fn take_log() -> Vec<LogLine> {
    with(|host| std::mem::take(&mut host.log))
}

pub(crate) mod host {
    use super::with;
    use crate::config::Unavailable;
    use crate::context::Identity;
    use crate::log::Level;
    use crate::store::{Entry, Error};
    use crate::transaction::{Expectation, Write};

    /// As many keys as a page holds, few enough that tests meet the second page.
    const PAGE_KEYS: usize = 16;

    pub(crate) fn log(level: Level, context: &str, message: &str) {
        with(|host| host.log.push((level, context.to_owned(), message.to_owned())));
    }

    pub(crate) fn caller() -> Option<Identity> {
        with(|host| host.caller.clone())
    }

    pub(crate) fn request_id() -> String {
        "test".to_owned()
    }

    pub(crate) fn remaining_ms() -> u64 {
        1_000
    }

    pub(crate) fn members(topic: &str) -> Vec<crate::websocket::Member> {
        with(|host| host.rooms.get(topic).cloned().unwrap_or_default())
    }

    pub(crate) fn mount() -> String {
        with(|host| host.mount.clone())
    }

    pub(crate) fn now_unix_ms() -> u64 {
        with(|host| host.now_unix_ms)
    }

    pub(crate) fn monotonic_ms() -> u64 {
        now_unix_ms()
    }

    pub(crate) fn random_u64() -> u64 {
        with(|host| {
            host.random = host.random.wrapping_add(1);
            host.random
        })
    }

    pub(crate) fn random_bytes(count: usize) -> Vec<u8> {
        (0..count).map(|_| random_u64().to_le_bytes()[0]).collect()
    }

    pub(crate) fn config_get(key: &str) -> Result<Option<String>, Unavailable> {
        Ok(with(|host| host.config.get(key).cloned()))
    }

    pub(crate) fn config_all() -> Result<Vec<(String, String)>, Unavailable> {
        Ok(with(|host| host.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect()))
    }

    pub(crate) struct Bucket(String);

    impl Bucket {
        pub(crate) fn open(identifier: &str) -> Result<Self, Error> {
            with(|host| {
                host.stores.entry(identifier.to_owned()).or_default();
            });
            Ok(Self(identifier.to_owned()))
        }

        fn within<T>(&self, act: impl FnOnce(&mut std::collections::BTreeMap<String, Vec<u8>>) -> T) -> T {
            with(|host| act(host.stores.entry(self.0.clone()).or_default()))
        }

        pub(crate) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
            Ok(self.within(|keys| keys.get(key).cloned()))
        }

        pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
            self.within(|keys| keys.insert(key.to_owned(), value.to_vec()));
            Ok(())
        }

        pub(crate) fn delete(&self, key: &str) -> Result<(), Error> {
            self.within(|keys| keys.remove(key));
            Ok(())
        }

        pub(crate) fn exists(&self, key: &str) -> Result<bool, Error> {
            Ok(self.within(|keys| keys.contains_key(key)))
        }

        pub(crate) fn list_keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), Error> {
            let start = usize::try_from(cursor.unwrap_or(0)).unwrap_or(usize::MAX);
            let keys: Vec<String> =
                self.within(|keys| keys.keys().skip(start).take(PAGE_KEYS + 1).cloned().collect());
            let next = (keys.len() > PAGE_KEYS).then(|| start.saturating_add(PAGE_KEYS) as u64);
            Ok((keys.into_iter().take(PAGE_KEYS).collect(), next))
        }

        pub(crate) fn increment(&self, key: &str, delta: u64) -> Result<u64, Error> {
            let held = match self.get(key)? {
                Some(value) => crate::store::parse_counter(key, &value)?,
                None => 0,
            };
            let sum =
                held.checked_add(delta).ok_or_else(|| Error::Other("the counter is full".to_owned()))?;
            self.set(key, sum.to_string().as_bytes())?;
            Ok(sum)
        }

        pub(crate) fn get_many(&self, keys: &[String]) -> Result<Vec<Entry>, Error> {
            keys.iter().map(|key| Ok(self.get(key)?.map(|value| (key.clone(), value)))).collect()
        }

        pub(crate) fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), Error> {
            entries.iter().try_for_each(|(key, value)| self.set(key, value))
        }

        pub(crate) fn delete_many(&self, keys: &[String]) -> Result<(), Error> {
            keys.iter().try_for_each(|key| self.delete(key))
        }
    }

    pub(crate) fn commit(store: &str, expectations: &[Expectation], writes: &[Write]) -> Result<(), Error> {
        let bucket = Bucket::open(store)?;
        for expectation in expectations {
            if bucket.get(&expectation.key)? != expectation.value {
                return Err(Error::Conflict);
            }
        }
        for write in writes {
            match write {
                Write::Put((key, value)) => bucket.set(key, value)?,
                Write::Delete(key) => bucket.delete(key)?,
            }
        }
        Ok(())
    }
}
