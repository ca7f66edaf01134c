//! Which keys belong to whom.
//!
//! Owns the form of a key in the database: the plugin's name and the store's name, each after its length, then the key. With
//! the lengths in front no name can be read as part of another, so no choice of names or keys reaches another plugin's or
//! another store's keys; a test holds that against all short names.

use std::sync::Arc;

/// The keys of one store of one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    prefix: Arc<[u8]>,
    /// The first byte string after all that begin with the prefix.
    end: Arc<[u8]>,
}

impl Namespace {
    /// None when a name is empty or over 255 bytes long, which is more than a file's name can be.
    #[must_use]
    pub fn new(plugin: &str, store: &str) -> Option<Self> {
        let mut prefix = Vec::with_capacity(2_usize.saturating_add(plugin.len()).saturating_add(store.len()));
        for name in [plugin, store] {
            prefix.push(u8::try_from(name.len()).ok().filter(|&length| length > 0)?);
            prefix.extend_from_slice(name.as_bytes());
        }
        let mut end = prefix.clone();
        // UTF-8 has no byte 0xFF, so the last one has a successor.
        let last = end.last_mut()?;
        *last = last.checked_add(1)?;
        Some(Self { prefix: prefix.into(), end: end.into() })
    }

    /// A key as it is in the database.
    #[must_use]
    pub fn key(&self, key: &str) -> Vec<u8> {
        let mut whole = Vec::with_capacity(self.prefix.len().saturating_add(key.len()));
        whole.extend_from_slice(&self.prefix);
        whole.extend_from_slice(key.as_bytes());
        whole
    }

    /// The key as the plugin knows it; none when it is not of this namespace.
    #[must_use]
    pub fn strip<'a>(&self, whole: &'a [u8]) -> Option<&'a str> {
        std::str::from_utf8(whole.strip_prefix(&*self.prefix)?).ok()
    }

    pub(super) fn begin(&self) -> &[u8] {
        &self.prefix
    }

    pub(super) fn end(&self) -> &[u8] {
        &self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All strings of up to three characters that could confuse lengths with names.
    fn names() -> Vec<String> {
        let characters = ["\u{1}", "\u{2}", "a", "b", "\u{10FFFF}"];
        let mut names = vec![String::new()];
        let mut last = names.clone();
        for _ in 0..3 {
            last = last.iter().flat_map(|name| characters.map(|c| format!("{name}{c}"))).collect();
            names.extend(last.iter().cloned());
        }
        names
    }

    #[test]
    fn no_two_namespaces_share_a_key_whatever_the_names() {
        let names: Vec<_> = names().into_iter().filter(|name| !name.is_empty()).collect();
        let mut namespaces = Vec::new();
        for plugin in &names {
            for store in &names {
                namespaces.push(Namespace::new(plugin, store).unwrap());
            }
        }
        namespaces.sort_by(|a, b| a.prefix.cmp(&b.prefix));
        for pair in namespaces.windows(2) {
            // In order and each ending before the next begins: then no two overlap.
            assert!(pair[0].prefix < pair[0].end);
            assert!(pair[0].end <= pair[1].prefix, "{pair:?}");
        }
    }

    #[test]
    fn a_key_is_found_again_in_its_own_namespace_only() {
        let (mine, yours) = (Namespace::new("a", "bc").unwrap(), Namespace::new("ab", "c").unwrap());
        for key in names() {
            let whole = mine.key(&key);
            assert!(mine.begin() <= whole.as_slice() && whole.as_slice() < mine.end());
            assert_eq!(mine.strip(&whole), Some(key.as_str()));
            assert_eq!(yours.strip(&whole), None);
        }
    }

    #[test]
    fn names_that_have_no_length_are_refused() {
        assert_eq!(Namespace::new("", "a"), None);
        assert_eq!(Namespace::new("a", ""), None);
        assert_eq!(Namespace::new(&"a".repeat(256), "a"), None);
    }
}
