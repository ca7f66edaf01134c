//! From a core module to a component.
//!
//! Owns the encoding and the reading of what a component exports and imports. Refuses to decide whether the host will
//! serve it: that depends on grants, which are not known here.
//!
//! The module carries its types in a custom section that the bindings generator wrote. Encoding it in this process
//! rather than with a component linker means that any linker for core modules will do.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, bail};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// What a component offers and asks for: names of interfaces and functions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Description {
    pub(super) exports: BTreeSet<String>,
    pub(super) imports: BTreeSet<String>,
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        write!(formatter, "exports {}", list(&self.exports))?;
        if self.imports.is_empty() {
            write!(formatter, "; imports nothing")
        } else {
            write!(formatter, "; imports {}", list(&self.imports))
        }
    }
}

/// Encodes a core module as a component and validates it.
///
/// # Errors
///
/// If the module imports something that no interface describes, or its exports do not have the types they claim.
pub(super) fn encode(core: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(core)
        .and_then(|encoder| encoder.encode())
        .context(
            "the compiled module is no component (as a rule because the library does not call the SDK's export macro, \
             or because a dependency expects JavaScript or an operating system)",
        )
}

/// Reads what a component exports and imports.
///
/// # Errors
///
/// If it exports nothing, which no host can serve, or is not a component at all.
pub(super) fn describe(component: &[u8]) -> anyhow::Result<Description> {
    let mut description = Description::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.context("the encoded component cannot be read back")? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    description.imports.insert(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    description.exports.insert(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    if description.exports.is_empty() {
        bail!(
            "it exports nothing, so there is nothing to serve: does its library call the SDK's export macro, or in C, is the \
             object file linked that wit-bindgen makes?"
        );
    }
    Ok(description)
}

#[cfg(test)]
pub(super) mod tests;
