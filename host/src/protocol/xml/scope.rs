//! The namespaces in scope.
//!
//! Owns prefixes and what they are bound to. Looking one up costs the same however many there are: documents bind few
//! prefixes, which a scan finds fastest, and those past the first few are found by hash, so that thousands of them cannot make
//! a document slow.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// What the prefix `xml` is bound to.
pub const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// What the prefix `xmlns` is bound to.
pub(super) const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// A namespace name: a part of the document, or shared when references in it had to be resolved. Empty for none.
#[derive(Clone)]
pub enum Namespace<'a> {
    /// As it stands in the document.
    Borrowed(&'a str),
    /// As it reads after references were resolved.
    Shared(Arc<str>),
}

impl Deref for Namespace<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl PartialEq for Namespace<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Namespace<'_> {}

impl fmt::Debug for Namespace<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

#[derive(Debug)]
pub(super) struct Binding<'a> {
    pub(super) prefix: &'a str,
    pub(super) namespace: Namespace<'a>,
    /// Among the hashed ones: the binding of the same prefix that holds again when this one ends.
    shadowed: Option<usize>,
}

/// So many bindings are scanned before hashing begins.
const SCANNED_MAX: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    bindings: Vec<Binding<'a>>,
    /// The latest binding of each prefix among those past the scanned ones.
    hashed: HashMap<&'a str, usize>,
}

impl<'a> Scope<'a> {
    pub(super) fn len(&self) -> usize {
        self.bindings.len()
    }

    /// The latest binding of a prefix; the empty prefix is the default namespace.
    fn latest(&self, prefix: &str) -> Option<usize> {
        if !self.hashed.is_empty()
            && let Some(&index) = self.hashed.get(prefix)
        {
            return Some(index);
        }
        let scanned = self.bindings.get(..SCANNED_MAX).unwrap_or(&self.bindings);
        scanned.iter().rposition(|binding| binding.prefix == prefix)
    }

    /// Binds a prefix. False when one of the bindings from `since` on is of the same prefix.
    pub(super) fn declare(&mut self, since: usize, prefix: &'a str, namespace: Namespace<'a>) -> bool {
        if self.latest(prefix).is_some_and(|index| index >= since) {
            return false;
        }
        let index = self.bindings.len();
        let shadowed = if index < SCANNED_MAX { None } else { self.hashed.insert(prefix, index) };
        self.bindings.push(Binding { prefix, namespace, shadowed });
        true
    }

    /// Ends the scope of an element.
    pub(super) fn truncate(&mut self, len: usize) {
        while self.bindings.len() > len {
            let Some(binding) = self.bindings.pop() else { break };
            if self.bindings.len() >= SCANNED_MAX {
                match binding.shadowed {
                    Some(index) => self.hashed.insert(binding.prefix, index),
                    None => self.hashed.remove(binding.prefix),
                };
            }
        }
    }

    /// What a prefix is bound to; the empty prefix to the empty namespace when nothing else was declared.
    pub(super) fn resolve(&self, prefix: &str) -> Option<Namespace<'a>> {
        if prefix.is_empty() && self.bindings.is_empty() {
            return Some(Namespace::Borrowed(""));
        }
        if prefix == "xml" {
            return Some(Namespace::Borrowed(XML_NAMESPACE));
        }
        match self.latest(prefix).and_then(|index| self.bindings.get(index)) {
            Some(binding) => Some(binding.namespace.clone()),
            None => prefix.is_empty().then_some(Namespace::Borrowed("")),
        }
    }

    /// The bindings made before `since` that hold still, but for an undeclared default namespace.
    pub(super) fn inherited(&self, since: usize) -> impl Iterator<Item = &Binding<'a>> {
        let made = self.bindings.get(..since).unwrap_or(&self.bindings);
        made.iter()
            .enumerate()
            .filter(|(index, binding)| {
                !binding.namespace.is_empty()
                    && binding.prefix != "xml"
                    && self.latest(binding.prefix) == Some(*index)
            })
            .map(|(_, binding)| binding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_shadow_and_come_back_on_both_sides_of_the_threshold() {
        let prefixes: Vec<String> = (0..40).map(|number| format!("p{}", number % 25)).collect();
        let mut scope = Scope::default();
        let mut expected: Vec<(String, String)> = Vec::new();
        for (number, prefix) in prefixes.iter().enumerate() {
            let since = scope.len();
            assert!(scope.declare(since, prefix, Namespace::Shared(format!("urn:{number}").into())));
            assert!(!scope.declare(since, prefix, Namespace::Borrowed("urn:again")));
            expected.push((prefix.clone(), format!("urn:{number}")));
        }
        while let Some((prefix, namespace)) = expected.last() {
            assert_eq!(&*scope.resolve(prefix).unwrap(), namespace);
            for (prefix, _) in &expected {
                let latest = expected.iter().rev().find(|(other, _)| other == prefix).unwrap();
                assert_eq!(&*scope.resolve(prefix).unwrap(), latest.1);
            }
            expected.pop();
            scope.truncate(expected.len());
        }
        assert!(scope.resolve("p0").is_none() && scope.hashed.is_empty());
    }
}
