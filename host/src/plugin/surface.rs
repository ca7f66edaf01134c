//! What a plugin is, seen from outside: for `guesthouse inspect`.
//!
//! Owns the words in which every style says which protocols it speaks and where its contracts are. Refuses to know how that is
//! shown. It is said by the endpoint itself, so that no list beside it can go out of date.

/// A plugin in one style.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surface {
    /// The protocols that it speaks, each with its path below the mount.
    pub protocols: Vec<(&'static str, String)>,
    /// Where its contracts are.
    pub contracts: Vec<Contract>,
    /// The path below the mount of a page for people.
    pub page: Option<&'static str>,
}

impl Surface {
    /// Of a plugin that speaks these protocols at its mount itself.
    #[must_use]
    pub fn at_mount(protocols: &[&'static str]) -> Self {
        let protocols = protocols.iter().map(|protocol| (*protocol, String::new())).collect();
        Self { protocols, ..Self::default() }
    }
}

/// A contract that a client can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// For people: `OpenAPI`, `WSDL`.
    pub language: &'static str,
    /// How it is asked for.
    pub at: At,
}

/// How a contract is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// By GET at this path below the mount, query included.
    Path(String),
    /// By calling this method at this path below the mount.
    Method(&'static str, String),
}

impl Contract {
    /// One that is read by GET.
    #[must_use]
    pub fn read(language: &'static str, path: impl Into<String>) -> Self {
        Self { language, at: At::Path(path.into()) }
    }

    /// One that a method of the plugin's mount answers.
    #[must_use]
    pub fn called(language: &'static str, method: &'static str) -> Self {
        Self { language, at: At::Method(method, String::new()) }
    }
}

/// What can be called by a name: an endpoint of REST, a method, an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `GET /items/{id}`, or `createUser(name, email)`.
    pub name: String,
    /// Its author's text; empty without one.
    pub docs: String,
}

/// Something a component exports that is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omitted {
    /// `acme:shop/orders@1.2.0#watch`.
    pub function: String,
    /// In a few words.
    pub reason: String,
}

/// The error of a style that finds nothing to serve although nothing is broken. A plugin that has another style is served in that
/// one; alone, it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is nothing to serve: {}", why(omitted))]
pub struct NothingToServe {
    /// What is left out, and why.
    pub omitted: Vec<Omitted>,
}

fn why(omitted: &[Omitted]) -> String {
    match omitted.first() {
        Some(Omitted { function, reason }) => format!("`{function}` cannot be served: {reason}"),
        None => "it exports no function of its own".to_owned(),
    }
}
