//! The methods of a plugin, as it named them when it was loaded.
//!
//! Owns the check of that list and the lookup by name, so that a call of an unknown method costs no instance. Refuses to know
//! how the list is shown: introspection and OpenRPC read it.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, bail, ensure};

use super::{Method, json};
use crate::limits::PluginLimits;

/// The plugin's methods, checked.
#[derive(Debug)]
pub(super) struct MethodTable {
    methods: Vec<Method>,
    places: HashMap<String, usize>,
}

impl MethodTable {
    /// Checks what a plugin says it serves.
    ///
    /// # Errors
    /// In words for the plugin's author: which method breaks which rule.
    pub(super) fn new(methods: Vec<Method>, limits: &PluginLimits) -> Result<Self> {
        let mut places = HashMap::with_capacity(methods.len());
        for (place, method) in methods.iter().enumerate() {
            check(method, limits).with_context(|| format!("method `{}`", method.name.escape_debug()))?;
            if places.insert(method.name.clone(), place).is_some() {
                bail!("method `{}` is listed twice by `methods`; a name can be served once", method.name);
            }
        }
        Ok(Self { methods, places })
    }

    /// Whether there is a method of this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// The method of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Method> {
        self.methods.get(*self.places.get(name)?)
    }

    /// All of them, in the plugin's order.
    pub(super) fn all(&self) -> &[Method] {
        &self.methods
    }
}

/// Whether a name is one that XML-RPC can say: its specification allows letters, digits, underscore, dot, colon and slash; the
/// hyphen is ours, and every client sends it.
pub(super) fn is_method_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'/' | b'-'))
}

fn check(method: &Method, limits: &PluginLimits) -> Result<()> {
    ensure!(
        is_method_name(&method.name),
        "the name is empty or has a character that XML-RPC cannot say; use letters, digits and `_ . : / -`"
    );
    ensure!(
        !method.name.starts_with("rpc.") && !method.name.starts_with("system."),
        "names that begin with `rpc.` or `system.` are the host's; choose another"
    );
    let mut names = HashSet::new();
    for param in &method.params {
        ensure!(!param.name.is_empty(), "a parameter has no name");
        ensure!(
            names.insert(param.name.as_str()),
            "the parameter `{}` is listed twice",
            param.name.escape_debug()
        );
        check_schema(param.schema.as_deref(), limits)
            .with_context(|| format!("the schema of the parameter `{}`", param.name.escape_debug()))?;
    }
    check_schema(method.returns_schema.as_deref(), limits).context("the schema of the result")
}

fn check_schema(schema: Option<&str>, limits: &PluginLimits) -> Result<()> {
    let Some(schema) = schema else { return Ok(()) };
    let schema = json::document(schema, limits.json_depth_max).context("is not JSON")?;
    ensure!(
        schema.starts_with('{') || schema == "true" || schema == "false",
        "is not a JSON Schema: it must be an object, `true` or `false`"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::bindings::exports::guesthouse::plugin::rpc::Param;
    use super::super::testing::method;
    use super::*;

    fn refusal(methods: Vec<Method>) -> String {
        format!("{:#}", MethodTable::new(methods, &PluginLimits::DEFAULT).unwrap_err())
    }

    #[test]
    fn methods_are_found_by_name_in_the_plugins_order() {
        let table =
            MethodTable::new(vec![method("b.add", &[]), method("a", &[])], &PluginLimits::DEFAULT).unwrap();
        assert!(table.contains("a") && table.contains("b.add") && !table.contains("c"));
        assert_eq!(table.get("a").unwrap().name, "a");
        assert_eq!(table.all()[0].name, "b.add");
    }

    #[test]
    fn a_list_that_cannot_be_served_is_refused_with_the_method_and_the_rule() {
        assert!(refusal(vec![method("a b", &[])]).starts_with("method `a b`: the name is empty or has"));
        assert!(refusal(vec![method("", &[])]).contains("the name is empty"));
        assert!(refusal(vec![method("é", &[])]).contains("letters, digits"));
        assert!(refusal(vec![method("rpc.x", &[])]).contains("are the host's"));
        assert!(refusal(vec![method("system.x", &[])]).contains("are the host's"));
        assert!(refusal(vec![method("a", &[]), method("a", &[])]).contains("`a` is listed twice"));
        let twice = method("a", &[("x", Kind::Any), ("x", Kind::Any)]);
        assert!(refusal(vec![twice]).contains("the parameter `x` is listed twice"));
        assert!(refusal(vec![method("a", &[("", Kind::Any)])]).contains("a parameter has no name"));
        let mut schema = method("a", &[]);
        schema.returns_schema = Some("{".to_owned());
        assert!(
            refusal(vec![schema])
                .contains("method `a`: the schema of the result: is not JSON: the text ends")
        );
        let mut schema = method("a", &[]);
        schema.params = vec![Param {
            name: "x".to_owned(),
            kind: Kind::Any,
            required: true,
            help: String::new(),
            schema: Some("1".to_owned()),
        }];
        assert!(refusal(vec![schema]).contains("the schema of the parameter `x`: is not a JSON Schema"));
    }
}
