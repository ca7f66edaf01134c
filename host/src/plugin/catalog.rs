//! The live plugins, behind one atomic pointer.
//!
//! Owns which version of which plugin answers at which path, and the moment in which that changes: one pointer swap, so that a
//! request sees the catalog before it or after it and nothing in between. A request keeps the version it was given to its
//! end. Refuses to know how a plugin comes to be.
//!
//! Readers do not cache the pointer per thread, although that would be a few nanoseconds cheaper: a worker without requests
//! would keep versions alive that nobody uses.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Plugin;

/// The live plugins.
pub struct Catalog {
    current: ArcSwap<Snapshot>,
}

/// The live plugins at one time.
#[derive(Default)]
struct Snapshot {
    by_mount: HashMap<Arc<str>, Arc<Plugin>>,
    by_name: HashMap<Arc<str>, Arc<Plugin>>,
    /// Segments of the longest mount: how many prefixes of a path can be one.
    segments_max: usize,
}

/// A request's plugin, and what it is to answer.
pub struct Route<'path> {
    /// The live version.
    pub plugin: Arc<Plugin>,
    /// The path below the mount; begins with `/`.
    pub path: &'path str,
}

impl Catalog {
    /// A catalog without plugins.
    #[must_use]
    pub fn new() -> Self {
        Self { current: ArcSwap::from_pointee(Snapshot::default()) }
    }

    /// The plugin whose mount is the longest prefix of a canonical path, on segment boundaries: `/a` is a prefix of `/a` and
    /// `/a/b`, not of `/ab`.
    #[must_use]
    pub fn route<'path>(&self, path: &'path str) -> Option<Route<'path>> {
        let snapshot = self.current.load();
        let (plugin, path) = snapshot.route(path)?;
        Some(Route { plugin: Arc::clone(plugin), path })
    }

    /// The live version of a plugin.
    #[must_use]
    pub fn live(&self, name: &str) -> Option<Arc<Plugin>> {
        self.current.load().by_name.get(name).map(Arc::clone)
    }

    /// All live plugins, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Plugin>> {
        let mut all: Vec<Arc<Plugin>> = self.current.load().by_name.values().map(Arc::clone).collect();
        all.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// The name of another plugin that stands in the way of this name and mount: it has the mount, or the same name but for
    /// upper and lower case, which people and some file systems do not tell apart.
    pub(super) fn conflict(&self, name: &str, mount: &str) -> Option<Conflict> {
        let snapshot = self.current.load();
        let others = || snapshot.by_name.values().filter(|plugin| &*plugin.name != name);
        if let Some(plugin) = others().find(|plugin| plugin.name.eq_ignore_ascii_case(name)) {
            return Some(Conflict::Name(plugin.name.to_string()));
        }
        others()
            .find(|plugin| plugin.mount.eq_ignore_ascii_case(mount))
            .map(|plugin| Conflict::Mount(plugin.name.to_string()))
    }

    /// Makes this version the live one. Returns the one before.
    pub(super) fn publish(&self, plugin: Arc<Plugin>) -> Option<Arc<Plugin>> {
        let name = Arc::clone(&plugin.name);
        self.change(&name, Some(plugin))
    }

    /// Takes a plugin away. Returns its last version.
    pub(super) fn remove(&self, name: &str) -> Option<Arc<Plugin>> {
        self.change(name, None)
    }

    /// The loader's thread alone changes the catalog, so that nothing is lost between reading and storing.
    fn change(&self, name: &str, plugin: Option<Arc<Plugin>>) -> Option<Arc<Plugin>> {
        let current = self.current.load_full();
        let mut by_name = current.by_name.clone();
        let before = match plugin {
            Some(plugin) => by_name.insert(Arc::clone(&plugin.name), plugin),
            None => by_name.remove(name),
        };
        self.current.store(Arc::new(Snapshot::new(by_name)));
        before
    }
}

impl Default for Catalog {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a plugin cannot be published beside the others.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// The other plugin's name differs only in upper and lower case.
    Name(String),
    /// The other plugin has the mount.
    Mount(String),
}

impl Snapshot {
    fn new(by_name: HashMap<Arc<str>, Arc<Plugin>>) -> Self {
        let by_mount: HashMap<Arc<str>, Arc<Plugin>> =
            by_name.values().map(|plugin| (Arc::clone(&plugin.mount), Arc::clone(plugin))).collect();
        let segments_max = by_mount.keys().map(|mount| mount.matches('/').count()).max().unwrap_or(0);
        Self { by_mount, by_name, segments_max }
    }

    fn route<'path>(&self, path: &'path str) -> Option<(&Arc<Plugin>, &'path str)> {
        let mut found = self.by_mount.get("").map(|plugin| (plugin, path));
        // The ends of the path's first segments: positions of the slashes after the first, and the end itself.
        let ends = path
            .char_indices()
            .skip(1)
            .filter_map(|(position, character)| (character == '/').then_some(position))
            .chain(std::iter::once(path.len()));
        for end in ends.take(self.segments_max) {
            let (mount, rest) = path.split_at_checked(end)?;
            if let Some(plugin) = self.by_mount.get(mount) {
                found = Some((plugin, if rest.is_empty() { "/" } else { rest }));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str, mount: &str) -> Arc<Plugin> {
        Arc::new(Plugin {
            name: Arc::from(name),
            mount: Arc::from(mount),
            digest: String::new(),
            manifest: crate::plugin::Manifest::default(),
            endpoints: Vec::new(),
            omitted: Vec::new(),
        })
    }

    #[test]
    fn the_longest_mount_on_a_segment_boundary_is_routed_to() {
        let catalog = Catalog::new();
        let routed = |path: &str| {
            catalog.route(path).map(|route| (route.plugin.name.to_string(), route.path.to_owned()))
        };
        assert_eq!(routed("/a"), None);
        for (name, mount) in [("a", "/a"), ("ab", "/a/b"), ("deep", "/x/y/z")] {
            assert!(catalog.publish(plugin(name, mount)).is_none());
        }
        let to = |name: &str, path: &str| Some((name.to_owned(), path.to_owned()));
        assert_eq!(routed("/a"), to("a", "/"));
        assert_eq!(routed("/a/"), to("a", "/"));
        assert_eq!(routed("/a/c/d"), to("a", "/c/d"));
        assert_eq!(routed("/a/b"), to("ab", "/"));
        assert_eq!(routed("/a/b/c%20d"), to("ab", "/c%20d"));
        assert_eq!(routed("/a/bc"), to("a", "/bc"));
        assert_eq!(routed("/ab"), None);
        assert_eq!(routed("/A"), None);
        assert_eq!(routed("/x/y"), None);
        assert_eq!(routed("/x/y/z/w"), to("deep", "/w"));
        assert_eq!(routed("/"), None);
        catalog.publish(plugin("root", ""));
        assert_eq!(routed("/"), to("root", "/"));
        assert_eq!(routed("/x/y"), to("root", "/x/y"));
        assert_eq!(routed("/a/b"), to("ab", "/"));
        assert!(catalog.remove("ab").is_some());
        assert_eq!(routed("/a/b"), to("a", "/b"));
    }
}
